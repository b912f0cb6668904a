package dispatch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// What a window may hold that is not to be claimed: 60,000 requests that were refused for
// various reasons, and 30,000 that are held. newRequests are 5,000 more.
const (
	somebodyWithoutPhone = `
insert into message_receiver
select (jsonb_populate_record(r, '{"id": 999990, "uuid": "somebody", "receiver_id": 1003, "external_id": null}')).* from message_receiver r where id = 901`

	settledRequests = `
insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
       version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
select gen_random_uuid(), 101, 601, 999990, 100000 + n, now() - (n::bigint * 7919 % 90000) * interval '3 seconds' - interval '1 minute', case when n % 3 = 0 then 'NotSent' else 'Failed' end,
       0, 201, 201, now() - interval '3 days', now() - interval '2 days'
  from generate_series(1, 90000) n`

	settledDeliveries = `
insert into messenger.delivery (request_id, organisation_id, state, reason, cause, next_attempt_at, request_modified_at, rule_id, entity_id, rule_modified_at, updated_at)
select q.id, 101, case when q.entity_id % 3 = 1 then 'waiting' else 'refused' end, s.reason,
       case s.reason when 'template_not_approved' then '7001' when 'opted_out' then q.entity_id::text end,
       case when q.entity_id % 3 = 1 then 'infinity' else now() end, q.last_modified_date_time, q.message_rule_id, q.entity_id, u.last_modified_date_time, now() - interval '1 hour'
  from public.message_request_queue q join public.message_rule u on u.id = q.message_rule_id,
       lateral (select case when q.entity_id % 3 = 1 then 'not_test_number' else (array['no_phone', 'rule_failed', 'template_not_approved', 'opted_out'])[1 + q.entity_id % 4] end as reason) s
 where q.entity_id > 100000`

	newRequests = `
insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
       version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
select gen_random_uuid(), 101, 601, 999990, 500000 + n, now() - n * interval '10 ms', 'NotSent', 0, 201, 201, now(), now()
  from generate_series(1, 5000) n`
)

// BenchmarkClaim: what a worker asks the database for, while 90,000 requests of the
// window are settled. Run with -benchtime=20x.
func BenchmarkClaim(b *testing.B) {
	w := newSettledBench(b)
	ctx := context.Background()
	measure := func(name string, f func() error) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if err := f(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/op")
			b.ReportMetric(0, "ns/op")
		})
	}
	claim := func(want int) func() error {
		return func() error {
			for _, l := range w.queue.lanes() {
				l.rests = time.Time{}
			}
			claims, err := w.queue.claim(ctx, w.now())
			if len(claims) != want && err == nil {
				err = fmt.Errorf("%d claims, want %d", len(claims), want)
			}
			return err
		}
	}
	measure("sweep", func() error { w.queue.sight.sweeping.rests = time.Time{}; return w.queue.sight.sweep(ctx, w.now()) })
	measure("nothing-due", claim(0))
	measure("withdraw", func() error { return w.withdraw(ctx, w.now()) })
	measure("count-due", func() error { return w.countDue(ctx) })
	measure("revive-refused", func() error { return w.reviveRefused(ctx, w.now()) })
	measure("revive-by-template", func() error { return w.reviveByTemplate(ctx) })
	w.exec(b, newRequests)
	measure("5000-due", claim(w.settings.ClaimSize))
}

type settledBench struct {
	*worker
	owner *pgxpool.Pool
}

func (w settledBench) exec(b *testing.B, sql string) {
	b.Helper()
	if _, err := w.owner.Exec(b.Context(), sql); err != nil {
		b.Fatal(err)
	}
}

func newSettledBench(b *testing.B) settledBench {
	b.Helper()
	db := avnitest.New(b)
	server, err := glifictest.New(glifictest.Options{NoLimits: true})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(server.Close)
	server.AddOrganisation("asha", "919999900001", "pw")
	options := Options{Pool: db.Pool(), Glific: glific.Options{RequestsPerMinute: -1}}.withDefaults()
	w := settledBench{newWorker(options, Organisation{ID: avnitest.AshaGramin, Name: "asha", Region: "IN", VisibleIDs: []int32{101},
		Glific: glific.Account{BaseURL: server.URL("asha"), Phone: "919999900001", Password: "pw"}}), db.Avni().Pool()}
	w.exec(b, `create index avni_messenger_queue_due on message_request_queue (organisation_id, scheduled_date_time) where not is_voided and delivery_status <> 'Sent'`)
	w.exec(b, `create index avni_messenger_queue_entity on message_request_queue (message_rule_id, entity_id)`)
	w.exec(b, `create index avni_messenger_queue_modified on message_request_queue (organisation_id, last_modified_date_time) where not is_voided and delivery_status <> 'Sent'`)
	w.exec(b, somebodyWithoutPhone)
	w.exec(b, settledRequests)
	if _, err := db.Pool().Exec(b.Context(), settledDeliveries); err != nil {
		b.Fatal(err)
	}
	w.exec(b, `update message_request_queue set is_voided = true where entity_id < 100000 or entity_id is null`)
	w.exec(b, `analyze message_request_queue`)
	if _, err := db.Pool().Exec(b.Context(), `analyze messenger.delivery`); err != nil {
		b.Fatal(err)
	}
	return w
}
