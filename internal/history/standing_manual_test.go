package history_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// Of a manual message it is told what brings it on, which no rule does.
func TestStandingOfAManualMessage(t *testing.T) {
	s := newStage(t)
	s.options.Now = func() time.Time { return now }
	s.running(true)
	group, person := avnitest.Receiver{Type: "Group", ID: 4711}, avnitest.Receiver{Type: "Subject", ID: subject}
	for name, test := range map[string]struct {
		to       avnitest.Receiver
		due      time.Duration // ago
		delivery string
		want     history.Standing // N: the request
	}{
		"empty": {to: group, delivery: `state = 'refused', reason = 'group_empty'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: the group has no members at Glific, or is not there any more. It is not tried again by itself; avni-messenger requeue N does so.",
			Fix:  "Add members to it in Glific, or send the message to another group."}},
		"nobody reached, overdue": {to: group, due: 5 * 24 * time.Hour, delivery: `state = 'refused', reason = 'group_unreached', detail = '2 members'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: no member of the group could be messaged (2 members). It is not tried again by itself; avni-messenger requeue N --due-now does so.",
			Fix:  "See in detail of messenger.delivery why."}},
		"template": {to: group, delivery: `state = 'refused', reason = 'template_not_found'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: Glific has no template with this id. It is tried again by itself once the template is changed, until 2026-03-08 16:30:00 IST, when it is too old.",
			Fix:  "Choose another template in Avni."}},
		"under way": {to: group, delivery: `reason = 'group_under_way', detail = '3 of 9 are done'`, want: history.Standing{State: history.Waiting,
			Text: "The message goes to the members of the group, one by one (3 of 9 are done).",
			Fix:  "If it is not wanted any more: avni-messenger cancel N. Who has not had it does not get it then."}},
		"cancelled": {to: group, delivery: `state = 'withdrawn', reason = 'cancelled'`, want: history.Standing{State: history.Ended,
			Text: "Cancelled by hand: no member of the group gets it who has not had it.", Fix: "avni-messenger requeue N takes that back."}},
		"to a person": {to: person, delivery: `state = 'refused', reason = 'bad_parameter'`, want: history.Standing{State: history.Failed,
			Text: "Not sent at 2026-03-04 16:30:00 IST: a parameter of the message is empty or not a text for people. It is not tried again by itself; avni-messenger requeue N does so.",
			Fix:  "Correct the rule or the message."}},
		"to a person, cancelled": {to: person, delivery: `state = 'withdrawn', reason = 'cancelled'`, want: history.Standing{State: history.Ended,
			Text: "Cancelled by hand: it is not sent.", Fix: "avni-messenger requeue N takes that back."}},
	} {
		t.Run(name, func(t *testing.T) {
			if test.due == 0 {
				test.due = time.Hour
			}
			id, err := s.avni.QueueManual(t.Context(), avnitest.AshaGramin, test.to, "7009", []string{"@name", "Sunday"}, now.Add(-test.due))
			s.must(err)
			s.exec(`insert into messenger.delivery (request_id, organisation_id, state, updated_at) values ($1, 101, 'waiting', `+ago(time.Hour)+`)`, id)
			s.exec(`update messenger.delivery set `+test.delivery+` where request_id = $1`, id)
			if strings.Contains(test.delivery, "withdrawn") {
				s.exec(`update message_request_queue set is_voided = true where id = $1`, id)
			}
			x := s.explain(fmt.Sprintf("Request:%d", id))
			if len(x.Stories) != 1 {
				t.Fatalf("%d stories are told", len(x.Stories))
			}
			got := x.Stories[0].Standing
			for _, text := range []*string{&got.Text, &got.Fix} {
				*text = strings.ReplaceAll(*text, fmt.Sprint(id), "N")
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("the standing (-want +got):\n%s", diff)
			}
		})
	}
}
