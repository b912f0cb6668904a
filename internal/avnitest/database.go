package avnitest

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// DB is one database of a Cluster. Its methods may be called concurrently.
type DB struct {
	cluster *Cluster
	name    string
	pool    *pgxpool.Pool
	owner   *pgxpool.Pool
}

// CreateDatabase clones the template: Avni's tables, the sample organisations and an up-to-date
// schema messenger. Names are plain identifiers, each used once.
func (c *Cluster) CreateDatabase(ctx context.Context, name string) (*DB, error) {
	statement := fmt.Sprintf(`create database %s template %s owner %s`, pgx.Identifier{name}.Sanitize(), template, ownerRole)
	if c.version >= 150000 {
		statement += ` strategy file_copy` // cheaper than the default where checkpoints cost nothing
	}
	if _, err := c.admin.Exec(ctx, statement); err != nil {
		return nil, fmt.Errorf("create database %s: %w", name, err)
	}
	db := &DB{cluster: c, name: name}
	var err error
	if db.pool, err = openPool(ctx, db.URL()); err != nil {
		return nil, fmt.Errorf("open pool on %s: %w", name, err)
	}
	if db.owner, err = openPool(ctx, db.OwnerURL()); err != nil {
		return nil, fmt.Errorf("open pool on %s: %w", name, err)
	}
	return db, nil
}

// openPool opens a pool of the same size on every machine: the default grows with its processors.
func openPool(ctx context.Context, url string) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, err
	}
	config.MaxConns = 10
	return pgxpool.NewWithConfig(ctx, config)
}

// URL connects as the sidecar: role avni_messenger.
func (db *DB) URL() string { return db.cluster.url(sidecarRole, db.name) }

// OwnerURL connects as avni-server does: role openchs, which owns Avni's tables.
func (db *DB) OwnerURL() string { return db.cluster.url(ownerRole, db.name) }

// SuperuserURL connects as the cluster's superuser.
func (db *DB) SuperuserURL() string { return db.cluster.url(superuser, db.name) }

// Pool is a pool of the sidecar's role, closed when the database is dropped.
func (db *DB) Pool() *pgxpool.Pool { return db.pool }

// Cluster is the server that holds the database.
func (db *DB) Cluster() *Cluster { return db.cluster }

// Drop closes the database's pools, cuts off everybody else and removes it, with its replication
// slots.
func (db *DB) Drop(ctx context.Context) error {
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		db.pool.Close()
		db.owner.Close()
	}()
	if err := db.remove(ctx); err != nil {
		return err
	}
	select {
	case <-closed:
		return nil
	case <-time.After(5 * time.Second):
		return fmt.Errorf("close pools of database %s: somebody still holds a connection (rows not closed, or a component not stopped)", db.name)
	}
}

func (db *DB) remove(ctx context.Context) error {
	name := pgx.Identifier{db.name}.Sanitize()
	if _, err := db.cluster.admin.Exec(ctx, `alter database `+name+` with allow_connections false`); err != nil {
		return fmt.Errorf("close database %s: %w", db.name, err)
	}
	if err := db.disconnectAll(ctx); err != nil {
		return err
	}
	if _, err := db.cluster.admin.Exec(ctx, `drop database `+name); err != nil {
		return fmt.Errorf("drop database %s: %w", db.name, err)
	}
	return nil
}

// disconnectAll ends every session on the database, walsenders among them, and waits until they
// are gone: an active slot would forbid the drop, an idle one goes with its database.
func (db *DB) disconnectAll(ctx context.Context) error {
	for {
		var left int
		err := db.cluster.admin.QueryRow(ctx, `select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = $1`, db.name).Scan(&left)
		if err != nil {
			return fmt.Errorf("end sessions on %s: %w", db.name, err)
		}
		if left == 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("end %d sessions on %s: %w", left, db.name, ctx.Err())
		case <-time.After(10 * time.Millisecond):
		}
	}
}
