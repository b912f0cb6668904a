package cdc

import (
	"context"
	"encoding/binary"
	"errors"
	"flag"
	"net"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/internal/avnitest"
)

// bounded runs do and checks that it allocated in proportion to its input.
func bounded(t *testing.T, input int, do func()) {
	t.Helper()
	const perByte, once = 64, 256 << 10
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	do()
	runtime.ReadMemStats(&after)
	if allocated := after.TotalAlloc - before.TotalAlloc; allocated > uint64(perByte*input+once) {
		t.Errorf("%d bytes were allocated for %d", allocated, input)
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []wire{beginMessage(), commitMessage(), individualTuple(wire("I").uint32(5)), individualTuple(wire("U").uint32(5).byte('O').uint16(1).byte('n')),
		relationMessage(5, "public", "individual", individualColumns...), wire("T").uint32(1).byte(0).uint32(6)} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := describedIndividual(t)
		before := string(data)
		var m message
		var err error
		bounded(t, len(data), func() { m, err = d.decode(data) })
		if string(data) != before {
			t.Error("the data was changed")
		}
		if err == nil && m.kind == messageRow && m.table != nil && m.change.Table != m.table.name {
			t.Errorf("row of %s with a change of %s", m.table.name, m.change.Table)
		}
		_, _ = d.decode(individualTuple(wire("I").uint32(5))) // whatever the first one left behind
	})
}

// FuzzHandle gives a session messages of the replication protocol, one after the other
// until it refuses one. None may make it panic, or allocate without bound. Nothing can be
// stored or acknowledged: where that is tried the session ends.
func FuzzHandle(f *testing.F) {
	keepalive := wire("k").uint64(1 << 40).uint64(0).byte(1)
	f.Add([]byte(framed(nil, keepalive, keepalive[:10], wire("w"), wire("?"), nil)))
	if !fuzzWorker() {
		stream := recordStream(f)
		f.Add([]byte(framed(nil, stream...)))
		f.Add([]byte(framed(framed(nil, keepalive), append(stream[:3:3], keepalive)...)))
		for n := 1; n < len(stream); n += 5 {
			f.Add([]byte(framed(nil, stream[n:]...)))
		}
	}
	pool := pathlessPool(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		s := pathlessSession(t, pool)
		defer s.conn.pg.Conn().Close()
		bounded(t, len(data), func() {
			for rest := data; len(rest) >= 4; {
				n := min(int(binary.BigEndian.Uint32(rest)), len(rest)-4)
				if err := s.handle(t.Context(), rest[4:4+n]); err != nil {
					return
				}
				rest = rest[4+n:]
			}
		})
		if s.durable.lsn != 0 || s.ackedLSN != 0 {
			t.Errorf("position %s, acknowledged %s, and nothing was stored", s.durable.lsn, s.ackedLSN)
		}
	})
}

// fuzzWorker says whether this is one of the processes that get their inputs from another.
func fuzzWorker() bool {
	worker := flag.Lookup("test.fuzzworker")
	return worker != nil && worker.Value.String() == "true"
}

// framed appends messages, each after its length.
func framed(w wire, messages ...wire) wire {
	for _, m := range messages {
		w = append(w.uint32(uint32(len(m))), m...)
	}
	return w
}

// recordStream returns what a real server sends for changes of every kind.
func recordStream(tb testing.TB) []wire {
	tb.Helper()
	f := newFixture(tb)
	f.setup()
	changeWithoutReader(f)
	end := f.inspect().WrittenLSN
	conn, err := connect(f.ctx, &f.db.Pool().Config().ConnConfig.Config, f.names)
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.close()
	var stream []wire
	for deadline := time.Now().Add(patience); ; {
		data, err := conn.receive(deadline)
		if err != nil {
			tb.Fatal(err)
		}
		stream = append(stream, append(wire(nil), data...))
		if len(data) > 17 && data[0] == 'k' && LSN(binary.BigEndian.Uint64(data[1:])) >= end {
			return stream
		}
	}
}

func changeWithoutReader(f *fixture) {
	f.t.Helper()
	err := f.avni.InTx(f.ctx, func(avni *avnitest.Avni) error {
		id := f.register(avni)
		return errors.Join(avni.SaveSubject(f.ctx, id), avni.VoidSubject(f.ctx, id), avni.SaveUser(f.ctx, 202), avni.VoidUser(f.ctx, 203))
	})
	_, scheduled := f.avni.ScheduleEncounter(f.ctx, 1001, 502, "Home visit", time.Now(), time.Now())
	if err := errors.Join(err, scheduled, f.saveRule(f.avni)); err != nil {
		f.t.Fatal(err)
	}
	f.registerMany(20)
	f.exec(f.db.URL(), `select pg_logical_emit_message(true, 'test', 'none of ours')`)
}

// pathlessPool can connect to nothing.
func pathlessPool(tb testing.TB) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig("postgres://nobody@nowhere/nothing")
	if err != nil {
		tb.Fatal(err)
	}
	config.ConnConfig.LookupFunc = func(context.Context, string) ([]string, error) { return []string{"127.0.0.1"}, nil }
	config.ConnConfig.DialFunc = func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no path") }
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}

// pathlessSession is a session whose acknowledgements nobody takes.
func pathlessSession(tb testing.TB, pool *pgxpool.Pool) *session {
	tb.Helper()
	near, far := net.Pipe()
	far.Close()
	in := newInput(near, near)
	pg, err := pgconn.Construct(&pgconn.HijackedConn{Conn: near, Config: &pool.Config().ConnConfig.Config, Frontend: pgproto3.NewFrontend(in.buffer, near)})
	if err != nil {
		tb.Fatal(err)
	}
	r := NewReader(Options{Slot: "fuzz", Publication: "fuzz", Pool: pool})
	r.pace.persistBytes, r.pace.persistAge, r.pace.batchAge = 1<<63, time.Hour, time.Hour // much comes before anything is stored
	now := time.Now()
	return &session{options: &r.options, pace: r.pace, conn: &connection{pg: pg, in: in, names: r.names}, decoder: newDecoder(), store: r.store(Inspection{}),
		monitor: &r.monitor, log: r.log, batch: r.batch, leasedAt: now, storedAt: now, began: now, ackedAt: now}
}
