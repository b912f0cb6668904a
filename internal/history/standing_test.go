package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch"
	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// now is when the questions of these tests are asked: 17:30 in Kolkata.
var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// ago is a moment before now, for SQL.
func ago(d time.Duration) string { return "'" + now.Add(-d).Format(time.RFC3339) + "'" }

const (
	rule    = 601  // of Asha Gramin, about subjects, to them
	subject = 1002 // Ramesh Kumar, whose message_receiver is 901
)

// queued puts request 9001 of the rule about the subject into the queue, and its delivery:
// assignments of columns, or "" for none.
func (s *stage) queued(due string, delivery string) {
	s.Helper()
	s.exec(`delete from message_request_queue where id = 921`) // the seed's
	s.exec(`insert into message_request_queue (id, uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time,
			delivery_status, is_voided, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values (9001, '96000000-0000-4000-8000-000000009001', 101, 601, 901, 1002, ` + due + `, 'NotSent', false, 0, 202, 202, ` + ago(5*time.Hour) + `, ` + ago(5*time.Hour) + `)`)
	if delivery == "" {
		return
	}
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, rule_id, entity_id, created_at, updated_at)
		values (9001, 101, 'waiting', 601, 1002, ` + ago(time.Hour) + `, ` + ago(time.Hour) + `)`)
	s.exec(`update messenger.delivery set ` + delivery + ` where request_id = 9001`)
}

// running lets the database know of a process that runs.
func (s *stage) running(dispatch bool) {
	s.Helper()
	s.runningAt("avni_messenger", dispatch)
}

func (s *stage) runningAt(slot string, dispatch bool) {
	s.Helper()
	s.exec(fmt.Sprintf(`insert into messenger.instance (holder, slot, settings) values ('host:1:X', '%s', '{"dispatch": %t}')`, slot, dispatch))
}

func TestStandingOfARequest(t *testing.T) {
	hour := ago(time.Hour)
	for name, test := range map[string]struct {
		due      string // "": an hour ago
		delivery string
		prepare  func(*stage)
		asleep   bool // no process runs
		want     history.Standing
	}{
		"not due": {due: ago(-48 * time.Hour), want: history.Standing{State: history.Scheduled, Text: "Not due before 2026-03-06 17:30:00 IST."}},
		"due":     {want: history.Standing{State: history.Waiting, Text: "Due since 2026-03-04 16:30:00 IST. It is sent when its turn comes."}},
		"quiet hours": {
			prepare: func(s *stage) {
				s.options.QuietHours = dispatch.QuietHours{From: 17 * time.Hour, To: 8 * time.Hour, Location: s.options.Location}
			},
			want: history.Standing{State: history.Waiting, Text: "Due since 2026-03-04 16:30:00 IST. Waits for quiet hours until 2026-03-05 08:00:00 IST."}},
		"nobody runs": {asleep: true, want: history.Standing{State: history.Held,
			Text: "Due since 2026-03-04 16:30:00 IST, but no avni-messenger runs on this database.", Fix: "Start it: avni-messenger run."}},
		"kill switch here":                     {asleep: true, prepare: func(s *stage) { s.options.SendingOff = true }, want: killSwitch},
		"kill switch of the process that runs": {asleep: true, prepare: func(s *stage) { s.running(false) }, want: killSwitch},
		"kill switch here, and another slot's process sends": {asleep: true, prepare: func(s *stage) {
			s.options.SendingOff = true
			s.runningAt("other", true)
		}, want: killSwitch},
		"only another slot's process runs": {asleep: true, prepare: func(s *stage) { s.runningAt("other", true) }, want: history.Standing{State: history.Held,
			Text: "Due since 2026-03-04 16:30:00 IST, but no avni-messenger with slot avni_messenger runs on this database.", Fix: "Start it: avni-messenger run."}},
		"held back": {
			prepare: func(s *stage) {
				s.served[avnitest.AshaGramin] = history.Served{Mode: "full", Held: "enableMessaging is true", Fix: "Set it to false."}
			},
			want: history.Standing{State: history.Held, Text: "Due since 2026-03-04 16:30:00 IST. Organisation asha_gramin is held back: enableMessaging is true.", Fix: "Set it to false."}},
		"held back and not due": {due: ago(-48 * time.Hour),
			prepare: func(s *stage) {
				s.served[avnitest.AshaGramin] = history.Served{Mode: "full", Held: "enableMessaging is true", Fix: "Set it to false."}
			},
			want: history.Standing{State: history.Held, Text: "Not due before 2026-03-06 17:30:00 IST, and would then wait: Organisation asha_gramin is held back: enableMessaging is true.", Fix: "Set it to false."}},
		"stopped at run time": {
			prepare: func(s *stage) {
				s.exec(`insert into messenger.hold (organisation_id, kind, since, request_id, detail, seen) values (101, 'foreign_sent', ` + hour + `, 5, 'request 5', 1)`)
			},
			want: history.Standing{State: history.Held, Text: "Due since 2026-03-04 16:30:00 IST. Organisation asha_gramin is held since 2026-03-04 16:30:00 IST: somebody else, most likely avni-server, sends messages too (request 5).",
				Fix: "Make sure that nobody else sends for it, then: avni-messenger release asha_gramin"}},
		"not served": {prepare: func(s *stage) { delete(s.served, avnitest.AshaGramin) }, want: history.Standing{State: history.Held,
			Text: "Due at 2026-03-04 16:30:00 IST. Organisation asha_gramin is not served by avni-messenger as it is configured here: it sends nothing for it.",
			Fix:  "Name it in MESSENGER_ORGANISATIONS, or give it a Glific configuration in Avni."}},
		"shadow": {prepare: func(s *stage) { s.served[avnitest.AshaGramin] = history.Served{Mode: "shadow"} }, want: history.Standing{State: history.Shadow,
			Text: "Due at 2026-03-04 16:30:00 IST. Organisation asha_gramin is in shadow mode: avni-server sends it, avni-messenger does not."}},
		"rule paused": {
			delivery: `reason = 'rule_paused', next_attempt_at = 'infinity'`,
			prepare: func(s *stage) {
				s.exec(`insert into messenger.rule_pause (rule_id, phase, organisation_id, since, kind, reason, failures, fingerprint)
					values (601, 'message', 101, ` + hour + `, 'throw', 'TypeError: nothing is undefined', 50, '')`)
			},
			want: history.Standing{State: history.Held, Text: `Due since 2026-03-04 16:30:00 IST. The message rule of rule 601 "Welcome subject" is paused since 2026-03-04 16:30:00 IST, because it failed too often: throw: TypeError: nothing is undefined.`,
				Fix: "Correct the rule in Avni, and what waits goes on; or avni-messenger rule resume --rule 601"}},
		"test number": {delivery: `reason = 'not_test_number', next_attempt_at = 'infinity'`, want: history.Standing{State: history.Held,
			Text: "Due since 2026-03-04 16:30:00 IST. Held: not a test number.", Fix: "Remove MESSENGER_TEST_NUMBERS to send to everybody."}},
		"dry run": {delivery: `reason = 'dry_run', next_attempt_at = 'infinity'`, want: history.Standing{State: history.Held,
			Text: "Due since 2026-03-04 16:30:00 IST. Held: dry run.", Fix: "Remove MESSENGER_DRY_RUN to send."}},
		"retry": {delivery: `reason = 'glific_error', detail = 'HTTP 500', attempts = 3, next_attempt_at = ` + ago(-10*time.Minute), want: history.Standing{State: history.Waiting,
			Text: "Waits: it is tried again at 2026-03-04 17:40:00 IST, because Glific answered with an error, or not at all, before anything was sent (HTTP 500). It has failed 3 times so far.",
			Fix:  "Nothing; if it lasts, look at Glific."}},
		"organisation waits": {delivery: `reason = 'wrong_password', next_attempt_at = ` + ago(time.Minute), want: history.Standing{State: history.Waiting,
			Text: "Due since 2026-03-04 16:30:00 IST. Is about to be tried again; before, Glific does not accept the phone and password.",
			Fix:  "Correct them in Avni's Glific settings."}},
		"lost answer": {delivery: `state = 'uncertain', reason = 'lost_answer', sending_since = ` + hour + `, next_attempt_at = ` + ago(-time.Minute), want: history.Standing{State: history.Waiting,
			Text: "It is not known yet whether Glific has accepted the message; Glific is asked before it is sent again. Glific is asked again at 2026-03-04 17:31:00 IST."}},
		"being sent": {delivery: `state = 'sending', sending_since = ` + ago(time.Second), want: history.Standing{State: history.Waiting, Text: "It is being sent at this moment."}},
		"group under way": {delivery: `reason = 'group_under_way', detail = '3 of 9 are done', next_attempt_at = ` + ago(-time.Minute), want: history.Standing{State: history.Waiting,
			Text: "The message goes to the members of the group, one by one (3 of 9 are done).",
			Fix:  "If it is not wanted any more: avni-messenger cancel 9001. Who has not had it does not get it then."}},
		"too old": {due: ago(5 * 24 * time.Hour), want: history.Standing{State: history.Failed,
			Text: "It was due at 2026-02-27 17:30:00 IST. What is overdue by more than 4 days is not sent any more: it is about to be marked as expired.",
			Fix:  "avni-messenger requeue 9001 --due-now sends it nevertheless."}},
		"expired": {due: ago(5 * 24 * time.Hour), delivery: `state = 'expired', reason = 'expired', detail = 'glific_unreachable'`, want: history.Standing{State: history.Failed,
			Text: "Not sent: it was due at 2026-02-27 17:30:00 IST, and what is overdue by more than 4 days is not sent any more. It had waited because Glific cannot be reached, cuts the connection, or does not let anybody log in. It is not tried again by itself; avni-messenger requeue 9001 --due-now does so.",
			Fix:  "See in the log of that time, and in detail of messenger.delivery, what it waited for."}},
		"opted out": {delivery: `state = 'refused', reason = 'opted_out', detail = 'contact 12, at 2026-03-01 10:00:00 IST'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: the receiver has opted out at Glific (contact 12, at 2026-03-01 10:00:00 IST). Glific is asked about the contact again once a day, until 2026-03-08 16:30:00 IST, when it is too old.",
			Fix:  "Nothing: they do not want messages; opt them in at Glific if they ask for it."}},
		"no phone": {delivery: `state = 'refused', reason = 'no_phone', detail = 'subject 1002 has no phone number'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: the receiver has no phone number in Avni (subject 1002 has no phone number). It is tried again by itself once they have another number in Avni, until 2026-03-08 16:30:00 IST, when it is too old.",
			Fix:  "Enter one in Avni."}},
		"gave up": {delivery: `state = 'refused', reason = 'gave_up', detail = 'glific_error: HTTP 500', attempts = 8`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: every attempt has failed (glific_error: HTTP 500). It is not tried again by itself; avni-messenger requeue 9001 does so.",
			Fix:  "See in messenger.attempt why."}},
		"cancelled": {delivery: `state = 'withdrawn', reason = 'cancelled'`, prepare: voided, want: history.Standing{State: history.Ended,
			Text: "Cancelled by hand: it is not sent, whatever its rule says.", Fix: "avni-messenger requeue 9001 takes that back."}},
		"withdrawn": {prepare: voided, want: history.Standing{State: history.Ended, Text: "Withdrawn: it is not sent."}},
		"withdrawn by the rule": {
			prepare: func(s *stage) {
				voided(s)
				s.logged("voided", "the rule said shouldSend: false", 9001)
			},
			want: history.Standing{State: history.Ended, Text: "Withdrawn at 2026-03-04 16:30:00 IST: the rule said shouldSend: false. It is not sent."}},
		"duplicate": {delivery: `state = 'withdrawn', reason = 'duplicate'`, prepare: voided, want: history.Standing{State: history.Ended,
			Text: "Withdrawn: Avni has another request of the same rule for the same entity, which is the one that is sent."}},
		"sent by avni-server": {
			prepare: func(s *stage) {
				s.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = ` + hour + ` where id = 9001`)
			},
			want: history.Standing{State: history.Sent, Text: "Avni says that it was sent at 2026-03-04 16:30:00 IST. Avni-messenger did not send it; avni-server did, or somebody else, so that it is not known here whether it arrived."}},
		"accepted": {delivery: accepted, prepare: receipt(`'pending', null, null, null, ` + ago(-time.Minute)), want: history.Standing{State: history.Sent,
			Text: "Glific accepted it at 2026-03-04 16:30:00 IST as message 77; Glific has not handed it on yet. Glific is asked what became of it at 2026-03-04 17:31:00 IST."}},
		"delivered": {delivery: accepted, prepare: receipt(`'delivered', ` + ago(30*time.Minute) + `, null, null, null`), want: history.Standing{State: history.Arrived,
			Text: "Glific accepted it at 2026-03-04 16:30:00 IST as message 77, and WhatsApp delivered it to the phone (seen at 2026-03-04 17:00:00 IST)."}},
		"not on WhatsApp": {delivery: accepted, prepare: receipt(`'error', ` + ago(30*time.Minute) + `, 'not_on_whatsapp', '1002', null`), want: history.Standing{State: history.Failed,
			Text: "Glific accepted it at 2026-03-04 16:30:00 IST as message 77, but it did not arrive (seen at 2026-03-04 17:00:00 IST): the number is not on WhatsApp (1002).",
			Fix:  "Ask the receiver for a number that is, and enter it in Avni."}},
		"stuck": {delivery: accepted, prepare: receipt(`'pending', null, 'stuck', null, null`), want: history.Standing{State: history.Sent,
			Text: "Glific accepted it at 2026-03-04 16:30:00 IST as message 77; Glific has not handed it on yet. Glific has accepted the message, but has not handed it on for half an hour or more. Glific is not asked any more.",
			Fix:  "Look at the message in Glific, and ask Glific's team; it is not sent again by itself."}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.options.Now = func() time.Time { return now }
			if test.due == "" {
				test.due = hour
			}
			s.queued(test.due, test.delivery)
			if !test.asleep {
				s.running(true)
			}
			if test.prepare != nil {
				test.prepare(s)
			}
			x := s.explain("9001")
			if len(x.Stories) != 1 {
				t.Fatalf("%d stories are told", len(x.Stories))
			}
			if diff := cmp.Diff(test.want, x.Stories[0].Standing); diff != "" {
				t.Errorf("the standing (-want +got):\n%s", diff)
			}
			page, err := s.reader().Messages(t.Context(), history.Filter{ReceiverType: "Subject", ReceiverID: subject, To: now.AddDate(0, 1, 0)})
			s.must(err)
			if len(page.Messages) != 1 || page.Messages[0].RequestID != 9001 || !strings.HasPrefix(name, "withdrawn by") && page.Messages[0].Standing != test.want {
				t.Errorf("among the messages it stands as %+v", page.Messages)
			}
		})
	}
}

var killSwitch = history.Standing{State: history.Held, Text: "Due since 2026-03-04 16:30:00 IST. The kill switch MESSENGER_DISPATCH is off: nothing is sent, and requests wait in the queue.",
	Fix: "Set MESSENGER_DISPATCH=on and restart avni-messenger."}

var accepted = `state = 'accepted', contact_id = '12', site = 'x', glific_message_id = '77', accepted_at = ` + ago(time.Hour)

// receipt is one with such a status, its time, its reason, its detail and its next look.
func receipt(values string) func(*stage) {
	return func(s *stage) {
		s.exec(`update message_request_queue set delivery_status = 'Sent', delivered_date_time = ` + ago(time.Hour) + ` where id = 9001`)
		s.exec(`insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, status, status_at, reason, detail, next_look_at)
			values (9001, '77', 101, 'x', ` + ago(time.Hour) + `, ` + values + `)`)
	}
}

func voided(s *stage) { s.exec(`update message_request_queue set is_voided = true where id = 9001`) }

// logged writes what the rule made of a change of the subject; request 0: none.
func (s *stage) logged(outcome, reason string, request int64) {
	s.Helper()
	s.exec(`insert into messenger.trigger_log (at, source_table, entity_id, organisation_id, rule_id, outcome, reason, request_id, committed_at, commit_lsn, changed_by)
		values (`+ago(time.Hour)+`, 'individual', 1002, 101, 601, $1, nullif($2, ''), nullif($3::bigint, 0), `+ago(time.Hour)+`, '0/1A2B3C', 202)`, outcome, reason, request)
}
