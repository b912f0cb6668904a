package main

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// With MESSENGER_DISPATCH=off rules go on, their requests and those to groups wait in the
// queue, and Glific is left alone. Switched on again, what waited is dealt with once.
func TestDispatchSwitch(t *testing.T) {
	p := newProgram(t, glifictest.Options{}, "MESSENGER_DISPATCH=off")
	ctx := t.Context()
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, 'home'`)
	group, err := p.avni.QueueManual(ctx, avnitest.AshaGramin, avnitest.Receiver{Type: "Group", ID: 4711}, "7009", []string{"@name", "camp"}, time.Now())
	p.must(err)
	p.start()
	subject, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Sunita", Phone: "9812345678"})
	p.must(err)
	const waiting = `select count(*) from message_request_queue where delivery_status = 'NotSent' and not is_voided and scheduled_date_time <= now()
		and (message_rule_id = 601 and entity_id = $1 or id = $2)`
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(waiting, subject, group); n != 2 {
			return fmt.Sprintf("%d requests wait, want 2", n)
		}
		return ""
	})
	p.stop()
	if n := len(p.glific.Requests()); n != 0 {
		t.Errorf("Glific was asked %d times", n)
	}
	if n := p.count(`select count(*) from messenger.delivery`); n != 0 {
		t.Errorf("%d deliveries were begun", n)
	}

	p.extra = nil
	p.start()
	want := map[string]int{
		message("919812345678", 7001, "Sunita", "home"):                 1,
		message("919876543210", 7009, "Meena Kumari", "camp on Sunday"): 1, // waits in the sample data
	}
	p.eventually(avnitest.Patience, func() string { return cmp.Diff(want, p.messages()) })
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.delivery where request_id = $1 and state = 'refused' and reason = 'group_empty'`, group); n != 1 {
			return "the message to a group that Glific does not have is not refused"
		}
		return ""
	})
	p.stop()
}
