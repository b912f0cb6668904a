package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch"
	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// distance is how long a Glific takes to answer that is as far away as it is.
const distance = 50 * time.Millisecond

// Messages a second, no pacing, to contacts that Glific knows, for some organisations at
// the same time; and how many times as fast that is as avni-server, which sends one
// message after the other, measured on the same Glific.
func BenchmarkDelivery(b *testing.B) {
	for _, organisations := range []int{1, 4, 16} {
		b.Run(fmt.Sprintf("organisations=%d", organisations), func(b *testing.B) {
			q := newQueueBench(b, organisations, max(200, 2000/organisations))
			serial := q.serial(20)
			b.ResetTimer()
			b.ReportMetric(q.deliver()/serial, "times-serial")
			b.ReportMetric(serial, "serial-messages/s")
		})
	}
}

// The memory of the program while 100,000 messages are due, and how fast it then is.
func BenchmarkManyDue(b *testing.B) {
	const due, sent = 100_000, 3000
	p := newProgram(b, glifictest.Options{})
	for _, index := range queueIndexes {
		_, err := p.avni.Pool().Exec(b.Context(), index.create())
		p.must(err)
	}
	for _, table := range []string{
		like("individual", "1001", `'id', n, 'uuid', gen_random_uuid(), `+withPhone, `generate_series(100001, 100000 + $1::int / 20) n`),
		like("message_receiver", "901", `'id', n, 'uuid', gen_random_uuid(), 'receiver_id', n, 'receiver_type', 'Subject', 'external_id', null`, `generate_series(100001, 100000 + $1::int / 20) n`),
		like("manual_message", "911", `'id', n, 'uuid', gen_random_uuid(), 'message_template_id', '7009', 'parameters', array['@name', n::text]`, `generate_series(100001, 100000 + $1::int) n`),
		like("message_request_queue", "922", `'id', n, 'uuid', gen_random_uuid(), 'manual_message_id', n, 'message_receiver_id', 100001 + n % ($1::int / 20), 'scheduled_date_time', now() - interval '1 hour'`, `generate_series(100001, 100000 + $1::int) n`),
	} {
		_, err := p.avni.Pool().Exec(b.Context(), table, due)
		p.must(err)
	}
	_, err := p.avni.Pool().Exec(b.Context(), `vacuum analyze message_request_queue`)
	p.must(err)
	p.start()
	arrived := func(n int) {
		p.eventually(avnitest.Patience, func() string {
			if got := len(p.glific.Ledger()); got < n {
				return fmt.Sprintf("%d of %d messages arrived", got, n)
			}
			return ""
		})
	}
	arrived(100)
	began := time.Now()
	arrived(sent)
	b.ReportMetric((sent-100)/time.Since(began).Seconds(), "messages/s")
	if most := p.residentMB(); most > 0 {
		b.ReportMetric(most, "memory-MB")
	}
	b.ReportMetric(0, "ns/op")
	p.stop()
}

// queueBench is a queue full of due messages, each to somebody else.
type queueBench struct {
	*testing.B
	db            *avnitest.DB
	glific        *glifictest.Server
	organisations []dispatch.Organisation
	each          int
}

func newQueueBench(b *testing.B, organisations, each int) *queueBench {
	b.Helper()
	server, err := glifictest.New(glifictest.Options{NoLimits: true, AnswerTime: distance})
	q := &queueBench{B: b, db: avnitest.New(b), glific: server, each: each}
	q.must(err)
	b.Cleanup(server.Close)
	for _, index := range queueIndexes {
		q.exec(index.create())
	}
	for i := range organisations {
		q.addOrganisation(i)
	}
	q.exec(`update message_request_queue set is_voided = true where organisation_id < 1000`)
	q.exec(`vacuum analyze`)
	return q
}

func (q *queueBench) must(err error) {
	q.Helper()
	if err != nil {
		q.Fatal(err)
	}
}

func (q *queueBench) exec(sql string, arguments ...any) {
	q.Helper()
	_, err := q.db.Avni().Pool().Exec(q.Context(), sql, arguments...)
	q.must(err)
}

// like is a statement that copies a sample row, with some columns of its own.
func like(table, sample, columns, from string) string {
	return `insert into ` + table + ` select (jsonb_populate_record(s, jsonb_build_object(` + columns + `))).* from ` + table + ` s, ` + from + ` where s.id = ` + sample
}

// withPhone gives the n-th subject a number.
const withPhone = `'observations', s.observations || jsonb_build_object('f0000000-0000-4000-8000-000000000701',
	jsonb_build_object('phoneNumber', (9800000000 + n)::text, 'verified', false))`

// addOrganisation adds an organisation like Asha Gramin, with subjects that Glific knows
// and a due message to each of them.
func (q *queueBench) addOrganisation(i int) {
	q.Helper()
	id := 1000 + i
	name := fmt.Sprintf("bench%d", i)
	first := 100_000 * (i + 1) // id of the first row
	q.exec(like("organisation", "101", `'id', $1::int, 'uuid', gen_random_uuid(), 'name', $2::text, 'db_user', $2::text, 'username_suffix', $2::text, 'schema_name', $2::text, 'media_directory', $2::text`,
		`(select) x`), id, name)
	numbers := `generate_series($2::int, $2::int + $3::int - 1) n`
	own := `'id', n, 'uuid', gen_random_uuid(), 'organisation_id', $1::int, `
	q.exec(like("individual", "1001", own+withPhone, numbers), id, first, q.each)
	q.exec(like("message_receiver", "901", own+`'receiver_id', n, 'receiver_type', 'Subject', 'external_id', null`, numbers), id, first, q.each)
	q.exec(like("manual_message", "911", own+`'message_template_id', '7009', 'parameters', array['@name', 'camp on Sunday']`, numbers), id, first, q.each)
	q.exec(like("message_request_queue", "922", own+`'manual_message_id', n, 'message_receiver_id', n, 'scheduled_date_time', now() - interval '1 hour'`, numbers), id, first, q.each)

	o := q.glific.AddOrganisation(name, "919999900001", "secret", glifictest.Template{ID: 7009, Body: "Dear {{1}}, {{2}}"})
	for n := range q.each {
		o.AddOptedInContact("91"+strconv.Itoa(9_800_000_000+first+n), "")
	}
	q.organisations = append(q.organisations, dispatch.Organisation{
		ID: int32(id), Name: name, Region: "IN", VisibleIDs: []int32{int32(id), avnitest.AshaGramin}, ActingUserID: 201,
		Glific: glific.Account{BaseURL: q.glific.URL(name), Phone: "919999900001", Password: "secret"},
	})
}

// serial is how many messages a second avni-server sends: one after the other, with a
// login before each of two calls. They go to people who are not in the queue.
func (q *queueBench) serial(n int) float64 {
	q.Helper()
	account, connections := q.organisations[0].Glific, &http.Client{}
	fresh := func() *glific.Client {
		return glific.NewClient(account, glific.Options{HTTPClient: connections, RequestsPerMinute: -1})
	}
	began := time.Now()
	for i := range n {
		contact, found, err := fresh().ContactByPhone(q.Context(), strconv.Itoa(919_800_100_000+i))
		q.must(err)
		if !found {
			q.Fatal("the contact is not there")
		}
		_, err = fresh().Send(q.Context(), glific.Message{TemplateID: 7009, ContactID: contact.ID, Parameters: []string{"Asha", "camp"}, SendAt: began.Truncate(time.Second)})
		q.must(err)
	}
	return float64(n) / time.Since(began).Seconds()
}

// deliver empties the queue and returns how many messages arrived in a second.
func (q *queueBench) deliver() float64 {
	q.Helper()
	config, err := pgxpool.ParseConfig(q.db.URL())
	q.must(err)
	config.MaxConns = 12
	pool, err := pgxpool.NewWithConfig(q.Context(), config)
	q.must(err)
	defer pool.Close()
	d := dispatch.NewDispatcher(dispatch.Options{
		Pool: pool, Organisations: func() []dispatch.Organisation { return q.organisations },
		Settings: dispatch.Settings{MessagesPerSecond: -1}, Glific: glific.Options{RequestsPerMinute: -1},
	})
	ctx, stop := context.WithCancel(q.Context())
	ended := make(chan error, 1)
	before, want := len(q.glific.Ledger()), q.each*len(q.organisations)
	began := time.Now()
	go func() { ended <- d.Run(ctx) }()
	avnitest.Eventually(q, 5*time.Minute, func() string {
		if sent := len(q.glific.Ledger()) - before; sent < want {
			return fmt.Sprintf("%d of %d messages arrived", sent, want)
		}
		return ""
	})
	took := time.Since(began)
	stop()
	q.must(<-ended)
	perSecond := float64(want) / took.Seconds()
	q.ReportMetric(perSecond, "messages/s")
	q.ReportMetric(0, "ns/op") // the whole run's time says nothing
	return perSecond
}
