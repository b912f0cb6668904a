package cdc

import (
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
)

// proxy is a network between a reader and its server that can fail.
type proxy struct {
	listener net.Listener
	server   string // Unix socket

	gate  sync.RWMutex // locked while nothing is forwarded
	mu    sync.Mutex
	links []*link
}

// link is one connection through the proxy.
type link struct {
	near, far net.Conn
	gate      *sync.RWMutex
	mu        sync.Mutex
	hole      bool // what comes vanishes
}

func newProxy(f *fixture) (*proxy, *pgxpool.Pool) {
	f.t.Helper()
	target, err := url.Parse(f.db.URL())
	if err != nil {
		f.t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		f.t.Fatal(err)
	}
	p := &proxy{listener: listener, server: filepath.Join(target.Query().Get("host"), ".s.PGSQL.5432")}
	go p.serve()
	target.Host = listener.Addr().String()
	target.RawQuery = "sslmode=disable"
	pool := f.pool(target.String())
	f.t.Cleanup(func() {
		p.close()
		pool.Close()
	})
	return p, pool
}

func (p *proxy) serve() {
	for {
		near, err := p.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("unix", p.server)
		if err != nil {
			near.Close()
			continue
		}
		l := &link{near: near, far: far, gate: &p.gate}
		p.mu.Lock()
		p.links = append(p.links, l)
		p.mu.Unlock()
		go l.forward(near, far)
		go l.forward(far, near)
	}
}

func (l *link) forward(to, from net.Conn) {
	buffer := make([]byte, 64<<10)
	for {
		n, err := from.Read(buffer)
		l.gate.RLock()
		l.mu.Lock()
		hole := l.hole
		l.mu.Unlock()
		l.gate.RUnlock()
		if hole {
			_, _ = io.Copy(io.Discard, from)
			return // and neither side learns that the other has gone
		}
		if _, writeErr := to.Write(buffer[:n]); err != nil || writeErr != nil {
			l.near.Close()
			l.far.Close()
			return
		}
	}
}

// cut closes every connection, swallow lets all that is sent on them vanish, freeze
// keeps it back for a while, and close lets nobody connect any more.
func (p *proxy) cut() {
	p.each(func(l *link) { l.near.Close(); l.far.Close() })
}

func (p *proxy) swallow() {
	p.each(func(l *link) {
		l.mu.Lock()
		l.hole = true
		l.mu.Unlock()
	})
}

func (p *proxy) freeze(d time.Duration) {
	p.gate.Lock()
	defer p.gate.Unlock()
	<-time.After(d)
}

func (p *proxy) close() {
	p.listener.Close()
	p.cut()
}

func (p *proxy) each(do func(*link)) {
	p.mu.Lock()
	links := slices.Clone(p.links)
	p.mu.Unlock()
	for _, l := range links {
		do(l)
	}
}

// A network that breaks, or swallows all that is sent without a word, costs time only.
func TestBrokenNetwork(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(*proxy)
		times  int
	}{{"cut", (*proxy).cut, 3}, {"black hole", (*proxy).swallow, 1}} {
		t.Run(c.name, func(t *testing.T) {
			f := newFixture(t)
			f.countStores()
			f.superuser(`do $$ begin execute format('alter database %I set wal_sender_timeout = ''1s''', current_database()); end $$`)
			network, pool := newProxy(f)
			r := f.startStreaming(func(r *Reader) {
				r.options.Pool, r.pace.silence = pool, time.Millisecond // wal_sender_timeout counts then
				r.pace.survey = 500 * time.Millisecond
			})
			stop, registered := make(chan struct{}), make(chan int)
			go func() { registered <- f.registerUntil(stop) }()
			for range c.times {
				before, have := f.connects(r), f.inboxRows()
				eventually(t, "progress", func() (bool, string) { return f.inboxRows() > have, r.Status().Detail })
				c.damage(network)
				eventually(t, "a new stream", func() (bool, string) {
					return f.connects(r) > before && r.Status().State == Streaming, r.Status().Detail
				})
			}
			close(stop)
			want := <-registered
			eventually(t, "all changes", func() (bool, string) { return f.inboxRows() == want, r.Status().Detail })
			f.eachStoredOnce(want)
		})
	}
}
