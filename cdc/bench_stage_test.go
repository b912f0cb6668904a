package cdc

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest/postgres"
)

type bench struct {
	*fixture
	conn *pgx.Conn
}

func newBench(b *testing.B) *bench {
	b.Helper()
	// Streams come over TCP, as they do in production.
	port := freePort(b)
	b.Setenv("PGPORT", port)
	cluster := newServer(b, map[string]string{"max_wal_size": "8GB", "autovacuum": "off", "checkpoint_timeout": "1h",
		"listen_addresses": "127.0.0.1", "port": port})
	f := &bench{fixture: newFixtureOn(b, cluster)}
	f.conn = f.connect(f.db.SuperuserURL())
	f.sql(`set synchronous_commit = off`)
	f.sql(`create table bench_observations as select jsonb_object_agg(md5(i::text), repeat(chr(97 + i), 40)) as observations from generate_series(1, 18) i`)
	return f
}

func freePort(b *testing.B) string {
	b.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer listener.Close()
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	return port
}

// overTCP turns a URL with a Unix socket into one without.
func overTCP(url string) string {
	before, _, _ := strings.Cut(url, "?")
	return strings.Replace(before, "@/", "@127.0.0.1/", 1) + "?sslmode=disable"
}

func (f *bench) sql(sql string) {
	f.t.Helper()
	if _, err := f.conn.Exec(f.ctx, sql); err != nil {
		f.t.Fatalf("%s: %v", sql, err)
	}
}

// used is what one drain took.
type used struct {
	wall, ours, server float64 // seconds: time, CPU of the consumer and of the walsender
	memory             float64 // MB that our process grew by
}

// compare lets each consumer drain the load in turn and reports medians, and of memory the most.
func (f *bench) compare(b *testing.B, consumers map[string]func() used, rows int) {
	names := []string{"pg_recvlogical", "no match", "into inbox"}
	runs := make(map[string][]used)
	for round := range benchRounds {
		for i := range names {
			name := names[(i+round)%len(names)]
			if drain := consumers[name]; drain != nil {
				runs[name] = append(runs[name], drain())
			}
		}
	}
	for _, name := range names {
		if len(runs[name]) == 0 {
			continue
		}
		wall := median(runs[name], func(_ int, u used) float64 { return u.wall })
		b.Logf("%-14s %5.2f s, %6.0f rows/s; CPU %5.2f s, walsender's %5.2f s; memory %+.0f MB", name, wall, float64(rows)/wall,
			median(runs[name], func(_ int, u used) float64 { return u.ours }), median(runs[name], func(_ int, u used) float64 { return u.server }),
			most(runs[name]))
		if name == "pg_recvlogical" {
			continue
		}
		metric := strings.ReplaceAll(name, " ", "-")
		b.ReportMetric(most(runs[name]), metric+"-memory-MB")
		if floor := runs["pg_recvlogical"]; len(floor) > 0 {
			b.ReportMetric(median(runs[name], func(i int, u used) float64 { return u.wall / floor[i].wall }), metric+"-ratio")
		}
	}
}

func median(runs []used, of func(int, used) float64) float64 {
	var values []float64
	for i, u := range runs {
		values = append(values, of(i, u))
	}
	slices.Sort(values)
	return values[len(values)/2]
}

// most is the most memory that a run took.
func most(runs []used) float64 {
	memory := 0.0
	for _, u := range runs {
		memory = max(memory, u.memory)
	}
	return memory
}

// copySlot puts a slot back to before the load.
func (f *bench) copySlot(slot string) {
	f.t.Helper()
	f.sql(`select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = ` + literal(slot))
	f.sql(`select pg_copy_logical_replication_slot('base', ` + literal(slot) + `)`)
}

// drain lets a Reader read until everything before target is stored.
func (f *bench) drain(target LSN, keep func(Change) bool) used {
	f.t.Helper()
	f.copySlot(f.names.Slot)
	f.sql(`truncate messenger.inbox`)
	f.sql(`update messenger.position set lsn = (select confirmed_flush_lsn from pg_replication_slots where slot_name = 'base'), committed_at = null`)
	f.sql(`checkpoint`)
	debug.FreeOSMemory()
	base, cpu, sender := residentMB(), ownCPU(), f.watchSender(f.names.Slot)
	r := f.reader(func(r *Reader) {
		r.options.Keep, r.options.URL, r.log = keep, overTCP(f.db.URL()), slog.New(slog.DiscardHandler)
	})
	ctx, cancel := context.WithTimeout(f.ctx, 10*time.Minute)
	defer cancel()
	began, done := time.Now(), make(chan error, 1)
	go func() { done <- r.Run(ctx) }()
	peak := base
	for r.Status().Position < target && ctx.Err() == nil {
		peak = max(peak, residentMB())
		sender.look()
		<-time.After(20 * time.Millisecond)
	}
	u := used{wall: time.Since(began).Seconds(), ours: ownCPU() - cpu, server: sender.look(), memory: peak - base}
	if ctx.Err() != nil {
		f.t.Fatalf("not drained to %s: %+v", target, r.Status())
	}
	cancel()
	if err := <-done; err != nil {
		f.t.Fatal(err)
	}
	return u
}

// receive lets pg_recvlogical read all columns up to target and throw them away.
func (f *bench) receive(program string, target LSN) used {
	f.t.Helper()
	f.copySlot("received")
	f.sql(`checkpoint`)
	sender := f.watchSender("received")
	cmd := exec.CommandContext(f.ctx, program, "-d", overTCP(f.db.SuperuserURL()), "--slot", "received", "--start", "--no-loop", "--endpos", target.String(),
		"-o", "proto_version=1", "-o", "publication_names=all_columns", "-f", "/dev/null")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	began, done := time.Now(), make(chan error, 1)
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	go func() { done <- cmd.Wait() }()
	for {
		select {
		case err := <-done:
			if err != nil {
				f.t.Fatalf("pg_recvlogical: %v: %s", err, stderr.String())
			}
			return used{wall: time.Since(began).Seconds(), server: sender.cpu,
				ours: (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()}
		case <-time.After(20 * time.Millisecond):
			sender.look()
		}
	}
}

func recvlogical() string {
	if bin, err := postgres.Find(); err == nil {
		if path, err := exec.LookPath(filepath.Join(bin, "pg_recvlogical")); err == nil {
			return path
		}
	}
	path, _ := exec.LookPath("pg_recvlogical")
	return path
}

// sender is the walsender of a slot.
type sender struct {
	f    *bench
	slot string
	pid  int
	cpu  float64 // seconds, as last seen
}

func (f *bench) watchSender(slot string) *sender { return &sender{f: f, slot: slot} }

func (s *sender) look() float64 {
	if s.pid == 0 {
		s.pid = s.f.queryInt(`select coalesce(max(active_pid), 0) from pg_replication_slots where slot_name = $1`, s.slot)
		return 0
	}
	// proc(5): the 14th and 15th fields of stat are ticks of 10 ms, after a name in brackets
	stat, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid))
	_, rest, _ := strings.Cut(string(stat), ") ")
	if fields := strings.Fields(rest); len(fields) > 12 {
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		s.cpu = float64(user+system) / 100
	}
	return s.cpu
}

func ownCPU() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// residentMB is this process's memory, 0 where there is no /proc.
func residentMB() float64 {
	statm, _ := os.ReadFile("/proc/self/statm")
	if fields := strings.Fields(string(statm)); len(fields) > 1 {
		pages, _ := strconv.Atoi(fields[1])
		return float64(pages*os.Getpagesize()) / (1 << 20)
	}
	return 0
}
