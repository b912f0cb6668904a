package history_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// all reads a list page by page.
func (s *stage) all(f history.Filter) (ids []int64, pages int) {
	s.Helper()
	for {
		page, err := s.reader().Messages(s.Context(), f)
		s.must(err)
		pages++
		for _, m := range page.Messages {
			ids = append(ids, m.RequestID)
		}
		if f.After = page.Next; f.After == "" {
			return ids, pages
		}
	}
}

// All messages are listed, those due last first, each once, however many are due at the
// same moment.
func TestMessagesPageByPage(t *testing.T) {
	s := newStage(t)
	s.exec(`delete from message_request_queue`)
	due := time.Date(2026, 3, 1, 9, 0, 0, 0, time.UTC)
	var want []int64
	for i := range 11 {
		id, err := s.avni.QueueRule(t.Context(), rule, subject, avnitest.Receiver{Type: "Subject", ID: subject}, due.Add(time.Duration(i/4)*time.Minute))
		s.must(err)
		want = append([]int64{id}, want...)
	}
	got, pages := s.all(history.Filter{Limit: 3})
	if diff := cmp.Diff(want, got); diff != "" || pages != 4 {
		t.Errorf("%d pages, (-want +got):\n%s", pages, diff)
	}
	var bad *history.BadCursor
	if _, err := s.reader().Messages(t.Context(), history.Filter{After: "yesterday"}); !errors.As(err, &bad) {
		t.Errorf("a cursor that is none: %v", err)
	}
}

func TestMessagesAreFiltered(t *testing.T) {
	s := newStage(t)
	s.exec(`update message_request_queue set scheduled_date_time = '2026-03-01T09:00:00Z'::timestamptz + (id - 921) * interval '1 hour'`)
	s.exec(`insert into messenger.delivery (request_id, organisation_id, state, reason) values (924, 101, 'refused', 'group_gone')`)
	at := func(hours int) time.Time { return time.Date(2026, 3, 1, 9+hours, 0, 0, 0, time.UTC) }
	for _, test := range []struct {
		filter history.Filter
		want   []int64
	}{
		{history.Filter{}, []int64{925, 924, 923, 922, 921}},
		{history.Filter{OrganisationID: avnitest.AshaGramin}, []int64{925, 924, 923, 922, 921}},
		{history.Filter{OrganisationID: avnitest.SevaNepal}, nil},
		{history.Filter{ReceiverType: "Subject", ReceiverID: 1002}, []int64{922, 921}},
		{history.Filter{ReceiverType: "User", ReceiverID: 202}, []int64{925}},
		{history.Filter{ReceiverType: "User", ReceiverID: 1002}, nil},
		{history.Filter{GroupID: "77"}, []int64{924, 923}},
		{history.Filter{Status: "Sent"}, []int64{921}},
		{history.Filter{Status: "NotSent"}, []int64{925, 924, 922}},
		{history.Filter{Reason: "group_gone"}, []int64{924}},
		{history.Filter{From: at(1), To: at(3)}, []int64{923, 922}},
	} {
		t.Run(fmt.Sprintf("%+v", test.filter), func(t *testing.T) {
			got, _ := s.all(test.filter)
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestMessageIsDescribed(t *testing.T) {
	s := newStage(t)
	s.options.Now = func() time.Time { return now }
	s.queued(ago(time.Hour), accepted+`, attempts = 2, parameters = array['Ramesh', 'Kevadia'], phone = '919876500002'`)
	receipt(`'read', ` + ago(30*time.Minute) + `, null, null, null`)(s)
	page, err := s.reader().Messages(t.Context(), history.Filter{ReceiverType: "Subject", ReceiverID: subject, To: now})
	s.must(err)
	ramesh := history.Entity{Type: "Subject", ID: 1002, Name: "Ramesh Kumar"}
	hour := now.Add(-time.Hour)
	want := []history.Message{{
		RequestID: 9001, OrganisationID: 101, Organisation: "asha_gramin", RuleID: 601, Rule: "Welcome subject", TemplateID: "7001", Entity: ramesh, To: ramesh,
		Phone: "+919876500002", Parameters: []string{"Ramesh", "Kevadia"}, DueAt: hour, SentAt: hour, Status: "Sent", Delivery: "accepted", Attempts: 2, Receipt: "read", By: "meena@asha",
		Standing: history.Standing{State: history.Arrived, Text: "Glific accepted it at 2026-03-04 16:30:00 IST as message 77, and it was read (seen at 2026-03-04 17:00:00 IST)."},
	}}
	if diff := cmp.Diff(want, page.Messages); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
