package dispatch

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

// settled leaves a request's delivery in a state, last written so many days ago.
func (s *stage) settled(id int64, days int, state state, more string) int64 {
	s.Helper()
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state, accepted_at, updated_at, request_modified_at)
		values ($1, 101, $2, now() - $3 * interval '1 day', now() - $3 * interval '1 day', now())
		on conflict (request_id) do update set state = excluded.state, accepted_at = excluded.accepted_at, updated_at = excluded.updated_at`, id, state, days)
	if more != "" {
		s.execOwn(`update messenger.delivery set `+more+` where request_id = $1`, id)
	}
	return id
}

// past is a request that was due so many days ago.
func (s *stage) past(days int) int64 {
	s.Helper()
	return s.queueRuleAt(welcomeRule, ramesh, "Subject", ramesh, time.Now().AddDate(0, 0, -days))
}

// Of deliveries, only those go whose request would be treated the same without them.
func TestOldDeliveriesAreForgottenUnlessSomethingHangsOnThem(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	rows := map[string]struct {
		id   int64
		stay bool
	}{
		"refused":                        {s.settled(s.past(100), 91, stateRefused, "reason = 'opted_out'"), false},
		"expired":                        {s.settled(s.past(100), 91, stateExpired, "reason = 'expired'"), false},
		"withdrawn":                      {s.settled(s.past(100), 91, stateWithdrawn, "reason = 'withdrawn'"), false},
		"of a request that is gone":      {s.settled(999_999, 91, stateRefused, "reason = 'gave_up'"), false},
		"refused not long ago":           {s.settled(s.past(100), 89, stateRefused, "reason = 'opted_out'"), true},
		"accepted":                       {s.settled(s.past(100), 91, stateAccepted, ""), true},
		"perhaps sent":                   {s.settled(s.past(100), 91, stateExpired, "reason = 'unresolved', sending_since = now() - interval '95 days'"), true},
		"cancelled":                      {s.settled(s.past(100), 91, stateWithdrawn, "reason = 'cancelled'"), true},
		"waiting":                        {s.settled(s.past(100), 91, stateWaiting, "reason = 'not_test_number', next_attempt_at = 'infinity'"), true},
		"refused, and in the window":     {s.settled(s.past(1), 91, stateRefused, "reason = 'opted_out'"), true},
		"refused, and due in some days":  {s.settled(s.past(-5), 91, stateRefused, "reason = 'opted_out'"), true},
		"refused, of a message to group": {s.settled(s.queueToGroup("12", namedTemplate, "@name", "x"), 91, stateRefused, "reason = 'group_empty'"), true},
	}
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	s.must(w.prune(t.Context(), time.Now()))
	for name, row := range rows {
		var there bool
		s.must(s.db.Pool().QueryRow(t.Context(), `select exists (select from messenger.delivery where request_id = $1)`, row.id).Scan(&there))
		if there != row.stay {
			t.Errorf("%s: it is there: %v, want %v", name, there, row.stay)
		}
	}
}

func TestOldAttemptsAndReceiptsAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.execOwn(`insert into messenger.attempt (request_id, organisation_id, at, outcome, duration_ms)
		select n, 101, now() - n * interval '1 day', 'refused', 0 from generate_series(1, 2 * $1 + 30) n`, pruneSize)
	s.execOwn(`insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, next_look_at)
		select n, n, 101, 'x', now() - n * interval '1 day', case when n = 95 then now() end from generate_series(80, 100) n`)
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	left := func(sql string) (ids []int64) {
		rows, _ := s.db.Pool().Query(t.Context(), sql)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		s.must(err)
		return ids
	}
	for range 3 { // a part each
		s.must(w.prune(t.Context(), time.Now()))
	}
	if got := len(left(`select request_id from messenger.attempt`)); got != 29 && got != 30 {
		t.Errorf("%d attempts are left, want those of 30 days", got)
	}
	want := []int64{80, 81, 82, 83, 84, 85, 86, 87, 88, 89, 95}
	if diff := cmp.Diff(want, left(`select request_id from messenger.receipt order by request_id`)); diff != "" {
		t.Errorf("receipts (-want +got):\n%s", diff)
	}
	s.execOwn(`insert into messenger.attempt (request_id, organisation_id, at, outcome, duration_ms) values (5000, 101, now() - interval '31 days', 'refused', 0)`)
	s.must(w.prune(t.Context(), time.Now()))
	if got := left(`select request_id from messenger.attempt where request_id = 5000`); len(got) != 1 {
		t.Error("it is looked again within the hour")
	}
}

func TestMembersOfACompletedMessageAreForgotten(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	group := s.asha.AddGroup("camp", s.people(3).contacts...)
	completed, recent := s.queueNamed(group), s.queueNamed(group)
	s.start()
	for _, id := range []int64{completed, recent} {
		s.awaitState(id, stateAccepted)
	}
	s.execOwn(`update messenger.delivery set accepted_at = now() - interval '91 days' where request_id = $1`, completed)
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	s.must(w.prune(t.Context(), time.Now()))
	if n, m := len(s.members(completed)), len(s.members(recent)); n != 0 || m != 3 {
		t.Errorf("%d members of the old message and %d of the recent one are left, want 0 and 3", n, m)
	}
	var deliveries int
	s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.delivery where request_id < 0`).Scan(&deliveries))
	if r := s.row(completed); r.State != "accepted" || deliveries != 3 {
		t.Errorf("the old message is %+v, and members have %d deliveries", r, deliveries)
	}
}
