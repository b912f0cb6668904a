package main

import "github.com/jackc/pgx/v5/pgxpool"

// newReadingPool is a pool whose sessions PostgreSQL lets write nothing, with something else
// about it.
func newReadingPool(cfg Config, adapt func(*pgxpool.Config)) (*pgxpool.Pool, error) {
	return newPoolWith(cfg, func(config *pgxpool.Config) {
		config.ConnConfig.RuntimeParams["default_transaction_read_only"] = "on"
		adapt(config)
	})
}
