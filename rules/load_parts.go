package rules

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
)

// A reader is the evaluation on whose behalf a Late is read.
type reader interface {
	// touched is told of each part that the rule touches, read or not.
	touched(part)
	// read runs a query while the evaluation waits. The rule's time does not run meanwhile.
	read(query func(context.Context) error) error
}

// late is a value that is made of a part. If the part was not read with the batch it is read
// when a rule first touches it, for all entities of the batch; its rows may be younger than
// those that were read before, which stay as they are.
func (c *contracts) late(p part, convert func() any) Late {
	var made any
	converted := false
	return func(r reader) (any, error) {
		r.touched(p)
		c.mu.Lock()
		defer c.mu.Unlock()
		if err := c.require(r, p); err != nil {
			return nil, err
		}
		if !converted {
			made, converted = convert(), true
		}
		return made, nil
	}
}

// require sees to it that a part has been read. What failed is not tried again for the
// batch's other entities: their changes are put off, and then looked at one by one.
func (c *contracts) require(r reader, p part) error {
	if c.trouble == nil && !c.parts.has(p) {
		c.trouble = r.read(func(ctx context.Context) error { return c.readParts(ctx, partSet(0).with(p)) })
	}
	if c.parts.has(p) {
		return nil
	}
	return c.trouble
}

// readParts reads parts of all entities of the batch in one round trip, one query for each
// table, and then what of their definitions is not known.
func (c *contracts) readParts(ctx context.Context, wanted partSet) error {
	b := &pgx.Batch{}
	for p := range partCount {
		if wanted.minus(c.parts).has(p) {
			c.queuePart(b, p)
		}
	}
	if b.Len() > 0 {
		if err := c.loader.pool.SendBatch(ctx, b).Close(); err != nil {
			return fmt.Errorf("read %s of organisation %d: %w", c.names(wanted), c.ref.org.ID, err)
		}
	}
	if err := c.readDefinitions(ctx); err != nil {
		return err
	}
	c.parts |= wanted
	return nil
}

func (c *contracts) queuePart(b *pgx.Batch, p part) {
	f, org := c.family, c.ref.org
	switch p {
	case addressPart:
		f.queueAddresses(b, org, c.subjectIDs)
	case enrolmentsPart:
		f.queueEnrolments(b, org, ofSubjects, c.subjectIDs, f.listEnrolment)
	case encountersPart:
		f.queueEncounters(b, org, ofSubjects, c.subjectIDs, f.listEncounter)
	case programEncountersPart:
		if len(c.enrolmentIDs) > 0 {
			f.queueProgramEncounters(b, org, ofEnrolments, c.enrolmentIDs, f.listProgramEncounter)
		}
	case groupsPart:
		f.queueMemberships(b, org, c.subjectIDs)
		f.queueGroupSubjects(b, org, c.subjectIDs)
	case approvalsPart:
		f.queueApprovals(b, org, c.subjectIDs)
	}
}

// readDefinitions reads the definitions again if the family refers to some that are not
// cached.
func (c *contracts) readDefinitions(ctx context.Context) error {
	missing := c.ref.missing(c.family)
	if len(missing) == 0 {
		return nil
	}
	ref, err := c.loader.readReference(ctx, c.ref.org, missing, c.ref.used())
	if err == nil {
		c.ref = ref
	}
	return err
}

// names is for errors.
func (c *contracts) names(s partSet) (names []part) {
	for p := range partCount {
		if s.has(p) {
			names = append(names, p)
		}
	}
	return names
}

// observations is the contract's list of {concept, value} for a jsonb column. Concepts that
// are not cached are read for all that the batch has read so far.
func (c *contracts) observations(stored []byte) any {
	if len(stored) == 0 || string(stored) == "{}" || string(stored) == "null" {
		return List{}
	}
	var made any
	var failure error
	converted := false
	return Late(func(r reader) (any, error) {
		c.mu.Lock()
		defer c.mu.Unlock()
		if converted {
			return made, failure
		}
		if err := c.learn(r, stored); err != nil {
			return nil, err
		}
		made, failure = c.ref.observations(stored)
		converted = true
		return made, failure
	})
}

func (c *contracts) learn(r reader, stored []byte) error {
	if len(c.ref.unknown([][]byte{stored})) == 0 {
		return nil
	}
	if c.trouble == nil {
		c.trouble = r.read(func(ctx context.Context) error { return c.loader.learn(ctx, c.ref, c.family.stored()) })
	}
	return c.trouble
}
