package main

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// instanceTable is messenger.instance as one process sees it. Times are the server's, so
// that clocks of machines need not agree.
type instanceTable struct {
	pool         *pgxpool.Pool
	holder, slot string
	forget       time.Duration // how long a process is believed to run after it was seen
}

// meetSQL notes this process, takes away those that are gone, and returns the others.
// Rows that another process takes away just now are left to it: nobody waits.
const meetSQL = `
	with gone as (
		delete from messenger.instance where holder in (
			select holder from messenger.instance
			 where holder <> $1 and seen_at <= clock_timestamp() - make_interval(secs => $4)
			   for update skip locked)
	), noted as (
		insert into messenger.instance (holder, slot, settings) values ($1, $2, $3)
		on conflict (holder) do update set seen_at = clock_timestamp(), settings = excluded.settings
	)
	select holder, slot, settings::text from messenger.instance
	 where holder <> $1 and seen_at > clock_timestamp() - make_interval(secs => $4)
	 order by started_at, holder`

// meet notes this process with its settings and returns the others that run, of every
// slot. One whose settings mean nothing to this version is left out.
func (t instanceTable) meet(ctx context.Context, settings []byte) ([]instance, error) {
	others, err := collectInstances(t.pool.Query(ctx, meetSQL, t.holder, t.slot, string(settings), t.forget.Seconds()))
	if err != nil {
		return nil, fmt.Errorf("note this process: %w", err)
	}
	return others, nil
}

// others returns the processes that run, without noting this one.
func (t instanceTable) others(ctx context.Context) ([]instance, error) {
	others, err := collectInstances(t.pool.Query(ctx, `
		select holder, slot, settings::text from messenger.instance
		 where seen_at > clock_timestamp() - make_interval(secs => $1) order by started_at, holder`, t.forget.Seconds()))
	if err != nil {
		return nil, fmt.Errorf("look for other processes: %w", err)
	}
	return others, nil
}

func collectInstances(rows pgx.Rows, err error) ([]instance, error) {
	if err != nil {
		return nil, err
	}
	var others []instance
	var other instance
	var text string
	_, err = pgx.ForEachRow(rows, []any{&other.holder, &other.slot, &text}, func() error {
		other.settings = instanceSettings{}
		if json.Unmarshal([]byte(text), &other.settings) == nil {
			others = append(others, other)
		}
		return nil
	})
	return others, err
}

const fullSQL = `
	select distinct (o ->> 'id')::int from messenger.instance i
	  cross join jsonb_array_elements(case jsonb_typeof(i.settings -> 'organisations') when 'array' then i.settings -> 'organisations' end) o
	 where i.holder <> $1 and i.slot = $2 and i.seen_at > clock_timestamp() - make_interval(secs => $3) and o ->> 'mode' = 'full'`

// full returns the organisations that other processes of the slot serve in mode full.
func (t instanceTable) full(ctx context.Context) ([]int32, error) {
	rows, err := t.pool.Query(ctx, fullSQL, t.holder, t.slot, t.forget.Seconds())
	if err != nil {
		return nil, fmt.Errorf("look which organisations other processes serve: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("look which organisations other processes serve: %w", err)
	}
	return found, nil
}

// leave takes this process away.
func (t instanceTable) leave(ctx context.Context) error {
	if _, err := t.pool.Exec(ctx, `delete from messenger.instance where holder = $1`, t.holder); err != nil {
		return fmt.Errorf("take this process away: %w", err)
	}
	return nil
}
