package history_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// Where a change stands that has made no request.
func TestStandingOfAChange(t *testing.T) {
	for name, test := range map[string]struct {
		prepare func(*stage)
		title   string
		want    history.Standing
	}{
		"skipped": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): no request`,
			prepare: func(s *stage) { s.logged("skipped", "the rule said shouldSend: false", 0) },
			want:    history.Standing{State: history.Ended, Text: "No message: the rule said shouldSend: false."}},
		"failed": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): no request`,
			prepare: func(s *stage) { s.logged("failed", "throw: TypeError: nothing is undefined", 0) },
			want: history.Standing{State: history.Failed, Text: "No message: the rule failed: throw: TypeError: nothing is undefined.",
				Fix: "Correct the rule in Avni: what failed in the last 4 days is evaluated again by itself. avni-messenger rule test --rule 601 --entity Subject:1002 shows what it does."}},
		"shadow": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): no request`,
			prepare: func(s *stage) {
				s.logged("would_schedule", "", 0)
				s.exec(`insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, evaluated_at, committed_at, commit_lsn, our_outcome, verdict, cause, compared_at, messaging)
					values (601, 'individual', 1002, 101, ` + ago(time.Hour) + `, ` + ago(time.Hour) + `, '0/1', 'would_schedule', 'different', null, ` + ago(time.Hour) + `, true)`)
			},
			want: history.Standing{State: history.Shadow, Text: "Evaluated in shadow mode: avni-server sends. Avni-messenger would make a request. " +
				"Avni-server did something else, and it is not known why: avni-messenger parity tells more."}},
		"shadow, of a request of ours": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): no request`,
			prepare: func(s *stage) {
				s.logged("would_leave", "", 0)
				s.exec(`insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, evaluated_at, committed_at, commit_lsn, our_outcome, verdict, cause, compared_at, messaging)
					values (601, 'individual', 1002, 101, ` + ago(time.Hour) + `, ` + ago(time.Hour) + `, '0/1', 'would_leave', 'own', null, ` + ago(time.Hour) + `, true)`)
			},
			want: history.Standing{State: history.Shadow, Text: "Evaluated in shadow mode: avni-server sends. Avni-messenger would leave the request as it is. That request was queued by avni-messenger in mode full: it says nothing of what avni-server does."}},
		"paused": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): no request`,
			prepare: func(s *stage) {
				s.logged("paused", "message rule 601 is paused", 0)
				s.exec(`insert into messenger.rule_pause (rule_id, phase, organisation_id, since, kind, reason, failures, fingerprint)
					values (601, 'schedule', 101, ` + ago(time.Hour) + `, 'timeout', 'it ran for more than 2 s', 5, '')`)
			},
			want: history.Standing{State: history.Held, Text: `The schedule rule of rule 601 "Welcome subject" is paused since 2026-03-04 16:30:00 IST, because it failed too often: timeout: it ran for more than 2 s. The change waits for it.`,
				Fix: "Correct the rule in Avni, and what waits goes on; or avni-messenger rule resume --rule 601"}},
		"held by the storm guard": {title: `Rule 601 "Welcome subject" about Subject 1002 (Ramesh Kumar): held by the storm guard`,
			prepare: func(s *stage) {
				s.exec(`insert into messenger.held (rule_id, source_table, entity_id, organisation_id, commit_lsn, committed_at, scheduled_for, held_at, state)
					values (601, 'individual', 1002, 101, '0/1A2B3C', ` + ago(time.Hour) + `, ` + ago(-time.Hour) + `, ` + ago(time.Hour) + `, 'held')`)
			},
			want: history.Standing{State: history.Held, Text: `Held since 2026-03-04 16:30:00 IST: rule 601 "Welcome subject" made more requests at once than MESSENGER_STORM_LIMIT allows. It would be due at 2026-03-04 18:30:00 IST.`,
				Fix: "See avni-messenger release, then avni-messenger release --rule 601 --transaction 0/1A2B3C to send, or avni-messenger cancel with the same to drop them."}},
		"in the inbox": {title: inboxTitle, prepare: func(s *stage) { s.arrived(``) },
			want: history.Standing{State: history.Waiting, Text: "The change still waits in the inbox since 2026-03-04 16:30:00 IST. Its rules are run when its turn comes."}},
		"in the inbox, put off": {title: inboxTitle, prepare: func(s *stage) { s.arrived(`attempts = 3, last_error = 'the engine failed'`) },
			want: history.Standing{State: history.Waiting, Text: "The change still waits in the inbox since 2026-03-04 16:30:00 IST. It was put off 3 times and is tried again by itself, because: the engine failed.",
				Fix: "If it lasts, the database or the rules engine is in trouble: see the log."}},
		"in the inbox, rules off": {title: inboxTitle,
			prepare: func(s *stage) { s.arrived(``); s.options.RulesOff = true },
			want: history.Standing{State: history.Held, Text: "The change still waits in the inbox since 2026-03-04 16:30:00 IST. The kill switch MESSENGER_RULES is off: no rule is run.",
				Fix: "Set MESSENGER_RULES=on and restart avni-messenger."}},
		"in the inbox, held back": {title: inboxTitle,
			prepare: func(s *stage) {
				s.arrived(``)
				s.served[avnitest.AshaGramin] = history.Served{Mode: "full", Held: "enableMessaging is true", Fix: "Set it to false."}
			},
			want: history.Standing{State: history.Held, Text: "The change still waits in the inbox since 2026-03-04 16:30:00 IST. Organisation asha_gramin is held back: enableMessaging is true.", Fix: "Set it to false."}},
		"in the inbox, nobody runs": {title: inboxTitle, prepare: func(s *stage) { s.arrived(``); s.exec(`delete from messenger.instance`) },
			want: history.Standing{State: history.Held, Text: "The change still waits in the inbox since 2026-03-04 16:30:00 IST. No avni-messenger runs on this database.", Fix: "Start it: avni-messenger run."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.options.Now = func() time.Time { return now }
			s.exec(`update message_request_queue set is_voided = true, message_rule_id = 602 where message_receiver_id = 901`) // others are not asked about
			s.running(true)
			test.prepare(s)
			for _, question := range []string{"Subject:1002", "10000000-0000-4000-8000-000000001002", "+91 98765 00002"} {
				x := s.explain(question)
				i := slices.IndexFunc(x.Stories, func(s history.Story) bool { return s.Title == test.title })
				if i < 0 {
					t.Fatalf("%s: no story is called %s: %+v", question, test.title, x.Stories)
				}
				if diff := cmp.Diff(test.want, x.Stories[i].Standing); diff != "" {
					t.Errorf("%s: the standing (-want +got):\n%s", question, diff)
				}
			}
		})
	}
}

const inboxTitle = "A change of Subject 1002 (Ramesh Kumar) whose rules have not been run yet"

// arrived puts a change of the subject into the inbox.
func (s *stage) arrived(columns string) {
	s.Helper()
	s.exec(`insert into messenger.inbox (source_table, entity_id, organisation_id, type_id, is_voided, committed_at, commit_lsn, received_at)
		values ('individual', 1002, 101, 301, false, ` + ago(time.Hour) + `, '0/1A2B3C', ` + ago(time.Hour) + `)`)
	if columns != "" {
		s.exec(`update messenger.inbox set ` + columns)
	}
}

// Of a request it is told what led to it, and what became of it, in order.
func TestTimeline(t *testing.T) {
	s := newStage(t)
	s.options.Now = func() time.Time { return now }
	s.queued(ago(50*time.Minute), accepted+`, attempts = 2, parameters = array['Ramesh', 'Kevadia'], phone = '919876500002'`)
	receipt(`'delivered', ` + ago(30*time.Minute) + `, null, null, null`)(s)
	s.exec(`insert into messenger.trigger_log (at, source_table, entity_id, organisation_id, rule_id, outcome, reason, scheduled_for, request_id, committed_at, commit_lsn, changed_by) values
		(` + ago(5*time.Hour) + `, 'individual', 1002, 101, 601, 'scheduled', null, ` + ago(4*time.Hour) + `, 9001, ` + ago(5*time.Hour) + `, '0/1A2B3C', 202),
		(` + ago(4*time.Hour) + `, 'individual', 1002, 101, 601, 'moved', null, ` + ago(50*time.Minute) + `, 9001, ` + ago(4*time.Hour) + `, '0/1A2B4C', 203),
		(` + ago(3*time.Hour) + `, 'individual', 1002, 101, 601, 'unchanged', null, ` + ago(50*time.Minute) + `, null, ` + ago(3*time.Hour) + `, '0/0', null)`)
	s.exec(`insert into messenger.attempt (request_id, organisation_id, at, outcome, reason, detail, glific_message_id, duration_ms) values
		(9001, 101, ` + ago(49*time.Minute) + `, 'retry', 'glific_error', 'HTTP 500', null, 10),
		(9001, 101, ` + ago(48*time.Minute) + `, 'refused', 'opted_out', 'contact 12, at 2026-03-01 10:00:00 IST', null, 10),
		(9001, 101, ` + ago(47*time.Minute) + `, 'requeued', 'opted_out', null, null, 0),
		(9001, 101, ` + ago(46*time.Minute) + `, 'withdrawn', 'cancelled', null, null, 0),
		(9001, 101, ` + ago(45*time.Minute) + `, 'requeued', 'cancelled', null, null, 0),
		(9001, 101, ` + ago(45*time.Minute) + `, 'accepted', null, null, '77', 10)`)
	x := s.explain("9001")
	var told []string
	for _, e := range x.Stories[0].Events {
		told = append(told, strings.TrimSpace(e.At.In(s.options.Location).Format("15:04")+" "+e.What+" | "+e.Detail))
	}
	want := []string{
		"12:30 Subject 1002 was saved | by meena@asha, LSN 0/1A2B3C",
		"12:30 rule 601: a request was made, due at 2026-03-04 13:30:00 IST |",
		"13:30 Subject 1002 was saved | by nophone@asha, LSN 0/1A2B4C",
		"13:30 rule 601: the request got another time, due at 2026-03-04 16:40:00 IST |",
		"14:30 Subject 1002 was looked at again | its rule was changed, something was un-voided, or somebody asked for a catch-up",
		"14:30 rule 601: the request is as it should be, due at 2026-03-04 16:40:00 IST |",
		"16:41 not sent yet: Glific answered with an error, or not at all, before anything was sent | HTTP 500",
		"16:42 not sent: the receiver has opted out at Glific | contact 12, at 2026-03-01 10:00:00 IST",
		"16:43 requeued by hand; until then: the receiver has opted out at Glific |",
		"16:44 cancelled by hand |",
		"16:45 requeued by hand, which takes the cancel back |",
		"16:45 Glific accepted the message | message 77",
		"17:00 WhatsApp delivered it to the phone | message 77",
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the timeline (-want +got):\n%s", diff)
	}
	got := x.Stories[0]
	if diff := cmp.Diff(history.Story{
		Title: `Request 9001: rule 601 "Welcome subject" for Subject 1002 (Ramesh Kumar)`, RequestID: 9001, OrganisationID: 101, Organisation: "asha_gramin",
		RuleID: 601, Rule: "Welcome subject", Entity: history.Entity{Type: "Subject", ID: 1002, Name: "Ramesh Kumar"}, To: history.Entity{Type: "Subject", ID: 1002, Name: "Ramesh Kumar"},
		Phone: "+919876500002", TemplateID: "7001", Parameters: []string{"Ramesh", "Kevadia"}, DueAt: now.Add(-50 * time.Minute),
	}, got, cmpopts.IgnoreUnexported(history.Story{}), cmpopts.IgnoreFields(history.Story{}, "Events", "Standing"), cmpopts.EquateApproxTime(0)); diff != "" {
		t.Errorf("the story (-want +got):\n%s", diff)
	}
}
