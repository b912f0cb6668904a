package main

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// parityRows are comparisons and sendings as the rules record them: of Asha Gramin some
// that differ, of Seva Nepal all the same.
const parityRows = `
	insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, our_scheduled_for, our_receiver_type, our_receiver_id,
		messaging, request_id, their_scheduled_for, their_receiver_type, their_receiver_id, their_status, their_rows, verdict, cause, evaluated_at)
	select 601, 'individual', n, 101, 'would_leave', timestamptz '2030-03-10T04:30:00Z', 'Subject', n, true, n, timestamptz '2030-03-10T04:30:00Z', 'Subject', n, 'NotSent', 1, 'same', null, now()
	from generate_series(2001, 3233) n
	union all select 601, 'individual', n, 101, 'would_skip', null, null, null, true, n, '2030-03-10T04:30:00Z', 'Subject', n, 'NotSent', 1, 'different', 'not_withdrawn', now() - interval '1 minute' * n
	from generate_series(1, 7) n
	union all select 601, 'individual', 8, 101, 'would_schedule', '2030-03-10T04:30:00Z', 'Subject', 8, true, null, null, null, null, null, 0, 'different', null, now()
	union all select 601, 'individual', 9, 101, 'would_schedule', '2030-03-10T04:30:00Z', 'Subject', 9, true, 9, null, null, null, null, 0, 'different', 'unvoided', now()
	union all select 601, 'individual', 10, 101, 'would_leave', '2030-03-10T04:30:00Z', 'Subject', 10, true, 10, '2030-03-10T04:30:00Z', 'Subject', 10, 'Sent', 2, 'different', 'duplicate', now()
	union all select 601, 'individual', n, 101, 'would_leave', '2030-03-10T04:30:00Z', 'Subject', n, true, n, '2030-03-10T04:30:00Z', 'Subject', n, 'NotSent', 0, 'own', null, now()
	from generate_series(14, 16) n
	union all select 603, 'program_encounter', 11, 101, 'would_fail', null, null, null, true, 11, '2030-03-10T04:30:00Z', 'Subject', 10, 'NotSent', 1, 'different', 'failed_here', now()
	union all select 603, 'program_encounter', 12, 101, 'would_skip', null, null, null, true, null, null, null, null, null, 0, 'waiting', null, now()
	union all select 603, 'program_encounter', 13, 101, 'would_skip', null, null, null, true, null, null, null, null, null, 0, 'different', null, now() - interval '8 days'
	union all select 612, 'individual', n, 103, 'would_skip', null, null, null, true, null, null, null, null, null, 0, 'same', null, now()
	from generate_series(1101, 1120) n;
	insert into messenger.parity_since (organisation_id) values (101), (103), (102);
	insert into messenger.parity_sending (request_id, organisation_id, rule_id, sent_at, reason) values
		(21, 101, 601, now(), null), (22, 101, 601, now(), null), (23, 101, 601, now(), 'rule_failed'), (24, 101, 601, now(), 'no_request')`

func TestParityReport(t *testing.T) {
	db := avnitest.New(t)
	if _, err := db.Pool().Exec(t.Context(), parityRows); err != nil {
		t.Fatal(err)
	}
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL(), "MESSENGER_TIMEZONE=Asia/Kolkata"}
	const asha = `asha_gramin: not ready: 1,244 compared, 1 unexplained difference, 1 to be mended first, 9 explained, 1 not compared yet, 3 left out
  - 1 difference has no known cause
  - 1 difference is to be mended first

  rule 601 "Welcome subject", Subject: 1,233 the same, 3 left out as avni-messenger had queued them in mode full
    7 not_withdrawn: the rule does not want the message any more, and avni-server withdraws nothing
      → nothing: avni-messenger withdraws it
      Subject 1: ours none (would_skip); avni-server's due 2030-03-10 10:00:00 IST to Subject 1 (request 1, NotSent)
      Subject 2: ours none (would_skip); avni-server's due 2030-03-10 10:00:00 IST to Subject 2 (request 2, NotSent)
      Subject 3: ours none (would_skip); avni-server's due 2030-03-10 10:00:00 IST to Subject 3 (request 3, NotSent)
      Subject 4: ours none (would_skip); avni-server's due 2030-03-10 10:00:00 IST to Subject 4 (request 4, NotSent)
      Subject 5: ours none (would_skip); avni-server's due 2030-03-10 10:00:00 IST to Subject 5 (request 5, NotSent)
      and 2 more (--all)
    1 duplicate: avni-server has queued the message more than once, and sends each
      → nothing: avni-messenger sends one of them
      Subject 10: ours due 2030-03-10 10:00:00 IST to Subject 10 (would_leave); avni-server's due 2030-03-10 10:00:00 IST to Subject 10 (request 10, Sent, one of 2)
    1 unvoided: it was voided and is not any more; avni-server leaves the message withdrawn for good
      → nothing: avni-messenger brings the message back, if it is not overdue
      Subject 9: ours due 2030-03-10 10:00:00 IST to Subject 9 (would_schedule); avni-server's none that is not voided (request 9)
    1 UNEXPLAINED: no known cause
      → look at the rule and the entity: avni-messenger rule test shows what the rule answers
      Subject 8: ours due 2030-03-10 10:00:00 IST to Subject 8 (would_schedule); avni-server's none

  rule 603 "ANC reminder", ProgramEncounter: 0 the same, 1 not compared yet
    1 failed_here: the rule failed here, and not in avni-server
      → see our_reason in messenger.parity and avni-messenger rule test; correct the rule, or report it
      ProgramEncounter 11: ours none (would_fail); avni-server's due 2030-03-10 10:00:00 IST to Subject 10 (request 11, NotSent)

  avni-server has sent 4 messages of rules: 2 would have been sent as messenger.parity_sending says
    1 no_request: there would have been no such request (requests 24)
    1 rule_failed: the message rule failed (requests 23)
`
	code, stdout, stderr := command(t, environ, "parity")
	if want := asha + "\nseva_base: not ready: 0 compared, 0 unexplained differences\n" +
		"  - enableMessaging is not true, so that avni-server queues nothing to compare with: set it to true in the organisation's settings\n\nseva_nepal: ready: 20 compared, 0 unexplained differences\n\n" +
		"  rule 612 \"Beneficiary welcome to worker\", Subject: 20 the same\n"; code != exitTrouble || stdout != want {
		t.Errorf("code %d, stderr %q, report (-want +got):\n%s", code, stderr, cmp.Diff(want, stdout))
	}
	if code, stdout, _ := command(t, environ, "parity", "--organisation", "103"); code != exitOK || !strings.HasPrefix(stdout, "seva_nepal: ready") {
		t.Errorf("of one that is ready: code %d, %s", code, stdout)
	}
	if code, stdout, _ := command(t, environ, "parity", "--organisation", "asha_gramin", "--all", "--since", "400h"); code != exitTrouble ||
		!strings.Contains(stdout, "Subject 7: ours none") || !strings.Contains(stdout, "ProgramEncounter 13: ours none (would_skip); avni-server's none\n") {
		t.Errorf("of everything: code %d, %s", code, stdout)
	}
	if code, stdout, _ := command(t, environ, "parity", "--organisation", "seva_base", "--json"); code != exitTrouble ||
		!strings.Contains(stdout, `"enableMessaging is not true, so that avni-server queues nothing to compare with: set it to true in the organisation's settings"`) {
		t.Errorf("of one with nothing to compare with: code %d, %s", code, stdout)
	}
	if code, _, stderr := command(t, environ, "parity", "--organisation", "asha"); code != exitUsage || !strings.Contains(stderr, `"asha" is no organisation`) {
		t.Errorf("of nobody: code %d, %s", code, stderr)
	}
	if code, _, stderr := command(t, environ, "parity", "--since", "tomorrow"); code != exitUsage || !strings.Contains(stderr, `--since is "tomorrow"`) {
		t.Errorf("since tomorrow: code %d, %s", code, stderr)
	}
}

func TestParityReportAsJSON(t *testing.T) {
	db := avnitest.New(t)
	if _, err := db.Pool().Exec(t.Context(), parityRows); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + db.URL()}, "parity", "--json", "--organisation", "asha_gramin")
	var report []rules.OrganisationParity
	if err := json.Unmarshal([]byte(stdout), &report); err != nil || code != exitTrouble || len(report) != 1 {
		t.Fatalf("code %d, stderr %q, %v in %s", code, stderr, err, stdout)
	}
	o := report[0]
	if o.Compared != 1244 || o.Unexplained != 1 || o.ToMend != 1 || o.Explained != 9 || o.Sent != 4 || o.WouldSend != 2 || len(o.Rules) != 2 || len(o.Unsent) != 2 {
		t.Errorf("report is %+v", o)
	}
	if o.Ready || len(o.NotReady) != 2 {
		t.Errorf("ready is %t, because %q", o.Ready, o.NotReady)
	}
	if o.Own != 3 || o.Rules[0].Own != 3 {
		t.Errorf("%d and %d are left out", o.Own, o.Rules[0].Own)
	}
	first := o.Rules[0].Differences[0]
	if first.Cause != rules.CauseNotWithdrawn || first.Count != 7 || len(first.Examples) != examples || first.Examples[0].Ours != nil || first.Examples[0].Theirs == nil {
		t.Errorf("the first difference is %+v", first)
	}
}

// TestParityOfTooLittle is not ready where little was compared, a rule is paused or no
// organisation is in shadow mode.
func TestParityOfTooLittle(t *testing.T) {
	db := avnitest.New(t)
	environ := []string{"MESSENGER_DATABASE_URL=" + db.URL()}
	for _, arguments := range [][]string{{"parity"}, {"parity", "--json"}} {
		if code, stdout, stderr := command(t, environ, arguments...); code != exitTrouble || !strings.Contains(stderr, "no organisation is in shadow mode") {
			t.Errorf("%s of none: code %d, %s%s", arguments, code, stdout, stderr)
		}
	}
	_, err := db.Pool().Exec(t.Context(), `insert into messenger.parity_since (organisation_id) values (101);
		insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, verdict, evaluated_at)
			select 601, 'individual', n, 101, 'would_skip', true, case n when 1 then 'same' else 'waiting' end, now() - interval '1 hour' from generate_series(1, 10001) n;
		insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, evaluated_at, look_at)
			values (603, 'program_encounter', 1, 101, 'paused', true, now() - interval '20 days', 'infinity');
		insert into messenger.parity (rule_id, source_table, entity_id, organisation_id, our_outcome, messaging, verdict)
			values (607, 'encounter', 1, 101, 'would_leave', true, 'own'), (602, 'program_enrolment', 1, 101, 'would_leave', true, 'own');
		update message_rule set is_voided = true where id = 602;
		insert into messenger.rule_pause (rule_id, phase, organisation_id, kind, reason, failures, fingerprint) values (603, 'schedule', 101, 'throw', 'x', 9, '')`)
	if err != nil {
		t.Fatal(err)
	}
	const want = `asha_gramin: not ready: 1 compared, 0 unexplained differences, 10,001 not compared yet, 1 left out
  - only 1 compared yet: wait for at least 20 (or look further back with --since)
  - rule 603 "ANC reminder" is paused because it failed too often: correct it in Avni, or avni-messenger rule resume --rule 603
  - rule 607 "Broken schedule rule" is not compared yet, as what it was seen for was queued in mode full: wait for saves of other entities
  - 10000 evaluations wait for longer than 15 minutes to be compared: see whether avni-messenger runs, and keeps up

  rule 601 "Welcome subject", Subject: 1 the same, 10,000 not compared yet

  rule 603 "ANC reminder", ProgramEncounter: 0 the same, 1 not compared yet, paused

  rule 607 "Broken schedule rule", Encounter: 0 the same, 1 left out as avni-messenger had queued them in mode full
`
	if code, stdout, stderr := command(t, environ, "parity"); code != exitTrouble || stdout != want {
		t.Errorf("code %d, stderr %q, report (-want +got):\n%s", code, stderr, cmp.Diff(want, stdout))
	}
}
