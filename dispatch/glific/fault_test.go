package glific_test

import (
	"context"
	"net/http"
	"slices"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// TestFaultsOfSeveralSends shows for each way in which a document of several sends can
// fail that only what surely did not run is called not executed, that nothing is sent
// twice, and that FindSent knows which of the uncertain ones Glific has.
func TestFaultsOfSeveralSends(t *testing.T) {
	const n = 5
	for name, test := range map[string]struct {
		fault   glifictest.Fault
		outcome glific.Outcome
		code    glific.Code
		stored  int
	}{
		"dropped":          {glifictest.Fault{Kind: glifictest.DropRequest}, glific.Uncertain, glific.ConnectionLost, 0},
		"answer lost":      {glifictest.Fault{Kind: glifictest.LoseAnswer}, glific.Uncertain, glific.ConnectionLost, n},
		"first committed":  {glifictest.Fault{Kind: glifictest.CommitSome, Fields: 1}, glific.Uncertain, glific.ConnectionLost, 1},
		"three committed":  {glifictest.Fault{Kind: glifictest.CommitSome, Fields: 3}, glific.Uncertain, glific.ConnectionLost, 3},
		"rows without job": {glifictest.Fault{Kind: glifictest.RowWithoutJob}, glific.Uncertain, glific.ConnectionLost, n},
		"body cut":         {glifictest.Fault{Kind: glifictest.TruncateBody}, glific.Uncertain, glific.BadAnswer, n},
		"slow body":        {glifictest.Fault{Kind: glifictest.SlowBody, Delay: time.Hour}, glific.Uncertain, glific.Timeout, n},
		"late":             {glifictest.Fault{Kind: glifictest.AnswerLate, Delay: time.Hour}, glific.Uncertain, glific.Timeout, n},
		"silence":          {glifictest.Fault{Kind: glifictest.CommitSome, Fields: 2, Hang: true}, glific.Uncertain, glific.Timeout, 2},
		"502":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 502}, glific.Uncertain, glific.ServerError, 0},
		"500 as a string":  {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 500, Body: `"Internal Server Error"`}, glific.Uncertain, glific.ServerError, 0},
		"504 after all":    {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 504}, glific.Uncertain, glific.ServerError, n},
		"page with 200":    {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 200}, glific.Uncertain, glific.BadAnswer, 0},
		"418":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 418}, glific.Uncertain, glific.BadAnswer, 0},
		"exception before": {glifictest.Fault{Kind: glifictest.Refuse}, glific.Uncertain, glific.Unexpected, 0},
		"exception after":  {glifictest.Fault{Kind: glifictest.FailAfterwards}, glific.Uncertain, glific.Unexpected, n},
		"Hindi":            {glifictest.Fault{Kind: glifictest.Refuse, Text: "संपर्क मान्य नहीं है"}, glific.Uncertain, glific.UnknownText, 0},
		"404":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 404}, glific.NotExecuted, glific.InvalidRequest, 0},
		"302":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 302}, glific.NotExecuted, glific.InvalidRequest, 0},
		"403":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 403}, glific.Wait, glific.UnknownOrganisation, 0},
		"429":              {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 429}, glific.Wait, glific.RateLimited, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			m := s.messages(n)
			test.fault.Operation = "createAndSendMessage"
			s.server.Inject(test.fault)
			var o glific.Options
			if test.code == glific.Timeout {
				o.Timeout = time.Second
			}
			_, errs := s.party(o).sendTogether(t, m)
			if d := cmp.Diff([]int{n}, sizes(s.server, "createAndSendMessage")); d != "" {
				t.Error(d)
			}
			for i, err := range errs {
				e := wantError(t, err, test.outcome, test.code)
				if e.Code == glific.RateLimited && e.RetryAfter != 20*time.Second {
					t.Errorf("retry after %s, want 20s", e.RetryAfter)
				}
				found, err := s.FindSent(t.Context(), m[i].ContactID, 7001, sendTime)
				if want := presence(i < test.stored); err != nil || found.Presence != want {
					t.Errorf("message %d is %s, %v; want %s", i, found.Presence, err, want)
				}
			}
			s.wantNothingTwice(t)
		})
	}
}

func presence(stored bool) glific.Presence {
	if stored {
		return glific.Accepted
	}
	return glific.Absent
}

func (s setup) wantNothingTwice(t *testing.T) {
	t.Helper()
	for phone, n := range delivered(s.server) {
		if n > 1 {
			t.Errorf("%d messages to %s", n, phone)
		}
	}
}

// A session that is gone, or not yet known everywhere, means that nothing ran: all
// sends of the document are repeated.
func TestSeveralSendsWithALostToken(t *testing.T) {
	for _, refusals := range []int{1, 2, 3} {
		s := newSetup(t, glifictest.Options{})
		m := s.messages(4)
		s.server.Inject(glifictest.Fault{Kind: glifictest.Unauthenticated, Operation: "createAndSendMessage", Times: refusals})
		_, errs := s.party(glific.Options{}).sendTogether(t, m)
		for _, err := range errs {
			if err != nil {
				t.Errorf("after %d refusals: %v", refusals, err)
			}
		}
		if len(delivered(s.server)) != 4 {
			t.Errorf("%d phones were reached, want 4", len(delivered(s.server)))
		}
		s.wantNothingTwice(t)
	}
}

// A login that fails fails for all that waits, and is tried once.
func TestSeveralSendsWithoutALogin(t *testing.T) {
	for name, test := range map[string]struct {
		fault   glifictest.Fault
		outcome glific.Outcome
		code    glific.Code
	}{
		"500":     {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 500}, glific.NotExecuted, glific.ServerError},
		"429":     {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 429}, glific.Wait, glific.RateLimited},
		"nothing": {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 401}, glific.Wait, glific.WrongPassword},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			test.fault.Operation, test.fault.Times = "login", -1
			s.server.Inject(test.fault)
			_, errs := s.party(glific.Options{}).sendTogether(t, s.messages(12))
			for _, err := range errs {
				if e := wantError(t, err, test.outcome, test.code); e.Operation != glific.OpLogin {
					t.Errorf("the error is about %s", e.Operation)
				}
			}
			if n := countOf(s.server, "login"); n != 1 || len(s.server.Ledger()) != 0 {
				t.Errorf("%d logins, %d messages; want one and none", n, len(s.server.Ledger()))
			}
		})
	}
}

// A document that never reached Glific did not run.
func TestSeveralSendsWithoutAConnection(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.messages(3)
	p := s.party(glific.Options{})
	p.intercept = func(*http.Request) *http.Response {
		s.server.Close()
		http.DefaultTransport.(*http.Transport).CloseIdleConnections()
		return nil
	}
	_, errs := p.sendTogether(t, m)
	for _, err := range errs {
		wantError(t, err, glific.NotExecuted, glific.ConnectFailed)
	}
}

// Questions may be repeated, and each contact's history is judged by itself.
func TestSeveralQuestionsTogether(t *testing.T) {
	s := newSetup(t, glifictest.Options{NoLimits: true})
	m := s.messages(4)
	if _, err := s.Send(t.Context(), m[0]); err != nil {
		t.Fatal(err)
	}
	s.clock.Advance(-150 * time.Minute) // near sendTime: nothing can be concluded from age
	if _, err := s.Send(t.Context(), m[1]); err != nil {
		t.Fatal(err)
	}
	for i := range 60 {
		other := m[1]
		other.SendAt = sendTime.Add(time.Duration(i+1) * time.Second)
		if _, err := s.Send(t.Context(), other); err != nil {
			t.Fatal(err)
		}
	}
	blocked := s.asha.AddContact(glifictest.Contact{Phone: mother, Status: "BLOCKED"})
	contacts := []string{m[0].ContactID, m[1].ContactID, m[2].ContactID, blocked}
	want := []glific.Presence{glific.Accepted, glific.Accepted, glific.Absent, glific.Unknown}
	s.server.Inject(glifictest.Fault{Kind: glifictest.DropRequest, Operation: "search"})
	s.server.Inject(glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 503, Operation: "search"})
	p := s.party(glific.Options{})
	p.together(slices.Repeat([]context.Context{t.Context()}, len(contacts)), func(ctx context.Context, i int) {
		found, err := p.FindSent(ctx, contacts[i], 7001, sendTime)
		if err != nil || found.Presence != want[i] {
			t.Errorf("contact %d: %s, %v; want %s", i, found.Presence, err, want[i])
		}
	})
	if d := cmp.Diff([]int{4, 4, 4, 1}, sizes(s.server, "search")); d != "" { // the long history is asked for once more
		t.Error(d)
	}
}
