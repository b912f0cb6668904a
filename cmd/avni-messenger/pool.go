package main

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// newPool returns a pool that connects when it is first used. It is kept small, because
// Avni's own servers need the connections, and a transaction that idles is cut off.
func newPool(cfg Config) (*pgxpool.Pool, error) {
	return newPoolWith(cfg, asItIs)
}

// asItIs adapts nothing.
func asItIs(*pgxpool.Config) {}

// newPoolWith is newPool with something else about it.
func newPoolWith(cfg Config, adapt func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	config, err := pgxpool.ParseConfig(cfg.Database.ConnectionURL())
	if err != nil {
		return nil, fmt.Errorf("parse database url: %w", err)
	}
	config.MaxConns = 12
	config.MaxConnIdleTime = 5 * time.Minute
	config.MaxConnLifetime = time.Hour
	config.MaxConnLifetimeJitter = 5 * time.Minute
	if config.ConnConfig.ConnectTimeout == 0 {
		config.ConnConfig.ConnectTimeout = 10 * time.Second
	}
	params := config.ConnConfig.RuntimeParams
	params["application_name"] = "avni-messenger"
	params["idle_in_transaction_session_timeout"] = "60000"
	adapt(config)
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		return nil, fmt.Errorf("open pool: %w", err)
	}
	return pool, nil
}
