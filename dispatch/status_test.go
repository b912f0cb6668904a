package dispatch

import (
	"slices"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
)

func TestStatusCountsWhatIsDueNow(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.setPassword("not it")
	first := s.queueRule(welcomeRule, asha, "Subject", asha)
	d, _ := s.start(func(o *Options) { o.Settings.PollInterval, o.Settings.LongPause = time.Hour, time.Hour })
	s.awaitReason(first, stateWaiting, WrongPassword)
	for i := range int64(3) {
		s.queueRule(welcomeRule, 5000+i, "Subject", ramesh)
	}
	s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(time.Hour))
	s.queueRuleAt(welcomeRule, asha, "Subject", asha, time.Now().Add(-5*24*time.Hour))
	if got := d.Status()[0].Due; got != 4 {
		t.Errorf("%d due, want the 4 that wait", got)
	}
	d.Wake(avnitest.AshaGramin)
	s.await("the new ones have been looked at", func() bool {
		var waiting int
		s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.delivery where state = 'waiting'`).Scan(&waiting))
		return waiting == 4
	})
	if got := d.Status()[0].Due; got != 4 {
		t.Errorf("%d due after they were looked at, want 4", got)
	}
	s.exec(`insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
			version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select md5(n::text), organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status,
			0, created_by_id, last_modified_by_id, now(), now()
		  from message_request_queue, generate_series(1, $2) n where id = $1`, first, MostCounted)
	if got := d.Status()[0].Due; got != MostCounted+1 {
		t.Errorf("%d due, want no more than %d counted", got, MostCounted+1)
	}
}

// Whoever has found it out, in whatever process.
func TestStatusShowsFailuresAtOnce(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	d, _ := s.start(func(o *Options) { o.Settings.PollInterval = time.Hour })
	s.await("there is a status", func() bool { return len(d.Status()) == 2 })
	s.execOwn(`insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, status, reason)
		select n, n, 101, 'https://api.asha.glific.com', now(), 'error', 'no_balance' from generate_series(1, 3) n`)
	if got, want := d.Status()[0].ReceiptFailures, []ReceiptFailure{{NoBalance, 3}}; !slices.Equal(got, want) {
		t.Errorf("the status shows %v, want %v", got, want)
	}
}
