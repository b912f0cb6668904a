package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
)

// walkSize is how many deliveries a walk looks at in one go.
const walkSize = 1000

// walk goes through an organisation's deliveries in parts, in the order of an index on a
// time and the request, and begins anew after the last. Not safe for concurrent use.
type walk struct {
	time, condition string // the column and what else the index asks for
	from            place  // where the next part begins
}

// place is one in the order of a walk.
type place struct {
	at pgtype.Timestamptz
	id int64
}

var (
	overOpen    = walk{"next_attempt_at", `d.state in ('waiting', 'claimed', 'sending', 'uncertain')`, firstPlace}
	overRefused = walk{"updated_at", `d.state = 'refused' and d.updated_at >= @since`, firstPlace}

	firstPlace = place{pgtype.Timestamptz{InfinityModifier: pgtype.NegativeInfinity, Valid: true}, math.MinInt64}
	lastPlace  = place{pgtype.Timestamptz{InfinityModifier: pgtype.Infinity, Valid: true}, math.MaxInt64}
)

// part is the head of a statement about the part of the deliveries that next has
// returned: their ids, in the expression part.
func (w *walk) part() string {
	return `
with part as materialized (
    select d.request_id from messenger.delivery d
     where d.organisation_id = @organisation and ` + w.condition + `
       and (d.` + w.time + `, d.request_id) > (@from_at, @from_id) and (d.` + w.time + `, d.request_id) <= (@to_at, @to_id)
     order by d.` + w.time + `, d.request_id
     limit @size
)`
}

// requestOf joins a delivery d with its request q. Postgres has no idea how few deliveries
// there are of a kind, and would read all requests unless offset 0 has it look up each.
const requestOf = `join lateral (select * from public.message_request_queue where id = d.request_id offset 0) q on true`

// next returns the arguments of the next part, and where it ends.
func (w *walk) next(ctx context.Context, q *queue, now time.Time) (pgx.NamedArgs, place, error) {
	arguments := q.arguments(now, pgx.NamedArgs{"from_at": w.from.at, "from_id": w.from.id, "size": walkSize})
	to, err := replan(q.pool, func() (to place, err error) {
		err = q.pool.QueryRow(ctx, `
			select d.`+w.time+`, d.request_id from messenger.delivery d
			 where d.organisation_id = @organisation and `+w.condition+` and (d.`+w.time+`, d.request_id) > (@from_at, @from_id)
			 order by d.`+w.time+`, d.request_id offset @size - 1 limit 1`, plannedAnew, arguments).Scan(&to.at, &to.id)
		if errors.Is(err, pgx.ErrNoRows) {
			return lastPlace, nil
		}
		return to, err
	})
	if err != nil {
		return nil, to, fmt.Errorf("look for deliveries to go through: %w", err)
	}
	arguments["to_at"], arguments["to_id"] = to.at, to.id
	return arguments, to, nil
}

// done has the next part begin where one ended.
func (w *walk) done(at place) {
	w.from = at
	if at == lastPlace {
		w.from = firstPlace
	}
}
