package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// TestRowsAreAsAvniServerWritesThem compares every column with a row that avni-server's
// stand-in made for the same rule.
func TestRowsAreAsAvniServerWritesThem(t *testing.T) {
	o := openOffice(t, Write)
	ctx := t.Context()
	ours := must[int64](t)(o.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Ours"}))
	theirs := must[int64](t)(o.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Theirs"}))
	o.created(cdc.Individual, ours)
	must[int64](t)(o.avni.As(202).QueueRule(ctx, 601, theirs, avnitest.Receiver{Type: "Subject", ID: theirs}, march))

	for _, table := range []string{"message_request_queue", "message_receiver"} {
		column := map[string]string{"message_request_queue": "entity_id", "message_receiver": "receiver_id"}[table]
		read := func(id int64) map[string]any {
			var row map[string]any
			if err := o.db.Pool().QueryRow(ctx, `select to_jsonb(t) from `+table+` t where `+column+` = $1`, id).Scan(&row); err != nil {
				t.Fatal(err)
			}
			for _, own := range []string{"id", "uuid", "message_receiver_id", "receiver_id", "entity_id", "scheduled_date_time"} {
				if row[own] != nil {
					row[own] = "set"
				}
			}
			for _, at := range []string{"created_date_time", "last_modified_date_time"} {
				when, err := time.Parse(time.RFC3339, row[at].(string))
				if err != nil || time.Since(when).Abs() > time.Minute {
					t.Errorf("%s.%s is %v", table, at, row[at])
				}
				row[at] = "now"
			}
			return row
		}
		if diff := cmp.Diff(read(theirs), read(ours)); diff != "" {
			t.Errorf("%s (-avni-server +ours):\n%s", table, diff)
		}
	}
}

// TestSampleRequestIsAsItsRuleSays has the worker make the sample's sent message anew. The
// rule says nine o'clock, to a date without a time: that is midnight UTC, half past five
// in India, and the minutes stay.
func TestSampleRequestIsAsItsRuleSays(t *testing.T) {
	o := openOffice(t, Write)
	sent := o.request(601, 1002)
	exec(t, o.avni.Pool(), `delete from message_request_queue where id = 921`)
	o.saved(cdc.Individual, 1002)
	made := o.request(601, 1002)
	if made.At != sent.At || made.At != "2024-01-11T04:00:00.000Z" {
		t.Errorf("the sample's is due at %s, the rule says %s", sent.At, made.At)
	}
}

func TestReceiverIsMadeOnceAndOnlyWithRequest(t *testing.T) {
	o := openOffice(t, Write)
	o.saveRule(avnitest.RuleFields{Name: "Never", EntityType: "Subject", EntityTypeID: 302, MessageRule: `x`, ScheduleRule: `() => ({shouldSend: false})`})
	o.saved(cdc.Individual, 1004)
	if n := o.count(`select count(*) from message_receiver where receiver_id = 1004`); n != 0 {
		t.Error("a receiver was made although nothing is sent")
	}
	o.saved(cdc.ProgramEnrolment, 1001)
	o.saved(cdc.ProgramEnrolment, 1002)
	if n := o.count(`select count(*) from message_receiver where receiver_type = 'User' and receiver_id = 202`); n != 1 {
		t.Errorf("user 202 is %d receivers", n)
	}
	if a, b := o.count(`select message_receiver_id from message_request_queue where entity_id = 1001 and message_rule_id = 602`),
		o.count(`select message_receiver_id from message_request_queue where entity_id = 1002 and message_rule_id = 602`); a != b || a != 903 {
		t.Errorf("two requests for user 202 have receivers %d and %d, and 903 was there", a, b)
	}
}

func TestActingUserIsOneTheOrganisationSees(t *testing.T) {
	o := openOffice(t, Write)
	exec(t, o.avni.Pool(), `update individual set last_modified_by_id = 1 where id = 1001`)
	o.saved(cdc.Individual, 1001)
	if r := o.request(601, 1001); r.CreatedBy != 201 || r.LastModified != 201 {
		t.Errorf("created by %d, want the system user 201", r.CreatedBy)
	}
}
