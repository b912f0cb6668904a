package main

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// Run with -benchtime=1x: each benchmark is one measured run of the whole program.

// percentiles reports the median and the 99th percentile in milliseconds.
func percentiles(b *testing.B, latencies []time.Duration) {
	slices.Sort(latencies)
	at := func(q float64) float64 {
		return float64(latencies[min(len(latencies)-1, int(q*float64(len(latencies))))]) / float64(time.Millisecond)
	}
	b.ReportMetric(at(0.50), "p50-ms")
	b.ReportMetric(at(0.99), "p99-ms")
	b.ReportMetric(0, "ns/op") // the whole run's time says nothing
}

// From the commit of a registration to the commit of its queue row, both as Postgres
// records them, at 50 registrations a second.
func BenchmarkCommitToQueueRow(b *testing.B) {
	const perSecond, n = 50, 500
	p := newProgramOn(b, avnitest.Options{Settings: map[string]string{"track_commit_timestamp": "on", "synchronous_commit": "on"}}, "MESSENGER_DISPATCH=off")
	p.start()
	tick := time.NewTicker(time.Second / perSecond)
	defer tick.Stop()
	for i := range n {
		<-tick.C
		_, err := p.avni.RegisterSubject(b.Context(), avnitest.SubjectFields{FirstName: "Bench", Phone: fmt.Sprintf("98765%05d", i)})
		p.must(err)
	}
	const queued = `from message_request_queue q join individual i on i.id = q.entity_id where q.message_rule_id = 601 and i.first_name = 'Bench'`
	p.eventually(avnitest.Patience, func() string {
		if rows := p.count(`select count(*) ` + queued); rows < n {
			return fmt.Sprintf("%d of %d rows are queued", rows, n)
		}
		return ""
	})
	rows, err := p.db.Pool().Query(b.Context(), `select pg_xact_commit_timestamp(q.xmin) - pg_xact_commit_timestamp(i.xmin) `+queued)
	p.must(err)
	latencies, err := pgx.CollectRows(rows, pgx.RowTo[time.Duration])
	p.must(err)
	percentiles(b, latencies)
	p.stop()
}

// From the due time of a request to its arrival at Glific, with 200 requests due at
// moments spread over four seconds.
func BenchmarkDueToRequest(b *testing.B) {
	const n = 200
	p := newProgram(b, glifictest.Options{})
	p.start()
	p.eventually(avnitest.Patience, func() string {
		return missing(map[string]int{message("919876543210", 7009, "Meena Kumari", "camp on Sunday"): 1}, p.messages())
	})
	due := map[string]time.Time{}
	for i := range n {
		at := time.Now().Add(3*time.Second + time.Duration(i)*20*time.Millisecond).Truncate(time.Millisecond)
		name := fmt.Sprintf("Due %d", i)
		subject, err := p.avni.RegisterSubject(b.Context(), avnitest.SubjectFields{SubjectTypeID: 302, FirstName: name, Phone: fmt.Sprintf("98765%05d", i)})
		p.must(err)
		_, err = p.avni.QueueManual(b.Context(), avnitest.AshaGramin, avnitest.Receiver{Type: "Subject", ID: subject}, "7010", []string{"@name"}, at)
		p.must(err)
		due[name] = at
	}
	p.eventually(avnitest.Patience, func() string {
		if sent := len(p.glific.Ledger()); sent < n+1 {
			return fmt.Sprintf("%d of %d messages arrived", sent, n+1)
		}
		return ""
	})
	var latencies []time.Duration
	for _, delivery := range p.glific.Ledger() {
		if at, ok := due[delivery.Parameters[0]]; ok {
			latencies = append(latencies, delivery.At.Sub(at))
		}
	}
	percentiles(b, latencies)
	p.stop()
}

// Changes a second through the whole path, from SQL to the phone, no pacing: at once
// committed, 2000 registrations, with a Glific that answers at once.
func BenchmarkWholePath(b *testing.B) { benchmarkWholePath(b, 2000, 0) }

// The same with a Glific as far away as it is: 50 ms for each request, of which a first
// message to somebody takes several.
func BenchmarkDistantGlific(b *testing.B) { benchmarkWholePath(b, 2000, 50*time.Millisecond) }

func benchmarkWholePath(b *testing.B, n int, answerTime time.Duration) {
	p := newProgram(b, glifictest.Options{AnswerTime: answerTime}, "MESSENGER_STORM_LIMIT=100000")
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, params.entity.lowestAddressLevel.name`)
	p.start()
	p.must(p.avni.InTx(b.Context(), func(avni *avnitest.Avni) error {
		for i := range n {
			if _, err := avni.RegisterSubject(b.Context(), avnitest.SubjectFields{FirstName: "Bench", Phone: fmt.Sprintf("98765%05d", i)}); err != nil {
				return err
			}
		}
		return nil
	}))
	began := time.Now()
	p.eventually(5*time.Minute, func() string {
		if sent := len(p.glific.Ledger()); sent < n {
			return fmt.Sprintf("%d of %d messages arrived", sent, n)
		}
		return ""
	})
	b.ReportMetric(float64(n)/time.Since(began).Seconds(), "messages/s")
	if most := p.residentMB(); most > 0 {
		b.ReportMetric(most, "memory-MB")
	}
	b.ReportMetric(0, "ns/op")
	p.stop()
}

// residentMB is the most memory that the process has had so far, 0 where there is no
// /proc.
func (p *program) residentMB() float64 {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.now.command.Process.Pid))
	found := regexp.MustCompile(`VmHWM:\s*(\d+) kB`).FindSubmatch(status)
	if found == nil {
		return 0
	}
	kilobytes, _ := strconv.Atoi(string(found[1]))
	return float64(kilobytes) / 1024
}
