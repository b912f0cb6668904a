package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"avni-messenger/dispatch"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

func TestOverview(t *testing.T) {
	s := newStage(t)
	s.options.Now = func() time.Time { return now }
	s.served[avnitest.SevaNepal] = history.Served{Mode: "shadow"}
	s.exec(`update message_request_queue set scheduled_date_time = ` + ago(time.Hour) + ` where id in (923, 924, 925)`)
	s.arrived(``)
	s.running(true)
	s.exec(`insert into messenger.instance (holder, slot, settings, seen_at) values ('gone:2:Y', 'avni_messenger', '{}', now() - interval '1 minute')`)
	s.exec(`insert into messenger.position (slot, lsn, committed_at) values ('avni_messenger', '0/1', ` + ago(time.Minute) + `)`)
	s.exec(`insert into messenger.gap (slot, reason, since, mode) values ('avni_messenger', 'the slot was lost', ` + ago(time.Hour) + `, 'time')`)
	s.exec(`insert into messenger.rule_pause (rule_id, phase, organisation_id, since, kind, reason, failures, fingerprint) values (607, 'schedule', 101, ` + ago(time.Hour) + `, 'throw', 'TypeError', 50, '')`)
	s.exec(`insert into messenger.rule_waiting (rule_id, source_table, entity_id, organisation_id, compared, committed_at, commit_lsn) values (607, 'encounter', 1, 101, false, now(), '0/1')`)
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, updated_at) values
		(1, 101, 'refused', 'opted_out', ` + ago(time.Hour) + `), (2, 101, 'refused', 'opted_out', ` + ago(2*time.Hour) + `), (3, 101, 'expired', 'expired', ` + ago(time.Hour) + `),
		(4, 101, 'refused', 'no_phone', ` + ago(100*time.Hour) + `)`)
	s.exec(`insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, status, reason) values
		(5, '1', 101, 'x', ` + ago(time.Hour) + `, 'delivered', null), (6, '2', 101, 'x', ` + ago(time.Hour) + `, 'delivered', null),
		(7, '3', 101, 'x', ` + ago(time.Hour) + `, 'error', 'not_on_whatsapp'), (8, '4', 101, 'x', ` + ago(30*time.Hour) + `, 'delivered', null)`)
	s.exec(`insert into messenger.hold (organisation_id, kind, since, request_id, detail, seen) values (101, 'foreign_request', ` + ago(time.Hour) + `, 5, 'request 5', 1)`)
	s.exec(`insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for, held_at, state) values
		(601, 'individual', 1, 101, '0/1A2B3C', ` + ago(time.Hour) + `, now(), now(), 'held'), (601, 'individual', 2, 101, '0/1A2B3C', ` + ago(time.Hour) + `, now(), now(), 'held'),
		(601, 'individual', 3, 101, '0/1A2B3C', ` + ago(time.Hour) + `, now(), now(), 'cancelled')`)
	got, err := s.reader().Overview(t.Context())
	s.must(err)
	hour := now.Add(-time.Hour)
	want := history.Overview{
		At:        now,
		Stream:    history.Stream{Slot: "avni_messenger", Position: "0/1", LastChange: now.Add(-time.Minute), CatchingUp: "changes since 2026-03-04 16:30:00 IST were not read (the slot was lost) and are being looked up in Avni's tables"},
		Instances: []history.Instance{{Name: "host:1", Slot: "avni_messenger", Sends: true}},
		Organisations: []history.OrganisationNow{
			{ID: 101, Name: "asha_gramin", Served: true, Standing: history.Served{Mode: "full"}, Hold: "since 2026-03-04 16:30:00 IST: somebody else, most likely avni-server, writes requests of rules too (request 5)",
				HoldFix: "Make sure that nobody else sends for it, then: avni-messenger release asha_gramin",
				Inbox:   history.Counted{Count: 1, Oldest: hour}, Due: history.Counted{Count: 3, Oldest: hour},
				Queue: []history.Status{{Status: "NotSent", Count: 3}, {Status: "PartiallySent", Count: 1}}, Tried: []history.Tried{},
				Failures: []history.Reason{{Reason: "opted_out", Text: dispatch.OptedOut.Text(), Fix: dispatch.OptedOut.Advice(), Count: 2},
					{Reason: "expired", Text: dispatch.Expired.Text(), Fix: dispatch.Expired.Advice(), Count: 1}},
				Receipts: []history.Status{{Status: "delivered", Count: 2}, {Status: "error", Count: 1}},
				Lost:     []history.Reason{{Reason: "not_on_whatsapp", Text: dispatch.NotOnWhatsApp.Text(), Fix: dispatch.NotOnWhatsApp.Advice(), Count: 1}}},
			{ID: 103, Name: "seva_nepal", Served: true, Standing: history.Served{Mode: "shadow"}, Queue: []history.Status{}, Tried: []history.Tried{}, Failures: []history.Reason{}, Receipts: []history.Status{}, Lost: []history.Reason{}},
		},
		Rules:  []history.PausedRule{{RuleID: 607, Rule: "Broken schedule rule", Script: "schedule", Organisation: "asha_gramin", Since: hour, Why: "throw: TypeError", Waiting: 1}},
		Storms: []history.StormHeld{{RuleID: 601, Rule: "Welcome subject", Organisation: "asha_gramin", Transaction: "0/1A2B3C", CommittedAt: hour, Count: 2}},
	}
	if got.Stream.Lag <= 0 {
		t.Errorf("the lag is %d bytes", got.Stream.Lag)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(history.Stream{}, "Lag"), cmpopts.IgnoreFields(history.Instance{}, "Started", "Seen"), cmpopts.IgnoreUnexported(history.PausedRule{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// Of what is due the overview says why it was not sent when it was last tried: with what is
// known of Glific, and nothing of anybody's data.
func TestOverviewOfWhatWasTried(t *testing.T) {
	s := newStage(t)
	s.options.Now = func() time.Time { return now }
	s.exec(`update message_request_queue set scheduled_date_time = ` + ago(time.Hour) + ` where id in (923, 924, 925)`)
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason, detail, updated_at) values
		(923, 101, 'waiting', 'glific_unreachable', 'host: no such host', ` + ago(3*time.Minute) + `),
		(924, 101, 'claimed', 'glific_unreachable', 'host: connection refused', ` + ago(time.Minute) + `),
		(925, 101, 'waiting', 'internal', 'of Asha', ` + ago(2*time.Minute) + `), (900001, 101, 'waiting', 'glific_error', 'of nothing', ` + ago(time.Minute) + `)`)
	tried := func() []history.Tried {
		o, err := s.reader().Overview(t.Context())
		s.must(err)
		return o.Organisations[0].Tried
	}
	of := func(reason dispatch.Reason, n int) history.Reason {
		return history.Reason{Reason: string(reason), Text: reason.Text(), Fix: reason.Advice(), Count: n}
	}
	want := []history.Tried{
		{Reason: of(dispatch.Unreachable, 2), Detail: "host: connection refused", Last: now.Add(-time.Minute)},
		{Reason: of(dispatch.Internal, 1), Last: now.Add(-2 * time.Minute)},
	}
	if diff := cmp.Diff(want, tried()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	s.exec(`update message_request_queue set scheduled_date_time = ` + ago(-time.Hour) + ` where id = 923`)
	s.exec(`update message_request_queue set delivery_status = 'Sent' where id = 925`)
	if diff := cmp.Diff([]history.Tried{{Reason: of(dispatch.Unreachable, 1), Detail: "host: connection refused", Last: now.Add(-time.Minute)}}, tried()); diff != "" {
		t.Errorf("of what is due no more (-want +got):\n%s", diff)
	}
	s.served[avnitest.AshaGramin] = history.Served{Mode: "shadow"}
	if found := tried(); len(found) != 0 {
		t.Errorf("in shadow avni-server sends, but it tells of %+v", found)
	}
}

// Of many transactions that the storm guard holds the largest are told of, and how much the
// others make.
func TestManyStorms(t *testing.T) {
	s := newStage(t)
	s.exec(`insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 601, 'individual', n, 101, ('1/' || to_hex(n))::pg_lsn, now(), now() from generate_series(1, 200) n`)
	s.exec(`insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for)
		select 603, 'program_encounter', n, 101, '2/A', now(), now() from generate_series(1, 7) n`)
	o, err := s.reader().Overview(t.Context())
	s.must(err)
	if len(o.Storms) != 20 || o.Storms[0].RuleID != 603 || o.Storms[0].Count != 7 || o.Storms[1].Count != 1 || o.MoreStorms != 181 || o.MoreMessages != 181 {
		t.Errorf("%d are told of, and %d more with %d messages: %+v", len(o.Storms), o.MoreStorms, o.MoreMessages, o.Storms)
	}
}
