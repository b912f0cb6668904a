package dispatch

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// avni-server can leave several requests of one rule and entity: nothing keeps two saves
// at the same moment from adding one each. One message is sent. The request that counts
// is the one whose send may have reached Glific or, as long as there is none, the oldest
// that waits: the same that the rules move when the entity changes. The index
// delivery_sent_once has the last word: it admits one send.

// twins is true of a request s, with its delivery d if it has one, that counts in the
// place of another one of the same rule and entity. begun is true of an other whose own
// send may have reached Glific.
func twins(id, rule, entity, begun string) string {
	return `s.message_rule_id = ` + rule + ` and s.entity_id = ` + entity + ` and s.id <> ` + id + `
       and (s.delivery_status = 'Sent' or s.delivered_date_time is not null or d.state = 'accepted' or d.sending_since is not null
            or not ` + begun + ` and s.id < ` + id + ` and not s.is_voided and s.scheduled_date_time >= @since
               and (d.request_id is null or not ` + settled + `))`
}

// fromTwins are the requests that twins looks at.
const fromTwins = `
      public.message_request_queue s left join messenger.delivery d on d.request_id = s.id`

var (
	// lockTwinsSQL takes the lock under which rules add and move requests of a rule and an entity.
	lockTwinsSQL = `select pg_advisory_xact_lock(@rule::integer, @entity::integer)`

	outrankedSQL = `select exists (select from` + fromTwins + ` where ` + twins("@request", "@rule", "@entity", "false") + `)`
)

// errOutranked is the error of a send that another request of its rule and entity has
// taken the place of.
var errOutranked = errors.New("another request of the rule and the entity is being sent")

func isOutranked(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "23505" && e.ConstraintName == "delivery_sent_once"
}

// withdrawTwin settles a claim in whose place another request counts. Of several that
// are withdrawn at the same moment, each looks again once the one before has done so:
// otherwise all of them could give way to each other. False: the claim is lost, or
// counts itself by now and is given back.
func (q *queue) withdrawTwin(ctx context.Context, now time.Time, c *claim, v verdict, ch change, user int64) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleTimeout)
	defer cancel()
	arguments := q.arguments(now, pgx.NamedArgs{"request": c.ID, "rule": c.RuleID, "entity": c.EntityID})
	return replan(q.pool, func() (withdrawn bool, err error) {
		err = pgx.BeginFunc(ctx, q.pool, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, lockTwinsSQL, arguments); err != nil {
				return fmt.Errorf("lock requests of rule %d and entity %d: %w", c.RuleID, c.EntityID, err)
			}
			var outranked bool
			if err := tx.QueryRow(ctx, outrankedSQL, arguments).Scan(&outranked); err != nil {
				return fmt.Errorf("look for another request of rule %d and entity %d: %w", c.RuleID, c.EntityID, err)
			}
			if !outranked {
				return q.releaseBy(ctx, tx, now, c)
			}
			withdrawn, err = q.settleBy(ctx, tx, now, c, v, ch, user)
			return err
		})
		return withdrawn, err
	})
}
