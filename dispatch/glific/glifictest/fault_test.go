package glifictest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// batch is a document that sends a template to asha's contacts 1 to n.
func batch(n int) string {
	var b strings.Builder
	b.WriteString(`{"query":"mutation {`)
	for i := range n {
		fmt.Fprintf(&b, ` m%d: createAndSendMessage(input: {isHsm: true, templateId: 2, receiverId: %d, params: [\"a\"]}) { message { id } }`, i+1, i+1)
	}
	b.WriteString(` }"}`)
	return b.String()
}

// try sends a batch of asha's and returns the status and the body; the error if there
// was no whole answer.
func (f *fake) try(ctx context.Context, n int) (string, error) {
	f.t.Helper()
	return f.exchange(ctx, batch(n))
}

func (f *fake) exchange(ctx context.Context, body string) (string, error) {
	f.t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL("asha/api"), strings.NewReader(body))
	if err != nil {
		f.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", f.token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	return fmt.Sprintf("%d %s %s", resp.StatusCode, resp.Header.Get("Content-Type"), strings.TrimSpace(string(answer))), err
}

// rows are the messages that Glific stored.
func (f *fake) rows() string {
	f.t.Helper()
	body := f.query(`{ messages(opts: {orderWith: "id"}) { id status bspStatus } }`, "")
	return strings.TrimSuffix(strings.TrimPrefix(body, `{"data":{"messages":[`), `]}}`)
}

// Faults come one per request, in the order of injection, to those they are meant for.
func TestOrderOfFaults(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.Inject(glifictest.Fault{Organisation: "seva", Kind: glifictest.AnswerInstead, Status: 501})
	f.Inject(glifictest.Fault{Operation: "optinContact", Kind: glifictest.AnswerInstead, Status: 502})
	f.Inject(glifictest.Fault{Skip: 1, Kind: glifictest.AnswerInstead, Status: 503})
	f.Inject(glifictest.Fault{Times: 2, Skip: 1, Kind: glifictest.AnswerInstead, Status: 504})
	var statuses []int
	for range 5 {
		statuses = append(statuses, f.alive(f.token))
	}
	f.Inject(glifictest.Fault{Times: -1, Kind: glifictest.AnswerInstead, Status: 500})
	for range 2 {
		statuses = append(statuses, f.alive(f.token))
	}
	f.ClearFaults()
	statuses = append(statuses, f.alive(f.token))
	if d := cmp.Diff([]int{200, 503, 504, 504, 200, 500, 500, 200}, statuses); d != "" {
		t.Error(d)
	}
}

// What the client sees and what Glific did, for a document of two messages.
func TestFaults(t *testing.T) {
	const exception = "Something unexpected has happened"
	released := make(chan struct{})
	close(released)
	for name, test := range map[string]struct {
		fault     glifictest.Fault
		answer    string // part of it; empty: none, or not all of it
		delivered int
	}{
		"drop":          {glifictest.Fault{Kind: glifictest.DropRequest}, "", 0},
		"lose":          {glifictest.Fault{Kind: glifictest.LoseAnswer}, "", 2},
		"some":          {glifictest.Fault{Kind: glifictest.CommitSome, Fields: 1}, "", 1},
		"500":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 500, Body: `"Internal Server Error"`}, `500 application/json; charset=utf-8 "Internal Server Error"`, 0},
		"502":           {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 502}, "502 text/html; charset=utf-8 <html>", 0},
		"503 text":      {glifictest.Fault{Kind: glifictest.AnswerInstead, Status: 503, Body: "down"}, "503 text/plain; charset=utf-8 down", 0},
		"504 and done":  {glifictest.Fault{Kind: glifictest.ExecuteThenFail, Status: 504}, "504 text/html", 2},
		"truncated":     {glifictest.Fault{Kind: glifictest.TruncateBody}, "", 2},
		"slow":          {glifictest.Fault{Kind: glifictest.SlowBody, Delay: time.Millisecond}, `"m2":{"message":{"id":"2"}}`, 2},
		"until":         {glifictest.Fault{Kind: glifictest.SlowBody, Delay: time.Hour, Until: released}, `"m2":{"message":{"id":"2"}}`, 2},
		"exception":     {glifictest.Fault{Kind: glifictest.Refuse}, exception, 0},
		"and after it":  {glifictest.Fault{Kind: glifictest.FailAfterwards}, exception, 2},
		"refused":       {glifictest.Fault{Kind: glifictest.Refuse, Text: "No."}, `"message":"No."`, 0},
		"late answer":   {glifictest.Fault{Kind: glifictest.AnswerLate, Delay: time.Millisecond}, `"m1":{"message":{"id":"1"}}`, 2},
		"late handling": {glifictest.Fault{Delay: time.Hour, Until: released}, `"m1":{"message":{"id":"1"}}`, 2},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, glifictest.Options{})
			f.members(2)
			test.fault.Operation = "createAndSendMessage"
			f.Inject(test.fault)
			answer, err := f.try(t.Context(), 2)
			if test.answer == "" && err == nil || test.answer != "" && (err != nil || !strings.Contains(answer, test.answer)) {
				t.Errorf("%s, %v; want %q", answer, err, test.answer)
			}
			if n := len(f.Ledger()); n != test.delivered {
				t.Errorf("%d deliveries, want %d", n, test.delivered)
			}
			if answer, err = f.try(t.Context(), 1); err != nil || !strings.HasPrefix(answer, "200 ") {
				t.Errorf("the next one: %s, %v", answer, err)
			}
		})
	}
}

// A message without its job stays as it is, for good.
func TestRowWithoutJob(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{SessionTTL: 24 * time.Hour})
	f.members(1)
	f.Inject(glifictest.Fault{Kind: glifictest.RowWithoutJob})
	if answer, err := f.try(t.Context(), 1); err == nil {
		t.Error(answer)
	}
	clock.Advance(time.Hour)
	f.want(f.rows(), `{"bspStatus":null,"id":"1","status":"enqueued"}`)

	g := f.asha.AddGroup("Ward", "1")
	f.Inject(glifictest.Fault{Kind: glifictest.RowWithoutJob, Operation: "createAndSendMessageToGroup"})
	body := `{"query":"mutation { createAndSendMessageToGroup(input: {isHsm: true, templateId: 2, params: [\"a\"]}, groupId: ` + g + `) { success } }"}`
	if answer, err := f.exchange(t.Context(), body); err == nil {
		t.Error(answer)
	}
	clock.Advance(time.Hour)
	f.want(f.query(`{ message(id: 2) { message { groupId messageBroadcastId } } }`, ""), `{"data":{"message":{"message":{"groupId":1,"messageBroadcastId":null}}}}`)
	if n := len(f.Ledger()); n != 0 {
		t.Errorf("%d deliveries", n)
	}
}

// The client is gone for long when Glific commits.
func TestCommitLate(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{SessionTTL: 24 * time.Hour})
	f.members(1)
	f.Inject(glifictest.Fault{Kind: glifictest.CommitLate, Delay: 5 * time.Minute})
	if answer, err := f.try(t.Context(), 1); err == nil {
		t.Error(answer)
	}
	clock.Advance(5*time.Minute - 1)
	f.want(f.rows(), ``)
	clock.Advance(1)
	f.want(f.rows(), `{"bspStatus":"DELIVERED","id":"1","status":"sent"}`)

	release := make(chan struct{})
	f.Inject(glifictest.Fault{Kind: glifictest.CommitLate, Until: release})
	if answer, err := f.try(t.Context(), 1); err == nil {
		t.Error(answer)
	}
	f.want(f.rows(), `{"bspStatus":"DELIVERED","id":"1","status":"sent"}`)
	close(release)
	f.eventually(`{"bspStatus":"DELIVERED","id":"1","status":"sent"},{"bspStatus":"DELIVERED","id":"2","status":"sent"}`, f.rows)
}

// A client that is left hanging learns nothing until it gives up.
func TestHang(t *testing.T) {
	for kind, delivered := range map[glifictest.FaultKind]int{
		glifictest.DropRequest: 0, glifictest.LoseAnswer: 2, glifictest.CommitSome: 1, glifictest.CommitLate: 0,
	} {
		f, _ := clocked(t, glifictest.Options{})
		f.members(2)
		fault := glifictest.Fault{Kind: kind, Hang: true, Fields: 1}
		if kind == glifictest.CommitLate {
			fault.Delay = time.Hour
		}
		f.Inject(fault)
		ctx, cancel := context.WithCancel(t.Context())
		failed := make(chan error, 1)
		go func() {
			_, err := f.try(ctx, 2)
			failed <- err
		}()
		f.eventually(fmt.Sprintf("2 requests, %d deliveries", delivered), func() string {
			return fmt.Sprintf("%d requests, %d deliveries", len(f.Requests()), len(f.Ledger()))
		})
		cancel()
		if err := <-failed; !errors.Is(err, context.Canceled) {
			t.Errorf("kind %d: the connection was cut: %v", kind, err)
		}
		f.Close() // waits for the handler
		if n := len(f.Ledger()); n != delivered {
			t.Errorf("kind %d: %d deliveries, want %d", kind, n, delivered)
		}
	}
}

// Limits on documents, which Glific does not have yet.
func TestDocumentsMayBeLimited(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{})
	f.members(2)
	f.SetMostRootFields(1)
	const refused = `application/json; charset=utf-8 {"errors":[{"message":"Operation is too complex: complexity is 2 and maximum is 1"}]}`
	for _, status := range []int{200, 400} {
		f.SetInvalidStatus(status)
		answer, err := f.try(t.Context(), 2)
		if err != nil || answer != fmt.Sprint(status, " ", refused) {
			t.Errorf("%s, %v", answer, err)
		}
	}
	f.Inject(glifictest.Fault{Kind: glifictest.CommitLate, Delay: time.Second})
	if answer, err := f.try(t.Context(), 2); err == nil {
		t.Error(answer)
	}
	clock.Advance(time.Second) // late as well as early
	f.want(f.rows(), ``)
	f.SetMostRootFields(2)
	if answer, err := f.try(t.Context(), 2); err != nil || !strings.HasPrefix(answer, "200 ") {
		t.Errorf("%s, %v", answer, err)
	}
	if resp, body := f.post("asha/api", f.token, "application/json", `{"query":"{ nope }"}`); resp.StatusCode != 400 || strings.Contains(body, "data") {
		t.Errorf("an invalid document: %d %s", resp.StatusCode, body)
	}
}
