package main

import (
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/page"
	"avni-messenger/metrics"
)

// pools are the connections of the process. Whoever looks has a few of their own, and takes
// none from the messages.
type pools struct {
	pool                 *pgxpool.Pool // of the work
	pagePool, figurePool *pgxpool.Pool // read only: of the page, and of /metrics
}

// newPools returns pools that connect when they are first used.
func newPools(cfg Config) (p pools, err error) {
	if p.pool, err = newPool(cfg); err != nil {
		return p, err
	}
	if p.pagePool, err = newReadingPool(cfg, small("page", page.Connections)); err != nil {
		return p, err
	}
	p.figurePool, err = newReadingPool(cfg, small("figures", metrics.Connections))
	return p, err
}

// small limits a pool, which PostgreSQL's list of sessions then shows by its name.
func small(name string, connections int32) func(*pgxpool.Config) {
	return func(config *pgxpool.Config) {
		config.MaxConns = connections
		config.ConnConfig.RuntimeParams["application_name"] = "avni-messenger " + name
	}
}

// close closes the pools, and waits a moment for connections that are still in use:
// PostgreSQL ends the others with the process.
func (p pools) close(log *slog.Logger) {
	var group sync.WaitGroup
	for _, pool := range []*pgxpool.Pool{p.pool, p.pagePool, p.figurePool} {
		if pool != nil {
			group.Go(pool.Close)
		}
	}
	closed := make(chan struct{})
	go func() { group.Wait(); close(closed) }()
	select {
	case <-closed:
	case <-time.After(5 * time.Second):
		log.Warn("database connections are still in use", "component", "database")
	}
}
