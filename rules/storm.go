package rules

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
)

// stormHour is how many times the limit of one transaction a rule may make in an hour.
const stormHour = 10

// admissionSQL tells for rules $2 whether they started, and how many new requests each
// has made: of transaction $5, and of what was committed in the hour before $6. Only what
// has been committed is counted: as many too many may get through as settle at the same
// moment (parallelWrites - 1, and parallelWrites of each further process), but nobody waits
// for anybody. It stops counting at the limit, $7. A commit_lsn of 0/0 stands for no
// transaction, one where a catch-up ended for all that this has found after the slot was
// lost. started is false of a rule that is not as it was last seen.
const admissionSQL = `
	select r.id, a.active_from,
		coalesce(not a.is_voided and a.entity_type = r.entity_type and a.entity_type_id = r.type_id, false),
		(select count(*) from (select from messenger.trigger_log t
			where t.rule_id = r.id and t.commit_lsn = $5::text::pg_lsn and $5 <> '0/0' and t.outcome = 'scheduled' and not t.by_hand limit $7::bigint) c) >= $7,
		(select count(*) from (select from messenger.trigger_log t
			where t.rule_id = r.id and t.committed_at > $6::timestamptz - interval '1 hour' and t.committed_at <= $6
				and t.outcome = 'scheduled' and not t.by_hand limit $8::bigint) c) >= $8,
		exists (select from messenger.gap g where not g.by_hand and g.to_lsn = $5::text::pg_lsn and $5 <> '0/0')
	from unnest($2::bigint[], $3::text[], $4::int[]) as r (id, entity_type, type_id)
	left join messenger.activation a on a.organisation_id = $1 and a.rule_id = r.id`

// admission is what admissionSQL says of a rule.
type admission struct {
	activeFrom    *time.Time // nil: it has not started
	current       bool
	inTransaction bool // the limit of the transaction is reached
	inHour        bool
	catchUp       bool // it is no transaction, but what was looked up after the slot was lost
}

// guard decides on new requests: those of rules that had not started when the entity was
// saved are not made, those beyond the limit are held.
func (w *Worker) guard(ctx context.Context, tx pgx.Tx, s settlement, fresh []*effect) error {
	if len(fresh) == 0 {
		return nil
	}
	found, err := w.admissions(ctx, tx, s, fresh)
	if err != nil {
		return err
	}
	for _, e := range fresh {
		a := found[e.rule.ID]
		switch {
		case !a.active(s.entity.savedAt):
			e.insert, e.outcome, e.reason = false, outcomeBeforeActivation, a.tooEarly(s.entity.savedAt)
		case w.options.StormLimit > 0 && (a.inTransaction || a.inHour):
			e.insert, e.outcome = false, outcomeHeld
			e.hold.keep, e.hold.storm = true, &storm{rule: e.rule, transaction: s.change.commitLSN, hour: !a.inTransaction, catchUp: a.catchUp}
			e.reason = e.hold.storm.reason(w.options.StormLimit) + ": avni-messenger release --rule, or cancel --rule"
		}
	}
	return nil
}

// admissions has rules start that are seen for the first time.
func (w *Worker) admissions(ctx context.Context, tx pgx.Tx, s settlement, fresh []*effect) (map[int64]admission, error) {
	found, err := w.readAdmissions(ctx, tx, s, fresh)
	if err != nil {
		return nil, err
	}
	for _, e := range fresh {
		if !found[e.rule.ID].current {
			if err := activate(ctx, tx, w.options.Slot, s.org.ID); err != nil {
				return nil, err
			}
			return w.readAdmissions(ctx, tx, s, fresh)
		}
	}
	return found, nil
}

func (w *Worker) readAdmissions(ctx context.Context, tx pgx.Tx, s settlement, fresh []*effect) (map[int64]admission, error) {
	var ids []int64
	var types []string
	var typeIDs []int32
	for _, e := range fresh {
		ids, types, typeIDs = append(ids, e.rule.ID), append(types, string(e.rule.EntityType)), append(typeIDs, e.rule.TypeID)
	}
	limit := int64(w.options.StormLimit)
	rows, err := tx.Query(ctx, admissionSQL, s.org.ID, ids, types, typeIDs, s.change.commitLSN, s.change.committedAt, limit, stormHour*limit)
	if err != nil {
		return nil, err
	}
	found := map[int64]admission{}
	var id int64
	var a admission
	_, err = pgx.ForEachRow(rows, []any{&id, &a.activeFrom, &a.current, &a.inTransaction, &a.inHour, &a.catchUp}, func() error {
		found[id] = a
		return nil
	})
	return found, err
}

// storm is a rule making too many new requests at once.
type storm struct {
	rule        Rule
	transaction string // commit_lsn
	hour        bool   // of what was saved in an hour, rather than of one transaction
	catchUp     bool   // of what was looked up after the slot was lost
}

func (s storm) reason(limit int) string {
	if s.hour {
		return fmt.Sprintf("the rule has made at least %d new requests of what was saved within an hour", stormHour*limit)
	}
	if s.catchUp {
		return fmt.Sprintf("the rule has made at least %d new requests of what was saved while the slot was lost, which counts as one transaction, %s", limit, s.transaction)
	}
	return fmt.Sprintf("the rule has made at least %d new requests of transaction %s", limit, s.transaction)
}

// fix says what to do.
func (s storm) fix() string {
	command := fmt.Sprintf("look with avni-messenger release, then release --rule %d, or cancel --rule %d", s.rule.ID, s.rule.ID)
	if s.catchUp {
		return "a catch-up after the replication slot was lost has found them, which need not have been an import: if they were saved as on other days, they are to be released; " + command
	}
	return command
}

// storms is which storms were told of, by this process.
type storms struct {
	mu   sync.Mutex
	told map[stormKey]time.Time
}

type stormKey struct {
	ruleID      int64
	transaction string // "": of an hour
}

// first reports whether a storm was not told of yet: one of a transaction for as long as
// it may take, one of an hour within that time.
func (s *storms) first(one storm, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.told == nil {
		s.told = map[stormKey]time.Time{}
	}
	for key, at := range s.told {
		if age := now.Sub(at); age > 24*time.Hour || key.transaction == "" && age > time.Hour {
			delete(s.told, key)
		}
	}
	key := stormKey{one.rule.ID, one.transaction}
	if one.hour {
		key.transaction = ""
	}
	_, before := s.told[key]
	if !before {
		s.told[key] = now
	}
	return !before
}

// tellHeld logs, once a storm, that requests are held. It is called after the commit.
func (w *Worker) tellHeld(s settlement, effects []effect) {
	for _, e := range effects {
		if one := e.hold.storm; one != nil && w.storms.first(*one, w.options.Now()) {
			w.options.Log.Warn("too many new messages at once: the others are held until they are released or cancelled",
				"component", "rules", "organisation", s.org.label(), "rule", e.rule.ID, "transaction", one.transaction,
				"reason", one.reason(w.options.StormLimit), "changed_by", s.entity.savedBy,
				"fix", one.fix())
		}
	}
}
