package rules

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"
)

// What a rule said is not its last word if the rule was changed since, and whoever follows
// that change, here or in another process, may have looked before the answer was there. So
// it is written only if the transaction itself sees the rule as it was evaluated, whoever
// has heard of the change. The version of rules and settings does not tell: it follows the
// stream, which may be behind, and is another one with each change of anything.

// versionsSQL reads rows of message_rule by their versions only, not their scripts.
const versionsSQL = `select id, xmin from message_rule where id = any($1)`

const giveBackSQL = `update messenger.inbox set claimed_by = null, claimed_until = null
	where source_table = $1 and entity_id = $2 and change_number = $3 and claimed_by = $4`

// errOutdated means that a rule is not as it was evaluated. The change waits in the inbox.
var errOutdated = errors.New("a rule was changed while it ran")

// queueVersions reads which versions the rules have whose answers are written.
func (s settlement) queueVersions(b *pgx.Batch) map[int64]uint32 {
	versions := map[int64]uint32{}
	if len(s.rules) == 0 {
		return versions
	}
	ids := make([]int64, 0, len(s.rules))
	for _, r := range s.rules {
		ids = append(ids, r.ID)
	}
	b.Queue(versionsSQL, ids).Query(func(rows pgx.Rows) error {
		return eachRow(rows, func() error {
			var id int64
			var version uint32
			err := rows.Scan(&id, &version)
			versions[id] = version
			return err
		})
	})
	return versions
}

// settleUnlessOutdated leaves a change in the inbox one of whose rules was changed. If this
// process has not heard of that, it reads its rules anew before the change is taken up
// again, so that this does not happen over and over.
func (w *Worker) settleUnlessOutdated(ctx context.Context, s settlement, verdicts []verdict) error {
	err := w.settle(ctx, s, verdicts)
	if !errors.Is(err, errOutdated) {
		return err
	}
	if slices.ContainsFunc(verdicts, w.unheard) {
		if err := w.options.Catalogue.Reload(ctx, s.org.ID); err != nil {
			return err
		}
	}
	if _, err := w.options.Pool.Exec(ctx, giveBackSQL, s.change.table, s.change.entityID, s.change.number, w.id); err != nil {
		return fmt.Errorf("give %s %d back: %w", s.change.table, s.change.entityID, err)
	}
	w.Wake()
	return nil
}

// unheard reports that the catalogue has the rule as it was evaluated still.
func (w *Worker) unheard(v verdict) bool {
	rule, active := w.options.Catalogue.active(v.rule.OrganisationID, v.rule.ID)
	return active && rule == v.rule
}
