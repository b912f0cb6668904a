package avnitest

import (
	"context"
	_ "embed"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/schema"
)

// The roles that connect: avni-server's and the sidecar's.
const (
	ownerRole   = "openchs"
	sidecarRole = "avni_messenger"
)

// template is the database that the others are cloned from.
const template = "avni_template"

//go:embed schema.sql
var avniSchema string

//go:embed seed.sql
var avniSeed string

// buildTemplate makes the roles and the template: Avni's tables and rows as openchs owns them,
// schema messenger as the sidecar makes it.
func (c *Cluster) buildTemplate(ctx context.Context) error {
	for _, statement := range []string{
		`create role ` + ownerRole + ` login createrole`,
		`create role ` + sidecarRole + ` login replication inherit in role ` + ownerRole,
		`create database ` + template + ` owner ` + ownerRole,
	} {
		if _, err := c.admin.Exec(ctx, statement); err != nil {
			return fmt.Errorf("%s: %w", statement, err)
		}
	}
	if err := c.loadAvni(ctx); err != nil {
		return err
	}
	if err := c.migrateTemplate(ctx); err != nil {
		return err
	}
	if _, err := c.admin.Exec(ctx, `alter database `+template+` with is_template true allow_connections false`); err != nil {
		return fmt.Errorf("close template: %w", err)
	}
	return nil
}

func (c *Cluster) loadAvni(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, c.url(superuser, template))
	if err != nil {
		return fmt.Errorf("connect to template: %w", err)
	}
	defer conn.Close(ctx)
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, avniSchema); err != nil {
			return fmt.Errorf("apply schema.sql: %w", err)
		}
		if _, err := tx.Exec(ctx, avniSeed); err != nil {
			return fmt.Errorf("apply seed.sql: %w", err)
		}
		return nil
	})
}

func (c *Cluster) migrateTemplate(ctx context.Context) error {
	pool, err := pgxpool.New(ctx, c.url(sidecarRole, template))
	if err != nil {
		return fmt.Errorf("open pool on template: %w", err)
	}
	defer pool.Close()
	_, err = schema.Migrate(ctx, pool)
	return err
}
