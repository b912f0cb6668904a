package glific_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

func TestCallsThatWaitGoTogether(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	messages := s.messages(23)
	sent, errs := s.party(glific.Options{}).sendTogether(t, messages)
	byID := make(map[string]string)
	for _, d := range s.server.Ledger() {
		byID[d.MessageID] = d.Phone
	}
	for i := range messages {
		if errs[i] != nil || byID[sent[i].MessageID] != phoneOf(i) || !sent[i].SendAt.Equal(sendTime) {
			t.Errorf("message %d: %+v, %v, which went to %q", i, sent[i], errs[i], byID[sent[i].MessageID])
		}
	}
	got := sizes(s.server, "createAndSendMessage")
	slices.Sort(got)
	if d := cmp.Diff([]int{3, 10, 10}, got); d != "" {
		t.Error(d)
	}
	if n := s.server.PeakInFlight(); n > 2 {
		t.Errorf("%d documents at once, want at most 2", n)
	}
}

// Reading does not wait for sending, each kind goes in documents of its own, and none
// is overtaken for long: the oldest call decides what goes next.
func TestKindsGoApart(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.message()
	p := s.party(glific.Options{})
	calls := []func(context.Context) error{
		func(ctx context.Context) error { _, err := p.Send(ctx, m); return err },
		func(ctx context.Context) error { _, _, err := p.ContactByPhone(ctx, mother); return err },
		func(ctx context.Context) error { _, err := p.OptinContact(ctx, phoneOf(1), "Gita"); return err },
		func(ctx context.Context) error { _, err := p.FindSent(ctx, m.ContactID, 7001, sendTime); return err },
		func(ctx context.Context) error { _, err := p.OptinContact(ctx, phoneOf(2), "Rita"); return err },
		func(ctx context.Context) error { _, _, err := p.ContactByPhone(ctx, phoneOf(3)); return err },
	}
	p.together(slices.Repeat([]context.Context{t.Context()}, len(calls)), func(ctx context.Context, i int) {
		if err := calls[i](ctx); err != nil {
			t.Errorf("call %d: %v", i, err)
		}
	})
	for operation, want := range map[string][]int{"createAndSendMessage": {1}, "optinContact": {2}, "contactByPhone": {2}, "search": {1}} {
		if d := cmp.Diff(want, sizes(s.server, operation)); d != "" {
			t.Errorf("%s: %s", operation, d)
		}
	}
}

// Each call of a document gets its own answer.
func TestMixedAnswersInOneDocument(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.messages(8)
	m[1].Parameters = nil
	m[2].ContactID = "4711"
	m[3].TemplateID = 4711
	m[4].ContactID = s.asha.AddContact(glifictest.Contact{Phone: "919876500099", Status: "INVALID"})
	m[5].Parameters = []string{strings.Repeat("a", 4100), "b"}
	m[6].TemplateID, m[6].Parameters = 7010, []string{"Sunday"}
	sent, errs := s.party(glific.Options{}).sendTogether(t, m)
	for i, code := range []glific.Code{"", glific.ParameterCount, glific.ReceiverNotFound, glific.TemplateNotFound,
		glific.ContactInvalid, glific.MessageTooLong, glific.MediaMissing, ""} {
		if code != "" {
			wantError(t, errs[i], glific.Refused, code)
		} else if errs[i] != nil || sent[i].MessageID == "" {
			t.Errorf("message %d: %+v, %v", i, sent[i], errs[i])
		}
	}
	if d := cmp.Diff([]int{8}, sizes(s.server, "createAndSendMessage")); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(map[string]int{phoneOf(0): 1, phoneOf(7): 1}, delivered(s.server)); d != "" {
		t.Error(d)
	}
}

// A call that Glific cannot even read takes the others of its document with it. They
// are asked alone, so that only the bad one fails, and the next may go together again.
func TestBadCallSpoilsNoOthers(t *testing.T) {
	s := newSetup(t, glifictest.Options{SessionTTL: 5 * time.Minute})
	m := s.messages(7)
	m[3].TemplateID = 1 << 60
	p := s.party(glific.Options{})
	_, errs := p.sendTogether(t, m[:5])
	for i, err := range errs {
		if i == 3 {
			wantError(t, err, glific.NotExecuted, glific.InvalidRequest)
		} else if err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	}
	s.clock.Advance(5 * time.Minute) // a new login
	if n := len(s.server.Ledger()); n != 4 {
		t.Errorf("%d messages were delivered, want 4", n)
	}
	_, errs = p.again().sendTogether(t, m[5:])
	if errs[0] != nil || errs[1] != nil {
		t.Error(errs)
	}
	got := sizes(s.server, "createAndSendMessage")
	if got[0] != 5 || got[len(got)-1] != 2 {
		t.Errorf("the documents held %v calls; want 5 in the first and 2 in the last", got)
	}
}

// A Glific that takes one call per request is asked so, and tried again later.
func TestSeveralCallsInOneRequestRefused(t *testing.T) {
	for name, answer := range map[string]*http.Response{
		"without data": {StatusCode: 200, Body: io.NopCloser(strings.NewReader(`{"errors":[{"message":"Too complex"}]}`))},
		"400":          {StatusCode: 400, Body: io.NopCloser(strings.NewReader(`"Too complex"`))},
		"too large":    {StatusCode: 413, Body: io.NopCloser(strings.NewReader(`<html></html>`))},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{SessionTTL: 5 * time.Minute})
			m := s.messages(9)
			p := s.party(glific.Options{})
			refused := false
			p.intercept = func(r *http.Request) *http.Response {
				body, _ := r.GetBody()
				text, _ := io.ReadAll(body)
				if refused || !strings.Contains(string(text), "a2: ") {
					return nil
				}
				refused = true
				return answer
			}
			_, errs := p.sendTogether(t, m[:4])
			s.clock.Advance(5 * time.Minute)
			_, more := p.again().sendTogether(t, m[4:6]) // one by one: it is remembered
			s.clock.Advance(6 * time.Minute)
			_, late := p.again().sendTogether(t, m[6:]) // the refusal was used up
			for _, err := range slices.Concat(errs, more, late) {
				if err != nil {
					t.Error(err)
				}
			}
			if d := cmp.Diff([]int{1, 1, 1, 1, 1, 1, 3}, sizes(s.server, "createAndSendMessage")); d != "" {
				t.Error(d)
			}
			for phone, n := range delivered(s.server) {
				if n != 1 {
					t.Errorf("%d messages to %s", n, phone)
				}
			}
		})
	}
}

// What waits while Glific's limit is reached is told so without being asked.
func TestRateLimitHoldsWhatWaits(t *testing.T) {
	s := newSetup(t, glifictest.Options{RequestsPerMinute: 1})
	m := s.messages(5)
	if _, err := s.Send(t.Context(), m[0]); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		_, err := s.Send(t.Context(), m[1])
		if e := wantError(t, err, glific.Wait, glific.RateLimited); e.RetryAfter != 20*time.Second || e.Operation != glific.OpSend {
			t.Errorf("%s: retry after %s, want send and 20s", e.Operation, e.RetryAfter)
		}
	}
	if n := countOf(s.server, "createAndSendMessage"); n != 2 {
		t.Errorf("%d requests, want 2: the limit counts those that it refuses", n)
	}
	s.clock.Advance(20 * time.Second)
	if _, err := s.Send(t.Context(), m[1]); err != nil {
		t.Error(err)
	}
}

// Many callers of all kinds, some of which give up: nobody gets another's answer, and
// nobody is sent anything twice.
func TestManyCallers(t *testing.T) {
	s := newSetup(t, glifictest.Options{NoLimits: true, AnswerTime: 2 * time.Millisecond})
	const callers = 40
	m := s.messages(callers)
	var group sync.WaitGroup
	for i := range callers {
		group.Go(func() {
			for round := range 10 {
				ctx, cancel := t.Context(), func() {}
				if (i+round)%4 == 0 {
					ctx, cancel = context.WithTimeout(ctx, time.Duration(round)*time.Millisecond)
				}
				s.call(ctx, t, m[i], i, round)
				cancel()
			}
		})
	}
	group.Wait()
	seen := make(map[string]bool)
	for _, d := range s.server.Ledger() {
		key := fmt.Sprint(d.Phone, d.SendAt)
		if seen[key] {
			t.Errorf("two messages to %s for %s", d.Phone, d.SendAt)
		}
		seen[key] = true
	}
}

// call is one round of a caller; the answers must be about that caller. Those with
// little time may get none, also by another's time that is over.
func (s setup) call(ctx context.Context, t *testing.T, m glific.Message, i, round int) {
	_, hurried := ctx.Deadline()
	m.SendAt = sendTime.Add(time.Duration(round) * time.Second)
	sent, err := s.Send(ctx, m)
	if err != nil && !hurried {
		t.Errorf("caller %d: %v", i, err)
	}
	c, ok, err := s.ContactByPhone(ctx, phoneOf(i))
	if (err != nil && !hurried) || (err == nil && (!ok || c.ID != m.ContactID)) {
		t.Errorf("caller %d: contact %+v, %t, %v; want %s", i, c, ok, err, m.ContactID)
	}
	found, err := s.FindSent(ctx, m.ContactID, m.TemplateID, m.SendAt)
	if (err != nil && !hurried) || (err == nil && sent.MessageID != "" && found.MessageID != sent.MessageID) {
		t.Errorf("caller %d: found %+v, %v; want %s", i, found, err, sent.MessageID)
	}
}
