// Package schema holds the migrations of avni-messenger's own tables, which live in
// schema "messenger" of Avni's database.
package schema

import (
	"context"
	"embed"
	"fmt"
	"log/slog"
	"math"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/database"
	"github.com/pressly/goose/v3/lock"
)

// Name is the Postgres schema that holds the tables.
const Name = "messenger"

//go:embed *.sql
var migrations embed.FS

// Migrate brings the tables up to date: it creates schema "messenger" if it is
// missing, which needs CREATE on the database, and runs the migrations that have
// not run yet, each in a transaction of its own. A session lock keeps replicas that
// start together from racing. It returns the number of migrations that ran.
func Migrate(ctx context.Context, pool *pgxpool.Pool) (int, error) {
	return migrate(ctx, pool, math.MaxInt64)
}

// migrate stops after a version.
func migrate(ctx context.Context, pool *pgxpool.Pool, version int64) (int, error) {
	if err := ensureSchema(ctx, pool); err != nil {
		return 0, err
	}
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	store, err := database.NewStore(goose.DialectPostgres, Name+".schema_version")
	if err != nil {
		return 0, fmt.Errorf("open version table: %w", err)
	}
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return 0, fmt.Errorf("create migration lock: %w", err)
	}
	provider, err := goose.NewProvider("", db, migrations,
		goose.WithStore(store), goose.WithSessionLocker(locker), goose.WithSlog(slog.New(slog.DiscardHandler)))
	if err != nil {
		return 0, fmt.Errorf("read migrations: %w", err)
	}
	results, err := provider.UpTo(ctx, version)
	if err != nil {
		return len(results), fmt.Errorf("migrate schema %s: %w", Name, err)
	}
	return len(results), nil
}

func ensureSchema(ctx context.Context, pool *pgxpool.Pool) error {
	var exists bool
	err := pool.QueryRow(ctx, `select exists (select from pg_namespace where nspname = $1)`, Name).Scan(&exists)
	if err != nil {
		return fmt.Errorf("look for schema %s: %w", Name, err)
	}
	if exists {
		return nil
	}
	if _, err := pool.Exec(ctx, `create schema if not exists `+Name); err != nil {
		return fmt.Errorf("create schema %s: %w", Name, err)
	}
	return nil
}
