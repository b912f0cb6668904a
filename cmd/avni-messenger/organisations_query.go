package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// avniRows is what the directory is made of, as Avni's tables have it.
type avniRows struct {
	organisations []organisationRow
	glific        []glificRow
	users         []userRow // those whom a Glific configuration names
	holds         []holdRow
	owned         []ownedRow
	delivered     []int32 // see readDelivered
}

type organisationRow struct {
	ID        int32
	Name      string
	DBUser    string
	UUID      string
	Parent    *int32
	Voided    bool
	Region    string
	Messaging bool
}

type glificRow struct {
	ID             int64
	OrganisationID int32
	Voided         bool
	Config         []byte
}

type userRow struct {
	ID             int64
	Username       string
	OrganisationID *int32
}

// enableMessaging must be a boolean for avni-server, which throws at anything else; a
// text "true" counts as true here, because the guard errs on the side of holding back.
// avni-server does not look at is_voided of organisation_config, nor do we.
const organisationSQL = `
select o.id, o.name, o.db_user, o.uuid, o.parent_organisation_id, o.is_voided, coalesce(a.region, 'IN'),
       exists (select from organisation_config c
               where c.organisation_id = o.id and lower(c.settings ->> 'enableMessaging') = 'true')
from organisation o left join account a on a.id = o.account_id
order by o.db_user, o.id`

const glificSQL = `
select id, organisation_id, is_voided, config from external_system_config where system_name = 'Glific' order by id`

const userSQL = `
select id, username, organisation_id from users
where not is_voided and username in
    (select config ->> 'avniSystemUser' from external_system_config where system_name = 'Glific')`

// deliveredSQL asks for each organisation by itself, as none is the rule: the index of the
// marker begins with the organisation.
const deliveredSQL = `
select o.id from organisation o
where (o.is_voided or not exists (select from external_system_config c where c.organisation_id = o.id and c.system_name = 'Glific' and not c.is_voided))
  and (select true from messenger.delivery d where d.organisation_id = o.id and d.updated_at > now() - interval '30 days' limit 1)`

// readDelivered reads which organisations messages were delivered for of late that have no
// Glific configuration by now.
func readDelivered(ctx context.Context, pool *pgxpool.Pool) ([]int32, error) {
	rows, _ := pool.Query(ctx, deliveredSQL) // its error is that of the rows
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int32])
	if err != nil {
		return nil, fmt.Errorf("read which organisations were served before: %w", err)
	}
	return ids, nil
}

// readAvni reads what Avni's tables say, in one snapshot.
func readAvni(ctx context.Context, pool *pgxpool.Pool) (avniRows, error) {
	return readRows(ctx, pool, false)
}

// readRows reads everything in one snapshot; what is held and owned only if it is wanted:
// that is in tables of ours, which may not be there yet, or not be ours to read.
func readRows(ctx context.Context, pool *pgxpool.Pool, own bool) (avniRows, error) {
	var found avniRows
	options := pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly}
	err := pgx.BeginTxFunc(ctx, pool, options, func(tx pgx.Tx) error {
		var err error
		if found.organisations, err = collect[organisationRow](ctx, tx, organisationSQL); err != nil {
			return err
		}
		if found.glific, err = collect[glificRow](ctx, tx, glificSQL); err != nil {
			return err
		}
		if found.users, err = collect[userRow](ctx, tx, userSQL); err != nil {
			return err
		}
		if !own {
			return nil
		}
		if found.holds, err = collect[holdRow](ctx, tx, holdsSQL); err != nil {
			return err
		}
		found.owned, err = collect[ownedRow](ctx, tx, ownedSQL)
		return err
	})
	if err != nil {
		return avniRows{}, fmt.Errorf("read organisations: %w", err)
	}
	return found, nil
}

func collect[T any](ctx context.Context, tx pgx.Tx, sql string) ([]T, error) {
	rows, err := tx.Query(ctx, sql)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowToStructByPos[T])
}
