package cdc

import (
	"context"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// Run with -benchtime=1x: each benchmark is one measured run. MESSENGER_BENCH_ROWS
// changes the number of rows; the goals are for the default.
//
// Every consumer drains the same WAL, from copies of one slot that was made before the
// load, in turn. pg_recvlogical, which comes with PostgreSQL, receives all columns and
// throws them away: no consumer that does any work can be much faster on that stream.

// benchRows is how many rows each load has.
func benchRows(b *testing.B) int {
	text := os.Getenv("MESSENGER_BENCH_ROWS")
	if text == "" {
		return 200_000
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		b.Fatalf("MESSENGER_BENCH_ROWS: %v", err)
	}
	return n
}

// benchRounds is how often each consumer drains each load; the median counts.
const benchRounds = 3

func BenchmarkDrainSingleRowTransactions(b *testing.B) {
	benchmarkDrain(b, nil, func(f *bench, rows int) {
		f.sql(fmt.Sprintf(`do $$ begin for i in 1..%d loop %s; commit; end loop; end $$`, rows, insertRow("1")))
	})
}

func BenchmarkDrainOneTransaction(b *testing.B) {
	benchmarkDrain(b, nil, func(f *bench, rows int) { f.sql(insertRow(strconv.Itoa(rows))) })
}

func BenchmarkDrainUpdates(b *testing.B) {
	benchmarkDrain(b, func(f *bench, rows int) { f.sql(insertRow(strconv.Itoa(rows))) },
		func(f *bench, _ int) {
			f.sql(`do $$ declare r record; begin
				for r in select id from individual where first_name = 'Bench' loop
					update individual set last_name = 'Devi', version = version + 1 where id = r.id; commit;
				end loop; end $$`)
		})
}

// BenchmarkForeignTraffic fails unless WAL of others is let go of: 1 GB of it.
func BenchmarkForeignTraffic(b *testing.B) {
	for b.Loop() {
		f := newBench(b)
		f.setup()
		r := f.reader()
		ctx, cancel := context.WithCancel(f.ctx)
		done := make(chan error, 1)
		go func() { done <- r.Run(ctx) }()
		f.foreignTraffic(1 << 30)
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// insertRow inserts n rows with 18 observations, 1.4 kB, as a registration form has them.
func insertRow(n string) string {
	return `insert into individual (uuid, version, date_of_birth_verified, organisation_id, subject_type_id, first_name, observations,
		created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select md5(random()::text), 0, false, 101, 301, 'Bench', observations, 202, 202, now(), now()
		from bench_observations, generate_series(1, ` + n + `)`
}

func benchmarkDrain(b *testing.B, prepare, load func(*bench, int)) {
	for b.Loop() {
		f, rows := newBench(b), benchRows(b)
		if prepare != nil {
			prepare(f, rows)
		}
		f.setup()
		f.sql(`create publication all_columns for table individual`)
		f.sql(`select pg_create_logical_replication_slot('base', 'pgoutput')`)
		load(f, rows)
		target := f.inspect().WrittenLSN
		f.sql(strings.ReplaceAll(insertRow("1"), "301", "302")) // the last row, which even no match keeps
		f.sql(`checkpoint`)
		consumers := map[string]func() used{
			"no match":   func() used { return f.drain(target, func(c Change) bool { return c.TypeID == 302 }) },
			"into inbox": func() used { return f.drain(target, func(Change) bool { return true }) },
		}
		if program := recvlogical(); program != "" {
			consumers["pg_recvlogical"] = func() used { return f.receive(program, target) }
		} else {
			b.Log("pg_recvlogical is not on this machine: there are no ratios")
		}
		f.compare(b, consumers, rows)
	}
	b.ReportMetric(0, "ns/op")
}
