package glific_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

// TestRefusalsOfSend provokes each business refusal by the state that causes it.
func TestRefusalsOfSend(t *testing.T) {
	invalid := func(c glifictest.Contact) func(setup, *glific.Message) {
		return func(s setup, m *glific.Message) { c.Phone = mother; s.asha.AddContact(c) }
	}
	long := strings.Repeat("a", 4100)
	for code, test := range map[glific.Code]struct {
		outcome glific.Outcome
		spoil   func(setup, *glific.Message)
	}{
		glific.ParameterCount:        {glific.Refused, func(_ setup, m *glific.Message) { m.Parameters = m.Parameters[:1] }},
		glific.MediaMissing:          {glific.Refused, func(_ setup, m *glific.Message) { m.TemplateID, m.Parameters = 7010, []string{"Sunday"} }},
		glific.TemplateNotFound:      {glific.Refused, func(_ setup, m *glific.Message) { m.TemplateID = 4711 }},
		glific.ContactInvalid:        {glific.Refused, invalid(glifictest.Contact{Status: "INVALID"})},
		glific.BSPStatusInvalid:      {glific.Refused, invalid(glifictest.Contact{BSPStatus: "NONE"})},
		glific.NotOptedIn:            {glific.Refused, invalid(glifictest.Contact{BSPStatus: "HSM"})},
		glific.ReceiverNotFound:      {glific.Refused, func(_ setup, m *glific.Message) { m.ContactID = "4711" }},
		glific.MessageTooLong:        {glific.Refused, func(_ setup, m *glific.Message) { m.Parameters[0] = long }},
		glific.OrganisationSuspended: {glific.Wait, func(s setup, _ *glific.Message) { s.asha.Suspend(true) }},
		glific.RoleTooLow:            {glific.Wait, func(s setup, _ *glific.Message) { s.asha.SetRole("No access") }},
		glific.GupshupSettings:       {glific.Uncertain, func(s setup, _ *glific.Message) { s.asha.SetGupshup(false) }},
		glific.InvalidRequest:        {glific.NotExecuted, func(_ setup, m *glific.Message) { m.TemplateID = 1 << 60 }},
	} {
		t.Run(string(code), func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			m := s.message()
			test.spoil(s, &m)
			_, err := s.Send(t.Context(), m)
			wantError(t, err, test.outcome, code)
			wantNoSecrets(t, err)
			if n := len(s.server.Ledger()); n != 0 {
				t.Errorf("%d messages were delivered, want none", n)
			}
		})
	}
}

// TestFaultsOfSend shows that only what surely did not run is called not executed,
// and that a send is never repeated on the way.
func TestFaultsOfSend(t *testing.T) {
	for name, test := range map[string]struct {
		fault     glifictest.Fault
		outcome   glific.Outcome
		code      glific.Code
		delivered int
	}{
		"dropped":       {glifictest.Fault{Kind: glifictest.DropRequest}, glific.Uncertain, glific.ConnectionLost, 0},
		"answer lost":   {glifictest.Fault{Kind: glifictest.LoseAnswer}, glific.Uncertain, glific.ConnectionLost, 1},
		"502":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 502}, glific.Uncertain, glific.ServerError, 0},
		"504 after all": {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 504}, glific.Uncertain, glific.ServerError, 1},
		"late":          {glifictest.Fault{Kind: glifictest.AnswerLate, Delay: time.Minute}, glific.Uncertain, glific.Timeout, 1},
		"404":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 404}, glific.NotExecuted, glific.InvalidRequest, 0},
		"302":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 302}, glific.NotExecuted, glific.InvalidRequest, 0},
		"418":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 418}, glific.Uncertain, glific.BadAnswer, 0},
		"403":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 403}, glific.Wait, glific.UnknownOrganisation, 0},
		"page with 200": {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 200}, glific.Uncertain, glific.BadAnswer, 0},
		"exception":     {glifictest.Fault{Kind: glifictest.Refuse, Text: "Something unexpected has happened, please"}, glific.Uncertain, glific.Unexpected, 0},
		"Hindi":         {glifictest.Fault{Kind: glifictest.Refuse, Text: "संपर्क मान्य नहीं है"}, glific.Uncertain, glific.UnknownText, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSetup(t, glifictest.Options{})
			var o glific.Options
			if test.code == glific.Timeout {
				o.Timeout = time.Second
			}
			c := s.client(o)
			if err := login(t, c); err != nil {
				t.Fatal(err)
			}
			s.server.Inject(test.fault)
			_, err := c.Send(t.Context(), s.message())
			wantError(t, err, test.outcome, test.code)
			if n := len(s.server.Ledger()); n != test.delivered {
				t.Errorf("%d messages were delivered, want %d", n, test.delivered)
			}
			if n := countOf(s.server, "createAndSendMessage"); n != 1 {
				t.Errorf("%d requests to send, want 1", n)
			}
		})
	}
}

func TestOptinIsNotRepeated(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.server.Inject(glifictest.Fault{Kind: glifictest.DropRequest, Operation: "optinContact"})
	_, err := s.OptinContact(t.Context(), mother, "Sita")
	wantError(t, err, glific.Uncertain, glific.ConnectionLost)
	if n := countOf(s.server, "optinContact"); n != 1 {
		t.Errorf("%d requests to opt in, want 1", n)
	}
}

func TestLookUpsAreRepeated(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.contact()
	s.server.Inject(glifictest.Fault{Kind: glifictest.DropRequest, Operation: "contactByPhone"})
	s.server.Inject(glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 503, Operation: "contactByPhone"})
	if _, ok, err := s.ContactByPhone(t.Context(), mother); !ok || err != nil {
		t.Errorf("contact found: %t, %v", ok, err)
	}
	if n := countOf(s.server, "contactByPhone"); n != 3 {
		t.Errorf("%d requests, want 3", n)
	}
}

func TestRateLimited(t *testing.T) {
	s := newSetup(t, glifictest.Options{RequestsPerMinute: 1})
	m := s.message()
	if _, err := s.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	_, err := s.Send(t.Context(), m)
	if e := wantError(t, err, glific.Wait, glific.RateLimited); e.RetryAfter != 20*time.Second {
		t.Errorf("retry after %s, want 20s", e.RetryAfter)
	}
}

func TestCallerGivesUp(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	s := newSetup(t, glifictest.Options{OnDelivery: func(glifictest.Delivery) { cancel() }})
	m := s.message()
	if err := login(t, s.Client); err != nil {
		t.Fatal(err)
	}
	s.server.Inject(glifictest.Fault{Kind: glifictest.AnswerLate, Delay: time.Minute})
	_, err := s.Send(ctx, m) // cancelled once Glific has executed it
	wantError(t, err, glific.Uncertain, glific.Timeout)
	_, err = s.Send(ctx, m)
	wantError(t, err, glific.NotExecuted, glific.Cancelled)
}

func TestStrangeAnswers(t *testing.T) {
	for body, want := range map[string]struct {
		outcome glific.Outcome
		code    glific.Code
	}{
		``:                                       {glific.Uncertain, glific.BadAnswer},
		`"Bad Request"`:                          {glific.Uncertain, glific.BadAnswer},
		`[1]`:                                    {glific.Uncertain, glific.BadAnswer},
		`{}`:                                     {glific.Uncertain, glific.BadAnswer},
		`{"data":"x"}`:                           {glific.Uncertain, glific.BadAnswer},
		`{"data":null}`:                          {glific.Uncertain, glific.BadAnswer},
		`{"errors":[7]}`:                         {glific.NotExecuted, glific.InvalidRequest},
		`{"data":{"createAndSendMessage":null}}`: {glific.Uncertain, glific.BadAnswer},
		`{"data":{"createAndSendMessage":[]}}`:   {glific.Uncertain, glific.BadAnswer},
		`{"data":{"createAndSendMessage":{"message":{"id":""}}}}`:                          {glific.Uncertain, glific.BadAnswer},
		`{"data":{"createAndSendMessage":null},"errors":["Receiver does not exist"]}`:      {glific.Refused, glific.ReceiverNotFound},
		`{"data":null,"errors":[{"message":"Unauthorized"}]}`:                              {glific.Wait, glific.RoleTooLow},
		`{"data":{"createAndSendMessage":{"errors":[{"message":"Resource not found"}]}}}`:  {glific.Refused, glific.ResourceNotFound},
		`{"data":{"createAndSendMessage":null},"errors":[{"message":"for 919876512345"}]}`: {glific.Uncertain, glific.UnknownText},
		`"` + strings.Repeat("x", 9<<20) + `"`:                                             {glific.Uncertain, glific.BadAnswer},
	} {
		c := newFixedAnswer(t, body)
		_, err := c.Send(t.Context(), glific.Message{TemplateID: 1, ContactID: "1", SendAt: sendTime})
		e := wantError(t, err, want.outcome, want.code)
		wantNoSecrets(t, err)
		if len(e.Text) > 1000 {
			t.Errorf("the text of the error has %d bytes", len(e.Text))
		}
	}
}

// newFixedAnswer is a client of a server that takes every login and answers every
// API request with the same body: answers that the fake, which follows the schema,
// cannot give.
func newFixedAnswer(t *testing.T, body string) *glific.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/api/v1/session" {
			_, _ = w.Write([]byte(`{"data":{"access_token":"token"}}`))
			return
		}
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	account := glific.Account{BaseURL: server.URL + "/", Phone: userPhone, Password: password}
	return glific.NewClient(account, glific.Options{RequestsPerMinute: -1})
}

// countOf counts the requests with a root field.
func countOf(s *glifictest.Server, operation string) int {
	n := 0
	for _, r := range s.Requests() {
		for _, o := range r.Operations {
			if o == operation {
				n++
			}
		}
	}
	return n
}
