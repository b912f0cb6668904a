package metrics

import (
	"log/slog"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/internal/avnitest"
)

// What is settled, or waits because somebody wants it to, keeps nobody waiting.
func TestWhatIsSettledIsNotDue(t *testing.T) {
	const oldest = `messenger_dispatch_oldest_due_timestamp_seconds{organisation="asha_gramin"}`
	for delivery, waits := range map[string]bool{
		`'waiting', null`: true, `'uncertain', 'lost_answer'`: true,
		`'refused', 'group_empty'`: false, `'withdrawn', null`: false, `'waiting', 'not_test_number'`: false, `'waiting', 'dry_run'`: false,
	} {
		t.Run(delivery, func(t *testing.T) {
			t.Parallel()
			db := avnitest.New(t)
			exec(t, db, `update message_request_queue set is_voided = id <> 921, delivery_status = 'PartiallySent', scheduled_date_time = now() - interval '1 hour'`)
			exec(t, db, `insert into messenger.delivery (request_id, organisation_id, state, reason) values (921, 101, `+delivery+`)`)
			registry := prometheus.NewPedanticRegistry()
			registry.MustRegister(newTestCollector(db, slog.New(slog.DiscardHandler), "no_such_slot"))
			if _, found := gather(t, registry)[oldest]; found != waits {
				t.Errorf("something is due: %v, want %v", found, waits)
			}
		})
	}
}
