package avnitest

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The sample organisations. SevaBase is the parent of SevaNepal and has no messaging.
const (
	AshaGramin int32 = 101
	SevaBase   int32 = 102
	SevaNepal  int32 = 103
)

// Avni writes rows as avni-server does: connected as openchs, in the role of the organisation
// (which row-level security watches), with the audit columns that Hibernate fills. Each method is
// a transaction of its own, unless it is called on the Avni that InTx hands out. Methods of the
// former may be called concurrently.
type Avni struct {
	pool *pgxpool.Pool
	tx   pgx.Tx // nil outside InTx
	user int64  // 0: whoever is natural, see As
}

// Avni writes into the database as avni-server would.
func (db *DB) Avni() *Avni { return &Avni{pool: db.owner} }

// Pool is a pool of role openchs, closed when the database is dropped.
func (a *Avni) Pool() *pgxpool.Pool { return a.pool }

// As is a copy that writes in the name of the given user (users.id). Without it, rows are created
// by the field worker of the sample organisation, or by the creator of the row that they hang
// under, and updated by their creator.
func (a *Avni) As(userID int64) *Avni {
	b := *a
	b.user = userID
	return &b
}

// InTx runs do with an Avni whose writes are one transaction: committed if do returns nil.
func (a *Avni) InTx(ctx context.Context, do func(*Avni) error) error {
	return a.begin(ctx, func(tx pgx.Tx) error {
		return do(&Avni{pool: a.pool, tx: tx, user: a.user})
	})
}

func (a *Avni) begin(ctx context.Context, do func(pgx.Tx) error) error {
	if a.tx != nil {
		return do(a.tx)
	}
	return pgx.BeginFunc(ctx, a.pool, do)
}

// inOrganisation runs do in a transaction, in the role of the organisation, as avni-server's
// connections are while they serve one of its users.
func (a *Avni) inOrganisation(ctx context.Context, organisationID int32, do func(pgx.Tx) error) error {
	return a.begin(ctx, func(tx pgx.Tx) error {
		var role string
		err := tx.QueryRow(ctx, `select set_config('role', db_user, true) from organisation where id = $1`, organisationID).Scan(&role)
		if err != nil {
			return fmt.Errorf("take role of organisation %d: %w", organisationID, err)
		}
		if err := do(tx); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `set local role none`)
		return err
	})
}

// origin is what a row passes on to those that are made under it.
type origin struct {
	OrganisationID int32
	CreatedBy      int64
}

// under runs do in the organisation of a row, which it looks up as the tables' owner.
func (a *Avni) under(ctx context.Context, table string, id int64, do func(pgx.Tx, origin) error) error {
	return a.begin(ctx, func(tx pgx.Tx) error {
		var from origin
		err := tx.QueryRow(ctx, `select organisation_id, created_by_id from `+table+` where id = $1`, id).
			Scan(&from.OrganisationID, &from.CreatedBy)
		if err != nil {
			return fmt.Errorf("find %s %d: %w", table, id, err)
		}
		if a.user != 0 {
			from.CreatedBy = a.user
		}
		inTx := &Avni{pool: a.pool, tx: tx, user: a.user}
		return inTx.inOrganisation(ctx, from.OrganisationID, func(tx pgx.Tx) error { return do(tx, from) })
	})
}

// columns are the values of a row by column name.
type columns map[string]any

// insert adds a row with a fresh uuid, version 0 and the audit columns, and returns its id.
func insert(ctx context.Context, tx pgx.Tx, table string, from origin, values columns) (int64, error) {
	now := time.Now().UTC().Truncate(time.Millisecond)
	all := columns{
		"uuid": uuid.NewString(), "version": 0, "is_voided": false, "organisation_id": from.OrganisationID,
		"created_by_id": from.CreatedBy, "last_modified_by_id": from.CreatedBy,
		"created_date_time": now, "last_modified_date_time": now,
	}
	maps.Copy(all, values)
	if table == "users" {
		delete(all, "version") // the one table of them without
	}
	names := slices.Sorted(maps.Keys(all))
	marks, args := make([]string, len(names)), make([]any, len(names))
	for i, name := range names {
		marks[i], args[i] = fmt.Sprintf("$%d", i+1), all[name]
	}
	var id int64
	err := tx.QueryRow(ctx, fmt.Sprintf(`insert into %s (%s) values (%s) returning id`,
		table, strings.Join(names, ", "), strings.Join(marks, ", ")), args...).Scan(&id)
	if err != nil {
		return 0, fmt.Errorf("insert into %s: %w", table, err)
	}
	return id, nil
}

// update changes columns of a row, and who modified it when.
func (a *Avni) update(ctx context.Context, table string, id int64, values columns) error {
	return a.under(ctx, table, id, func(tx pgx.Tx, from origin) error {
		all := columns{"last_modified_by_id": from.CreatedBy, "last_modified_date_time": time.Now().UTC().Truncate(time.Millisecond)}
		maps.Copy(all, values)
		sets, args := []string{}, []any{id}
		for _, name := range slices.Sorted(maps.Keys(all)) {
			args = append(args, all[name])
			sets = append(sets, fmt.Sprintf("%s = $%d", name, len(args)))
		}
		tag, err := tx.Exec(ctx, fmt.Sprintf(`update %s set %s where id = $1`, table, strings.Join(sets, ", ")), args...)
		if err != nil {
			return fmt.Errorf("update %s %d: %w", table, id, err)
		}
		if tag.RowsAffected() != 1 {
			return fmt.Errorf("update %s %d: the organisation's role may not see it", table, id)
		}
		return nil
	})
}

func (a *Avni) void(ctx context.Context, table string, id int64) error {
	return a.update(ctx, table, id, columns{"is_voided": true})
}

// orNow is t, or this moment if t is zero.
func orNow(t time.Time) time.Time {
	if t.IsZero() {
		return time.Now().UTC().Truncate(time.Millisecond)
	}
	return t
}

// orEmpty is the observations as avni-server stores none: {}.
func orEmpty(observations map[string]any) map[string]any {
	if observations == nil {
		return map[string]any{}
	}
	return observations
}

// orNull is nil, which becomes SQL's null, if v is zero.
func orNull[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
