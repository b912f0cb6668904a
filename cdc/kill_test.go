package cdc

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The steps between the start of a stream and the acknowledgement of a change at which a
// process can be killed: what it does on the replication connection, the statements that
// it runs, and the calls that it makes.
var killSteps = []string{
	"before take over", "after take over", "stream due", "stream asked for", "change received", "before visibility", "after visibility",
	"before store", "amid store", "after store", "rules told", "worker told", "acknowledgement due", "acknowledgement sent",
}

// killStatements are the statements at which a process can be killed, by a part of their text.
var killStatements = []struct{ name, part string }{
	{"store", storeSQL}, {"chunk", fillSQL}, {"visibility", visibleSQL},
	{"take over", "set fencing_token = p.fencing_token + 1"}, {"lease", "lease_until is null or lease_until <"},
	{"gap", "insert into messenger.gap"}, {"drop", "pg_drop_replication_slot"}, {"slot", "pg_create_logical_replication_slot"},
	{"position", "checked_at = clock_timestamp(), checked_lsn ="}, {"bound", "update messenger.gap set to_lsn"}, {"close", "set finished_at"},
}

func killStatement(sql string) string {
	for _, s := range killStatements {
		if strings.Contains(sql, s.part) {
			return s.name
		}
	}
	return ""
}

// killAt kills this process when it comes to a step for the nth time.
type killAt struct {
	step string
	left atomic.Int64
}

func (k *killAt) reached(step string) {
	if step == k.step && k.left.Add(-1) == 0 {
		_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	}
}

// TestMain of the package runs this in a process of its own, which kills itself: it is
// no test, and does nothing unless it is asked to.
func TestReaderThatKillsItself(t *testing.T) {
	url, slot := os.Getenv("KILLED_URL"), os.Getenv("KILLED_SLOT")
	if url == "" {
		return
	}
	nth, err := strconv.Atoi(os.Getenv("KILLED_NTH"))
	if err != nil {
		t.Fatal(err)
	}
	kill := &killAt{step: os.Getenv("KILLED_STEP")}
	kill.left.Store(int64(nth))
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		t.Fatal(err)
	}
	dial := config.ConnConfig.DialFunc
	config.ConnConfig.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		return &killConn{Conn: conn, kill: kill}, err
	}
	config.ConnConfig.Tracer = killTracer{kill}
	pool, err := pgxpool.NewWithConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	if since := os.Getenv("KILLED_CATCHING_UP"); since != "" {
		_, err := CatchUpByHand(t.Context(), CatchUpOptions{Names: Names{Slot: slot, Publication: "avni_messenger"}, Pool: pool, Since: time.Now().Add(-time.Hour)})
		t.Fatal("not killed", err)
	}
	r := NewReader(Options{Slot: slot, Publication: "avni_messenger", Pool: pool,
		Keep:      func(Change) bool { kill.reached("change received"); return true },
		Reference: func(context.Context, []Change) error { kill.reached("rules told"); return nil },
		Stored:    func() { kill.reached("worker told") },
	})
	r.pace.retryMin, r.pace.standby, r.pace.newStatus = 10*time.Millisecond, 10*time.Millisecond, 10*time.Millisecond
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// killConn sees what goes out on the replication connection.
type killConn struct {
	net.Conn
	kill *killAt
}

func (c *killConn) Write(p []byte) (int, error) {
	due, sent := "", ""
	switch {
	case len(p) > 5 && p[0] == 'd' && p[5] == 'r': // CopyData with a standby status update
		due, sent = "acknowledgement due", "acknowledgement sent"
	case strings.Contains(string(p[:min(len(p), 30)]), "START_REPLICATION"):
		due, sent = "stream due", "stream asked for"
	}
	c.kill.reached(due)
	n, err := c.Conn.Write(p)
	c.kill.reached(sent)
	return n, err
}

// killTracer sees the statements.
type killTracer struct{ kill *killAt }

type statementKey struct{}

func (k killTracer) begin(ctx context.Context, sql string) context.Context {
	name := killStatement(sql)
	k.kill.reached("before " + name)
	return context.WithValue(ctx, statementKey{}, name)
}

func (k killTracer) come(to string, ctx context.Context) {
	name, _ := ctx.Value(statementKey{}).(string)
	k.kill.reached(to + " " + name)
}

func (k killTracer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	return k.begin(ctx, data.SQL)
}

func (k killTracer) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryEndData) {
	k.come("after", ctx)
}

// TraceBatchStart takes a batch for its last statement: the others are settings.
func (k killTracer) TraceBatchStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	queued := data.Batch.QueuedQueries
	return k.begin(ctx, queued[len(queued)-1].SQL)
}

// TraceBatchQuery is called when the first of the answers has come.
func (k killTracer) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchQueryData) {
	k.come("amid", ctx)
}

func (k killTracer) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchEndData) {
	k.come("after", ctx)
}

// Killed at any step, a process leaves nothing unread and nothing stored twice.
func TestKilledAtEveryStep(t *testing.T) {
	f := newFixture(t)
	f.countStores()
	f.setup()
	stop, registered := make(chan struct{}), make(chan int)
	var once sync.Once
	end := func() { once.Do(func() { close(stop) }) }
	t.Cleanup(end)
	go func() { registered <- f.registerUntil(stop) }()
	for _, step := range killSteps {
		f.runUntilKilled(step, 1)
		if !strings.HasSuffix(step, "take over") && !strings.HasPrefix(step, "stream") { // that comes once
			f.runUntilKilled(step, 5)
		}
	}
	end()
	want := <-registered
	r := f.startStreaming()
	eventually(t, "all changes", func() (bool, string) { n := f.inboxRows(); return n == want, fmt.Sprint(n, " of ", want) })
	f.eachStoredOnce(want)
	in := f.inspect()
	if in.Position.LSN != r.Status().Position || in.Slot.ConfirmedLSN > in.Position.LSN {
		t.Errorf("stored position %s, of the reader %s, slot at %s", in.Position.LSN, r.Status().Position, in.Slot.ConfirmedLSN)
	}
}

// registerUntil registers subjects, with a changed rule now and then, and returns how
// many.
func (f *fixture) registerUntil(stop <-chan struct{}) int {
	for n := 0; ; n++ {
		select {
		case <-stop:
			return n
		default:
		}
		f.register(f.avni)
		if n%5 == 0 {
			if err := f.saveRule(f.avni); err != nil {
				f.t.Error(err)
			}
		}
		<-time.After(time.Millisecond) // leave the others some of the machine
	}
}

// runUntilKilled runs a reader in a process of its own until it has killed itself.
func (f *fixture) runUntilKilled(step string, nth int, environment ...string) {
	f.t.Helper()
	ctx, cancel := context.WithTimeout(f.ctx, patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^TestReaderThatKillsItself$")
	cmd.Env = append(os.Environ(), "KILLED_URL="+f.db.URL(), "KILLED_SLOT="+f.names.Slot, "KILLED_STEP="+step, fmt.Sprint("KILLED_NTH=", nth))
	cmd.Env = append(cmd.Env, environment...)
	var output strings.Builder
	cmd.Stdout, cmd.Stderr = &output, &output
	_ = cmd.Run() // how it ended is in its state
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ctx.Err() != nil || !status.Signaled() || status.Signal() != syscall.SIGKILL {
		f.t.Fatalf("step %q, time %d: ended with %v (%v): %s", step, nth, cmd.ProcessState, ctx.Err(), output.String())
	}
}
