package glific_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var update = flag.Bool("update", false, "write the request bodies to testdata")

const (
	userPhone = "919999900001"
	password  = "glific-asha-pw"
	mother    = "919876512345"
)

var (
	welcome  = glifictest.Template{ID: 7001, Label: "welcome", Body: "Namaste {{1}}, welcome to {{2}}."}
	reminder = glifictest.Template{ID: 7003, Label: "reminder", Body: "{{1}}: visit at {{2}}"}
	poster   = glifictest.Template{ID: 7010, Label: "poster", Body: "Camp on {{1}}", Media: true}
	sendTime = time.Date(2026, 11, 20, 6, 30, 0, 0, time.UTC)
)

// clock is a clock that tests move.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 11, 20, 9, 0, 40, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.ns.Load()) }
func (c *clock) Advance(d time.Duration) { c.ns.Add(int64(d)) }

// setup is a client of the organisation asha of a fake Glific.
type setup struct {
	*glific.Client
	server *glifictest.Server
	asha   *glifictest.Organisation
	clock  *clock
}

func newSetup(t *testing.T, o glifictest.Options) setup {
	t.Helper()
	c := newClock()
	o.Now = c.Now
	server, err := glifictest.New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(server.Close)
	s := setup{server: server, asha: server.AddOrganisation("asha", userPhone, password, welcome, reminder, poster), clock: c}
	s.Client = s.client(glific.Options{})
	return s
}

func (s setup) account() glific.Account {
	return glific.Account{BaseURL: s.server.URL("asha"), Phone: userPhone, Password: password}
}

func (s setup) client(o glific.Options) *glific.Client {
	o.Now = s.clock.Now
	if o.RequestsPerMinute == 0 {
		o.RequestsPerMinute = -1
	}
	return glific.NewClient(s.account(), o)
}

// contact is an opted-in contact of asha.
func (s setup) contact() string { return s.asha.AddOptedInContact(mother, "Sita") }

func (s setup) message() glific.Message {
	return glific.Message{TemplateID: 7001, ContactID: s.contact(), Parameters: []string{"Sita", "Kevadia"}, SendAt: sendTime}
}

// login opens a session, if there is none, by a question that changes nothing.
func login(t *testing.T, c *glific.Client) error {
	_, _, err := c.ContactByPhone(t.Context(), "910000000000")
	return err
}

// wantError checks outcome and code.
func wantError(t *testing.T, err error, outcome glific.Outcome, code glific.Code) *glific.Error {
	t.Helper()
	var e *glific.Error
	if !errors.As(err, &e) {
		t.Fatalf("error is %v, want a *glific.Error with code %s", err, code)
	}
	if e.Outcome != outcome || e.Code != code {
		t.Fatalf("error is %s/%s (%v), want %s/%s", e.Outcome, e.Code, e, outcome, code)
	}
	return e
}

func TestSendReachesThePhone(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	sent, err := s.Send(t.Context(), s.message())
	if err != nil {
		t.Fatal(err)
	}
	if sent.MessageID == "" || !sent.SendAt.Equal(sendTime) {
		t.Errorf("sent is %+v, want an id and sendAt %s", sent, sendTime)
	}
	want := []glifictest.Delivery{{
		Organisation: "asha", Phone: mother, TemplateID: 7001, Parameters: []string{"Sita", "Kevadia"},
		Body: "Namaste Sita, welcome to Kevadia.", SendAt: sendTime, MessageID: sent.MessageID,
	}}
	if d := cmp.Diff(want, s.server.Ledger(), cmpopts.IgnoreFields(glifictest.Delivery{}, "At")); d != "" {
		t.Error(d)
	}
}

// The bodies are compared with files, so that a change of what goes over the wire is
// seen; that they are valid is the fake's verdict, as it has the schema.
func TestRequestBodies(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.message()
	m.Parameters = []string{`Sita "Rani"`, "a\\b\nc"}
	g := glific.GroupMessage{TemplateID: 7001, GroupID: s.asha.AddGroup("Kevadia", m.ContactID), Parameters: m.Parameters, SendAt: sendTime}
	calls := map[string]func(context.Context) error{
		"contact_by_phone": func(ctx context.Context) error { _, _, err := s.ContactByPhone(ctx, mother); return err },
		"optin_contact":    func(ctx context.Context) error { _, err := s.OptinContact(ctx, mother, "Sita"); return err },
		"send":             func(ctx context.Context) error { _, err := s.Send(ctx, m); return err },
		"find_sent":        func(ctx context.Context) error { _, err := s.FindSent(ctx, m.ContactID, 7001, sendTime); return err },
		"receipts":         func(ctx context.Context) error { _, err := s.Receipts(ctx, []string{"1", "2"}); return err },
		"template":         func(ctx context.Context) error { _, _, err := s.Template(ctx, 7001); return err },
		"send_to_group":    func(ctx context.Context) error { _, err := s.SendToGroup(ctx, g); return err },
		"find_sent_to_group": func(ctx context.Context) error {
			_, err := s.FindSentToGroup(ctx, g)
			return err
		},
		"group_members": func(ctx context.Context) error { _, err := s.GroupMembers(ctx, g.GroupID, 500, 500); return err },
	}
	for _, name := range []string{"contact_by_phone", "optin_contact", "send", "find_sent", "receipts", "template",
		"send_to_group", "find_sent_to_group", "group_members"} {
		if err := calls[name](t.Context()); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		requests := s.server.Requests()
		var got bytes.Buffer
		if err := json.Indent(&got, []byte(requests[len(requests)-1].Body), "", "  "); err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(file, append(got.Bytes(), '\n'), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(strings.TrimSpace(string(want)), got.String()); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestNilParametersAreAnEmptyList(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.message()
	m.Parameters = nil
	_, err := s.Send(t.Context(), m)
	wantError(t, err, glific.Refused, glific.ParameterCount)
}

func TestAnswerIsFoundBesideErrors(t *testing.T) {
	s := newFixedAnswer(t, `{"data":{"createAndSendMessage":{"message":{"id":"77","sendAt":"2026-11-20T06:30:00"},"errors":null}},"errors":["something nested"]}`)
	sent, err := s.Send(t.Context(), glific.Message{TemplateID: 1, ContactID: "1", SendAt: sendTime})
	if err != nil || sent.MessageID != "77" || !sent.SendAt.Equal(sendTime) {
		t.Errorf("sent is %+v, %v; want message 77 at %s", sent, err, sendTime)
	}
}

// An accepted message stays accepted, however odd the rest of the answer is.
func TestAcceptedInAnOddAnswer(t *testing.T) {
	for _, body := range []string{
		`{"data":{"createAndSendMessage":{"message":{"id":77,"sendAt":"tomorrow"},"errors":"odd"}}}`,
		`{"data":{"createAndSendMessage":{"message":{"id":"77","sendAt":null},"errors":[]}},"errors":[]}`,
		`{"data":{"createAndSendMessage":{"message":{"id":"77","sendAt":7},"errors":{"key":1}}},"more":true}`,
	} {
		c := newFixedAnswer(t, body)
		sent, err := c.Send(t.Context(), glific.Message{TemplateID: 1, ContactID: "1", SendAt: sendTime})
		if err != nil || sent.MessageID != "77" || !sent.SendAt.IsZero() {
			t.Errorf("sent is %+v, %v; want message 77 without a time, by %s", sent, err, body)
		}
	}
}

func TestOwnRateLimit(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	c := s.client(glific.Options{RequestsPerMinute: 6}) // one at once, the next in 10 s
	if _, _, err := c.ContactByPhone(t.Context(), mother); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	_, err := c.Send(ctx, s.message())
	wantError(t, err, glific.NotExecuted, glific.Cancelled)
	if n := len(s.server.Ledger()); n != 0 {
		t.Errorf("%d messages were delivered, want none", n)
	}
}
