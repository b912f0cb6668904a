package cdc

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// afterQuery calls do when a statement has ended that contains a text.
type afterQuery struct {
	part string
	do   func()
}

type meantQuery struct{}

func (a *afterQuery) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return context.WithValue(ctx, meantQuery{}, strings.Contains(data.SQL, a.part))
}

func (a *afterQuery) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	if meant, _ := ctx.Value(meantQuery{}).(bool); meant {
		a.do()
	}
}

// A network that swallows everything from some statement of a repair or a search on does
// not keep a reader from stopping when it is told to.
func TestStopsThoughTheNetworkIsLost(t *testing.T) {
	for name, part := range map[string]string{"search": "t.last_modified_date_time as at", "slot": "pg_create_logical_replication_slot", "lock": "pg_advisory_lock"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.startStreaming(quick)
			f.take(subject(f.register(f.avni)))
			r.stop()
			f.register(f.avni)
			f.dropSlot()
			network, pool := newProxy(f)
			t.Cleanup(network.cut)
			config := pool.Config()
			lost := make(chan struct{}, 100)
			config.ConnConfig.Tracer = &afterQuery{part: part, do: func() { network.swallow(); lost <- struct{}{} }}
			pool, err := pgxpool.NewWithConfig(f.ctx, config)
			if err != nil {
				t.Fatal(err)
			}
			reader := f.reader(func(r *Reader) { r.options.Pool = pool; r.pace.finish = 300 * time.Millisecond })
			ctx, cancel := context.WithCancel(f.ctx)
			defer cancel()
			done := make(chan error, 1)
			go func() { done <- reader.Run(ctx) }()
			<-lost
			cancel()
			select {
			case err := <-done:
				if err != nil {
					t.Error(err)
				}
			case <-time.After(15 * time.Second):
				t.Error("Run did not return")
			}
		})
	}
}
