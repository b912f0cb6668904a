package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// What an operator cancels stays so when the rule is edited and the subject is saved,
// until they take it back.
func TestCancelledMessageStaysCancelled(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	ctx := t.Context()
	environ := []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full"}
	_, err := p.avni.SaveRule(ctx, avnitest.RuleFields{ID: 601, Name: "Welcome subject", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ReceiverType: "Subject", ScheduleRule: `() => ({scheduledDateTime: '2099-01-01T00:00:00Z'})`, MessageRule: `() => ({parameters: ['x', 'y']})`})
	p.must(err)
	p.start()
	subject, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Sunita", Phone: "9812345678"})
	p.must(err)
	awaitLog := func(outcome string) {
		t.Helper()
		p.eventually(avnitest.Patience, func() string {
			if p.count(`select count(*) from messenger.trigger_log where source_table = 'individual' and entity_id = $1 and rule_id = 601 and outcome = $2`, subject, outcome) > 0 {
				return ""
			}
			return "the rule's outcome is not " + outcome
		})
	}
	awaitLog("scheduled")
	request := fmt.Sprint(p.count(`select id from message_request_queue where message_rule_id = 601 and entity_id = $1`, subject))
	does := func(want string, args ...string) {
		t.Helper()
		if code, stdout, stderr := command(t, environ, args...); code != exitOK || !strings.Contains(stdout, want) {
			t.Fatalf("%v: code %d, stdout %q, stderr %q", args, code, stdout, stderr)
		}
	}
	does("request "+request+" is cancelled; it was not tried yet\n", "cancel", request)

	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, params.entity.lowestAddressLevel.name`)
	p.must(p.avni.SaveSubject(ctx, subject))
	awaitLog("cancelled")
	does("request "+request+" goes out when it is due, at ", "requeue", request)
	if n := p.count(`select count(*) from messenger.attempt where request_id = $1::bigint`, request); n != 2 {
		t.Errorf("%d attempts are recorded, want only that it was cancelled and requeued", n)
	}
	p.must(p.avni.SaveSubject(ctx, subject))
	want := map[string]int{message("919812345678", 7001, "Sunita", "Kevadia"): 1}
	p.eventually(avnitest.Patience, func() string {
		got := p.messages()
		for m := range got {
			if !strings.HasPrefix(m, "919812345678") {
				delete(got, m) // of the sample data
			}
		}
		return cmp.Diff(want, got)
	})
}
