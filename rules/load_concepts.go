package rules

import (
	"context"
	"fmt"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// Avni's data types (concept.data_type) that change the shape of the contract.
const (
	coded         = "Coded"
	questionGroup = "QuestionGroup"
)

// concept is a concept as the contract has it.
type concept struct {
	id             int64
	organisationID int32
	uuid           string
	dataType       string
	contract       *Record
	answers        List
	used           atomic.Bool // by a rule, since it was read
}

// concept returns a concept by uuid, or nil if the organisation sees none: learn must
// have been called with its uuid.
func (r *reference) concept(uuid string) *concept {
	r.mu.RLock()
	defer r.mu.RUnlock()
	c := r.concepts[uuid]
	if c != nil && !c.used.Load() {
		c.used.Store(true)
	}
	return c
}

// used returns the uuids of the concepts that rules have touched.
func (r *reference) used() (uuids []string) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	for uuid, c := range r.concepts {
		if c != nil && c.used.Load() {
			uuids = append(uuids, uuid)
		}
	}
	return uuids
}

// notConcepts are the keys of a stored phone number, which look like keys of
// observations.
var notConcepts = map[string]bool{"phoneNumber": true, "verified": true, "skipVerification": true}

// unknown returns the keys of jsonb values that are not in the cache.
func (r *reference) unknown(stored [][]byte) []string {
	r.mu.RLock()
	defer r.mu.RUnlock()
	var missing []string
	seen := map[string]bool{}
	for _, text := range stored {
		eachKey(text, func(key []byte) {
			if _, cached := r.concepts[string(key)]; cached || seen[string(key)] || notConcepts[string(key)] {
				return
			}
			seen[string(key)] = true
			missing = append(missing, string(key))
		})
	}
	return missing
}

const conceptColumns = `%[1]s.id, %[1]s.organisation_id, %[1]s.uuid, %[1]s.name, %[1]s.data_type, %[1]s.low_absolute,
	%[1]s.high_absolute, %[1]s.low_normal, %[1]s.unit, %[1]s.key_values, %[1]s.is_voided`

var (
	conceptsSQL = fmt.Sprintf(`select `+conceptColumns+` from concept c
		where c.uuid = any($1) and c.organisation_id = any($2)`, "c")
	answersSQL = fmt.Sprintf(`select ca.concept_id, ca.uuid, ca.answer_order, ca.abnormal, ca.uniq, ca.is_voided, `+conceptColumns+`
		from concept_answer ca
		join concept c on c.id = ca.concept_id
		join concept a on a.id = ca.answer_concept_id
		where c.uuid = any($1) and c.organisation_id = any($2)
		  and ca.organisation_id = any($2) and a.organisation_id = any($2)
		order by ca.answer_order, ca.id`, "a")
)

// learn makes sure that the concepts of these jsonb values are in the cache.
func (l *Loader) learn(ctx context.Context, r *reference, stored [][]byte) error {
	missing := r.unknown(stored)
	if len(missing) == 0 {
		return nil
	}
	b := &pgx.Batch{}
	store := r.queueConcepts(b, missing)
	if err := l.pool.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("read concepts of organisation %d: %w", r.org.ID, err)
	}
	store()
	return nil
}

// queueConcepts reads concepts; store puts them into the cache when they are there.
func (r *reference) queueConcepts(b *pgx.Batch, uuids []string) (store func()) {
	if len(uuids) == 0 {
		return func() {}
	}
	var found []*concept
	answers := map[int64]List{}
	b.Queue(conceptsSQL, uuids, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			c, err := scanConcept(rows)
			found = append(found, c)
			return err
		})
	})
	b.Queue(answersSQL, uuids, r.org.VisibleIDs).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error { return scanAnswer(rows, answers) })
	})
	return func() { r.store(uuids, found, answers) }
}

// store takes what a query found. Of a uuid that the organisation and an ancestor both
// have, its own wins. What was not found is remembered too.
func (r *reference) store(asked []string, found []*concept, answers map[int64]List) {
	nearest := map[string]*concept{}
	for _, c := range found {
		if have := nearest[c.uuid]; have == nil || r.org.nearness(c.organisationID) < r.org.nearness(have.organisationID) {
			nearest[c.uuid] = c
		}
	}
	for _, c := range nearest {
		if c.dataType == coded {
			c.answers = append(List{}, answers[c.id]...)
			c.contract.Set("answers", c.answers)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, uuid := range asked {
		r.concepts[uuid] = nearest[uuid]
	}
}

// conceptRow is the scan target of conceptColumns.
type conceptRow struct {
	id                                 int64
	organisationID                     int32
	uuid, name, dataType               string
	lowAbsolute, hiAbsolute, lowNormal *float64
	unit                               *string
	keyValues                          []byte
	voided                             bool
}

func (c *conceptRow) targets() []any {
	return []any{&c.id, &c.organisationID, &c.uuid, &c.name, &c.dataType, &c.lowAbsolute, &c.hiAbsolute,
		&c.lowNormal, &c.unit, &c.keyValues, &c.voided}
}

func (c *conceptRow) concept() (*concept, error) {
	keyValues, err := parseJSON(c.keyValues)
	if err != nil {
		return nil, fmt.Errorf("read key_values of concept %s: %w", c.uuid, err)
	}
	return &concept{id: c.id, organisationID: c.organisationID, uuid: c.uuid, dataType: c.dataType,
		contract: newRecord(conceptFields, c.uuid, c.name, c.dataType, value(c.lowAbsolute), value(c.hiAbsolute),
			value(c.lowNormal), value(c.unit), keyValues, c.voided, nil)}, nil
}

func scanConcept(rows pgx.Rows) (*concept, error) {
	var c conceptRow
	if err := rows.Scan(c.targets()...); err != nil {
		return nil, err
	}
	return c.concept()
}

func scanAnswer(rows pgx.Rows, answers map[int64]List) error {
	var (
		conceptID                int64
		uuid                     string
		order                    float64
		abnormal, unique, voided bool
		c                        conceptRow
	)
	if err := rows.Scan(append([]any{&conceptID, &uuid, &order, &abnormal, &unique, &voided}, c.targets()...)...); err != nil {
		return err
	}
	answer, err := c.concept()
	if err != nil {
		return err
	}
	answers[conceptID] = append(answers[conceptID],
		newRecord(answerFields, uuid, answer.contract, order, abnormal, unique, voided))
	return nil
}
