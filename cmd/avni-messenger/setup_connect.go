package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/cdc"
)

// connectOnce opens one connection or explains why there is none.
func connectOnce(ctx context.Context, cfg Config) (*pgx.Conn, error) {
	config, err := pgx.ParseConfig(cfg.Database.ConnectionURL())
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	config.RuntimeParams["application_name"] = "avni-messenger setup"
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return nil, explain(err, cfg)
	}
	return conn, nil
}

// names are those of what we have in PostgreSQL.
func (c Config) names() cdc.Names { return cdc.Names{Slot: c.Slot, Publication: c.Publication} }

// actAsRole returns a pool whose connections act as the role, or nil after telling
// that the connection may not.
func (s *setup) actAsRole(ctx context.Context) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(s.cfg.Database.ConnectionURL())
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	config.MaxConns = 3
	config.ConnConfig.RuntimeParams["application_name"] = "avni-messenger setup"
	config.AfterConnect = func(ctx context.Context, conn *pgx.Conn) error {
		_, err := conn.Exec(ctx, "set role "+pgx.Identifier{s.role}.Sanitize())
		return err
	}
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	if err := pool.Ping(ctx); err != nil {
		pool.Close()
		if !isDenied(err) {
			return nil, fmt.Errorf("act as %s: %w", s.role, err)
		}
		s.told.lack("tables, stream and indexes", fmt.Sprintf("role %s may not act as %s: run `avni-messenger setup` again as that role "+
			"(with its name and password in MESSENGER_DATABASE_URL), or as a superuser", s.self, s.role))
		return nil, nil
	}
	return pool, nil
}
