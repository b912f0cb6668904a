package cdc

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// effectsSQL makes the tables of what the workers do, and of what they were given: one
// row each time that a change enters the inbox, in the transaction that puts it there.
const effectsSQL = `
	create table messenger.given (source_table text, entity_id bigint, organisation_id int, type_id int, is_voided bool,
		committed_at timestamptz, commit_lsn pg_lsn, change_number bigint primary key, marked boolean, at timestamptz default clock_timestamp());
	create function messenger.note_given() returns trigger language plpgsql as $$
	begin
		if tg_op = 'INSERT' or new.change_number <> old.change_number then
			insert into messenger.given values (new.source_table, new.entity_id, new.organisation_id, new.type_id, new.is_voided,
				new.committed_at, new.commit_lsn, new.change_number,
				tg_op = 'UPDATE' and new.commit_lsn = old.commit_lsn and new.by_hand and not old.by_hand); -- a catch-up by hand marks what the stream has brought
		end if;
		return new;
	end $$;
	create trigger note_given after insert or update on messenger.inbox for each row execute function messenger.note_given();
	create table messenger.evaluation (change_number bigint primary key, source_table text, entity_id bigint,
		version bigint, version_at timestamptz, committed_at timestamptz);
	create table messenger.effect (source_table text, entity_id bigint, version bigint, is_voided bool, primary key (source_table, entity_id))`

// consumer takes changes out of the inbox as the workers of package rules do.
type consumer struct {
	*randomRun
	choose *rand.Rand
	id     uuid.UUID
}

// claimed is a change that a consumer works on.
type claimed struct {
	entity
	number      int64
	committedAt time.Time
}

// work consumes until ctx ends. The database comes and goes.
func (c *consumer) work(ctx context.Context) {
	c.id = uuid.New()
	for ctx.Err() == nil {
		if n, err := c.batch(ctx); n == 0 || err != nil {
			rest(ctx, 5*time.Millisecond)
		}
	}
}

func (c *consumer) batch(ctx context.Context) (int, error) {
	rows, err := c.db.Pool().Query(ctx, `
		with c as materialized (
			select source_table, entity_id from messenger.inbox where claimed_until is null or claimed_until < now()
			order by change_number limit 30 for update skip locked)
		update messenger.inbox i set claimed_by = $1, claimed_until = now() + interval '500 ms'
		from c where i.source_table = c.source_table and i.entity_id = c.entity_id
		returning i.source_table, i.entity_id, i.change_number, i.committed_at`, c.id)
	if err != nil {
		return 0, err
	}
	batch, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (claimed, error) {
		var x claimed
		return x, row.Scan(&x.table, &x.id, &x.number, &x.committedAt)
	})
	if err != nil {
		return 0, err
	}
	for _, x := range batch {
		if c.choose.IntN(50) == 0 {
			continue // it died, and somebody else gets it when the claim has lapsed
		}
		if err := c.settle(ctx, x); err != nil {
			return 0, err
		}
	}
	return len(batch), nil
}

var errNewer = errors.New("a newer change has overtaken this one")

// settle reads the row and then records the effect in the transaction that takes the
// change out of the inbox, unless a newer one has come meanwhile.
func (c *consumer) settle(ctx context.Context, x claimed) error {
	var version int64
	var voided bool
	var at time.Time
	err := c.db.Pool().QueryRow(ctx, `select xmin::text::bigint, is_voided, pg_xact_commit_timestamp(xmin) from `+findTable(string(x.table)).qualified()+` where id = $1`, x.id).
		Scan(&version, &voided, &at)
	if errors.Is(err, pgx.ErrNoRows) {
		c.t.Errorf("%s %d was in the inbox and is not in its table", x.table, x.id)
	}
	if err != nil {
		return err
	}
	err = pgx.BeginFunc(ctx, c.db.Pool(), func(tx pgx.Tx) error {
		gone, err := tx.Exec(ctx, `delete from messenger.inbox where source_table = $1 and entity_id = $2 and change_number = $3`, x.table, x.id, x.number)
		if err != nil {
			return err
		}
		if gone.RowsAffected() == 0 {
			return errNewer
		}
		if _, err := tx.Exec(ctx, `insert into messenger.evaluation values ($1, $2, $3, $4, $5, $6)`, x.number, x.table, x.id, version, at, x.committedAt); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `insert into messenger.effect values ($1, $2, $3, $4) on conflict (source_table, entity_id) do update
			set version = excluded.version, is_voided = excluded.is_voided`, x.table, x.id, version, voided)
		return err
	})
	switch {
	case errors.Is(err, errNewer):
		return nil
	case isCode(err, "23505"):
		c.t.Errorf("change %d took effect twice: %v", x.number, err)
	}
	return err
}
