package glifictest_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// send sends a template of asha's to a contact and returns the answer.
func (f *fake) send(template int, contact, parameters string) string {
	f.t.Helper()
	return f.query(`mutation($i: MessageInput!) { createAndSendMessage(input: $i) { message { id templateId isHsm status bspStatus sendAt params body uuid } } }`,
		fmt.Sprintf(`{"i":{"isHsm":true,"templateId":%d,"receiverId":%q,"params":%s,"sendAt":"2026-11-20T12:00:00.987+05:30"}}`, template, contact, parameters))
}

func TestSend(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	to := f.asha.AddOptedInContact(mother, "Sita")
	f.want(f.send(1, to, `[" Sita \n\t Devi ",null]`),
		`{"data":{"createAndSendMessage":{"message":{"body":"Namaste Sita Devi, welcome to .","bspStatus":null,"id":"1","isHsm":true,"params":null,`+
			`"sendAt":"2026-11-20T06:30:00Z","status":"enqueued","templateId":1,"uuid":"2eb4703c-63c9-9b8f-009a-74f5b1f84622"}}}}`)
	want := []glifictest.Delivery{{
		Organisation: "asha", Phone: mother, TemplateID: 1, Parameters: []string{"Sita Devi", ""}, Body: "Namaste Sita Devi, welcome to .",
		SendAt: time.Date(2026, 11, 20, 6, 30, 0, 0, time.UTC), At: time.Unix(0, f.now.Load()), MessageID: "1",
	}}
	if d := cmp.Diff(want, f.Ledger()); d != "" {
		t.Error(d)
	}
	f.want(f.query(`{ message(id: 1) { message { status bspStatus errors insertedAt } } m: message(id: 2) { errors { key message } } }`, ""),
		`{"data":{"m":{"errors":[{"key":"Elixir.Glific.Messages.Message","message":"Resource not found"}]},`+
			`"message":{"message":{"bspStatus":"DELIVERED","errors":"{}","insertedAt":"2026-11-20T09:00:40.123456Z","status":"sent"}}}}`)
}

// The checks come in Glific's order: each step repairs what the step before met.
func TestChecksOfSend(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.asha.Suspend(true)
	wantText := func(body, text string) {
		t.Helper()
		if !strings.Contains(body, `{"data":{"createAndSendMessage":null}`) || !strings.Contains(body, `"message":"`+text) {
			t.Errorf("%s, want %q", body, text)
		}
	}
	contact := glifictest.Contact{Phone: mother, Status: "INVALID"}
	wantText(f.send(9, "1", `null`), "Receiver does not exist")
	to := f.asha.AddContact(contact)
	wantText(f.send(9, to, `null`), "Something unexpected has happened")
	wantText(f.send(9, to, `[]`), "Not able to fetch the template with id 9. ERROR: [")
	wantText(f.send(3, to, `[]`), "Not able to fetch the template with id 3") // seva's
	wantText(f.send(2, to, `["a","b"]`), "Please provide the right number of parameters")
	wantText(f.send(2, to, `["a"]`), "Contact status is not valid.")
	contact.Status = "VALID"
	f.asha.AddContact(contact)
	wantText(f.send(2, to, `["a"]`), "Cannot send hsm message to contact, invalid BSP status.")
	contact.BSPStatus = "SESSION" // who wrote within a day need not have HSM
	f.asha.AddContact(contact)
	wantText(f.send(2, to, `["a"]`), "Cannot send hsm message to contact, not opted in.")
	contact.OptinTime = time.Unix(1, 0)
	f.asha.AddContact(contact)
	wantText(f.send(2, to, `["a"]`), "Cannot send hsm message to contact, organization is in suspended state")
	f.asha.Suspend(false)
	if body := f.send(2, to, `["a"]`); !strings.Contains(body, `"body":"a,{{2}}","bspStatus":null,"id":"1"`) {
		t.Errorf("after all repairs: %s", body)
	}
	f.asha.SetGupshup(false)
	wantText(f.send(2, to, `["a"]`), "Could not send message to contact: Check Gupshup Setting")
	wantText(f.send(2, to, `["`+strings.Repeat("é", 4097)+`"]`), "Message size greater than 4096 characters")
	if n := len(f.Ledger()); n != 1 {
		t.Errorf("%d deliveries, want 1", n)
	}
	f.want(f.query(`{ messages(filter: {either: "765"}) { id status bspStatus } }`, ""), `{"data":{"messages":[`+
		`{"bspStatus":"DELIVERED","id":"1","status":"sent"},{"bspStatus":null,"id":"2","status":"error"},{"bspStatus":null,"id":"3","status":"enqueued"}]}}`)
}

func TestSearch(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	to := f.asha.AddOptedInContact(mother, "Sita")
	f.asha.AddOptedInContact("919876500002", "Silent")
	f.asha.AddContact(glifictest.Contact{Phone: "919876500003", Status: "BLOCKED"})
	for range 3 {
		f.send(2, to, `["a"]`)
	}
	search := func(opts string) string {
		return f.query(`{ search(filter: {ids: ["1","2","3","4"]}, contactOpts: {limit: 1}, messageOpts: {`+opts+`}) { id messages { id } } }`, "")
	}
	f.want(search(`limit: 2`), `{"data":{"search":[{"id":"contact_1","messages":[{"id":"3"},{"id":"2"}]},{"id":"contact_2","messages":[]}]}}`)
	f.want(search(`offset: 0`), `{"data":{"search":[]}}`)
}

func TestTemplates(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.want(f.query(`{ sessionTemplates(filter: {isHsm: true, isActive: true, term: "{1}"}) { id numberParameters status } }`, ""),
		`{"data":{"sessionTemplates":[{"id":"1","numberParameters":2,"status":"APPROVED"},{"id":"2","numberParameters":1,"status":"APPROVED"}]}}`)
	f.want(f.query(`{ sessionTemplate(id: 2) { sessionTemplate { body isActive } } }`, ""),
		`{"data":{"sessionTemplate":{"sessionTemplate":{"body":"{{1}},{{2}}","isActive":true}}}}`)
}

func TestMessageIDsAreSharedByOrganisations(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	f.send(2, f.asha.AddOptedInContact(mother, "Sita"), `["a"]`)
	token := f.login("seva", "977999900002")
	body := fmt.Sprintf(`{"query":"mutation { createAndSendMessage(input: {isHsm: true, templateId: 3, receiverId: %s, params: []}) { message { id sendAt } } }"}`,
		f.seva.AddOptedInContact(mother, "Maya"))
	_, answer := f.post("seva/api", token, "application/json", body)
	f.want(answer, `{"data":{"createAndSendMessage":{"message":{"id":"2","sendAt":null}}}}`)
}

func TestWorker(t *testing.T) {
	told := make(chan glifictest.Delivery, 1)
	f := newFake(t, glifictest.Options{
		NoLimits:     true,
		DeliverAfter: 10 * time.Millisecond,
		BSPStatus:    "ENQUEUED",
		OnDelivery:   func(d glifictest.Delivery) { told <- d },
	})
	f.asha.NotOnWhatsApp("919876500002")
	f.send(2, f.asha.AddOptedInContact("919876500002", "Offline"), `["a"]`)
	f.send(2, f.asha.AddOptedInContact(mother, "Sita"), `["a"]`)
	if d := <-told; d.Phone != mother || d.MessageID != "2" {
		t.Errorf("told of %+v", d)
	}
	const failed = `{"bspStatus":"ERROR","errors":"{\"app\":\"asha\",\"payload\":{\"destination\":\"919876500002\",\"gsId\":\"gs-1\",` +
		`\"payload\":{\"code\":1002,\"reason\":\"Number Does Not Exists On WhatsApp\"},\"type\":\"failed\"},\"type\":\"message-event\"}"}`
	wanted := `{"data":{"a":{"message":` + failed + `},"b":{"message":{"bspStatus":"ENQUEUED","errors":"{}"}}}}`
	f.eventually(wanted, func() string {
		return f.query(`{ a: message(id: 1) { message { bspStatus errors } } b: message(id: 2) { message { bspStatus errors } } }`, "")
	})
	if c, _ := f.asha.Contact("919876500002"); c.Status != "INVALID" || !c.OptinTime.IsZero() {
		t.Errorf("the contact without WhatsApp is %+v", c)
	}
}

// A client that gives up before the server begins stops the request.
func TestGivingUpBeforeExecution(t *testing.T) {
	f := newFake(t, glifictest.Options{})
	to := f.asha.AddOptedInContact(mother, "Sita")
	f.Inject(glifictest.Fault{Operation: "createAndSendMessage", Delay: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	body := `{"query":"mutation { createAndSendMessage(input: {isHsm: true, templateId: 2, receiverId: ` + to + `, params: [\"a\"]}) { message { id } } }"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, f.URL("asha/api"), strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", f.token)
	if resp, err := http.DefaultClient.Do(req); err == nil {
		resp.Body.Close()
		t.Fatalf("answered %d", resp.StatusCode)
	}
	f.Close() // waits for the handler
	if n := len(f.Ledger()); n != 0 {
		t.Errorf("%d deliveries, want none", n)
	}
}

func TestConcurrentUse(t *testing.T) {
	f := newFake(t, glifictest.Options{NoLimits: true, AnswerTime: 10 * time.Millisecond})
	var wg sync.WaitGroup
	for i := range 30 {
		wg.Go(func() {
			f.send(2, f.asha.AddOptedInContact(fmt.Sprint(i), "x"), `["a"]`)
			f.Inject(glifictest.Fault{Operation: "nothing"})
			f.Requests()
		})
	}
	wg.Wait()
	if n, peak := len(f.Ledger()), f.PeakInFlight(); n != 30 || peak < 2 {
		t.Errorf("%d deliveries, at most %d at once; want 30, at least 2", n, peak)
	}
}
