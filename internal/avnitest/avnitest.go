// Package avnitest starts throw-away PostgreSQL servers that hold Avni's tables and sample
// organisations, for the tests, the demo and the benchmarks.
//
// A test package starts one server, from its TestMain:
//
//	func TestMain(m *testing.M) { avnitest.Main(m) }
//
// and each test takes a database of its own, cloned in well under a tenth of a second:
//
//	db := avnitest.New(t)
//
// Roles and ownership are those of production: openchs owns Avni's tables, each organisation
// has a role that row-level security holds to its own rows, and the sidecar connects as
// avni_messenger, which inherits openchs and may replicate.
package avnitest

import (
	"context"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// startTimeout bounds the start of a cluster, databaseTimeout the making or dropping of one database.
const (
	startTimeout    = 2 * time.Minute
	databaseTimeout = time.Minute
)

// shared is the server of the test binary: started by the first test that asks for it, so that
// tests without a database do not wait for one.
var shared struct {
	entered atomic.Bool
	once    sync.Once
	cluster *Cluster
	err     error
	names   atomic.Int64
}

// Main is the body of a TestMain. It runs the package's tests, stops the server that they
// shared, and exits.
func Main(m *testing.M) {
	shared.entered.Store(true)
	code := m.Run()
	if shared.cluster != nil {
		if err := shared.cluster.Stop(); err != nil {
			fmt.Fprintln(os.Stderr, "avnitest:", err)
			code = max(code, 1)
		}
	}
	os.Exit(code)
}

// New gives the test a database of its own on the server that the package's tests share:
// Avni's tables with the sample organisations, and schema messenger at its newest version.
// It is dropped when the test ends, with its replication slots and whoever is still connected.
func New(t testing.TB) *DB {
	t.Helper()
	if !shared.entered.Load() {
		t.Fatal("the package has no TestMain that calls avnitest.Main")
	}
	shared.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
		defer cancel()
		shared.cluster, shared.err = StartCluster(ctx, Options{})
	})
	if shared.err != nil {
		t.Fatalf("start PostgreSQL: %v", shared.err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), databaseTimeout)
	defer cancel()
	db, err := shared.cluster.CreateDatabase(ctx, fmt.Sprintf("test_%d", shared.names.Add(1)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), databaseTimeout)
		defer cancel()
		if err := db.Drop(ctx); err != nil {
			t.Error(err)
		}
	})
	return db
}
