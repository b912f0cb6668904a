package schema

import (
	"context"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/pressly/goose/v3"
)

// Newest is the number of the newest migration that this binary knows.
func Newest() (int64, error) {
	files, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list migrations: %w", err)
	}
	var newest int64
	for _, file := range files {
		number, err := goose.NumericComponent(file)
		if err != nil {
			return 0, fmt.Errorf("read number of migration %s: %w", file, err)
		}
		newest = max(newest, number)
	}
	return newest, nil
}

// Applied is the number of the newest migration that has run in a database; 0 if none has.
// It changes nothing.
func Applied(ctx context.Context, db interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}) (int64, error) {
	var there bool
	if err := db.QueryRow(ctx, `select to_regclass($1) is not null`, Name+".schema_version").Scan(&there); err != nil {
		return 0, fmt.Errorf("look for the version of schema %s: %w", Name, err)
	}
	if !there {
		return 0, nil
	}
	var applied int64
	if err := db.QueryRow(ctx, `select coalesce(max(version_id), 0) from `+Name+`.schema_version where is_applied`).Scan(&applied); err != nil {
		return 0, fmt.Errorf("read the version of schema %s: %w", Name, err)
	}
	return applied, nil
}
