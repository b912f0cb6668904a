package glifictest_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// fate is the bspStatus of message 1 now and after each of the times.
func (f *fake) fate(clock *glifictest.Clock, times ...time.Duration) string {
	f.t.Helper()
	status := func() string {
		body := f.query(`{ message(id: 1) { message { bspStatus } } }`, "")
		return strings.Trim(strings.TrimSuffix(strings.TrimPrefix(body, `{"data":{"message":{"message":{"bspStatus":`), `}}}}`), `"`)
	}
	list := []string{status()}
	for _, d := range times {
		clock.Advance(d)
		list = append(list, status())
	}
	return strings.Join(list, " ")
}

// What becomes of an accepted message, with a second between the steps.
func TestFates(t *testing.T) {
	const s = time.Second
	for name, test := range map[string]struct {
		fault     glifictest.ProviderFault
		last      string // of the callbacks
		steps     []time.Duration
		want      string
		delivered int
	}{
		"read":           {glifictest.ProviderFault{}, "READ", []time.Duration{s, s, s, s, time.Minute}, "null ENQUEUED SENT DELIVERED READ READ", 1},
		"never gets far": {glifictest.ProviderFault{}, "SENT", []time.Duration{s, s, time.Minute}, "null ENQUEUED SENT SENT", 1},
		"refused":        {glifictest.ProviderFault{Kind: glifictest.GupshupRefuses}, "", []time.Duration{s, time.Minute}, "null ERROR ERROR", 0},
		"failing once":   {glifictest.ProviderFault{Kind: glifictest.GupshupFails}, "", []time.Duration{s, 16 * s, s, 2 * s}, "null ERROR ERROR ENQUEUED DELIVERED", 1},
		"failing twice":  {glifictest.ProviderFault{Kind: glifictest.GupshupFails, Times: 2}, "", []time.Duration{s, 17 * s, time.Minute}, "null ERROR ERROR ERROR", 0},
		"silent":         {glifictest.ProviderFault{Kind: glifictest.GupshupTimesOut}, "", []time.Duration{s, 17 * s, 2 * s}, "null ERROR ENQUEUED DELIVERED", 1},
		"answer lost":    {glifictest.ProviderFault{Kind: glifictest.GupshupAnswerLost}, "", []time.Duration{s, 17 * s, 2 * s}, "null ERROR ENQUEUED DELIVERED", 2},
		"failing later":  {glifictest.ProviderFault{Kind: glifictest.CallbackFails, Code: 131049}, "", []time.Duration{s, s, time.Minute}, "null ENQUEUED ERROR ERROR", 0},
		"callbacks lost": {glifictest.ProviderFault{Kind: glifictest.CallbacksLost}, "", []time.Duration{s, time.Minute}, "null ENQUEUED ENQUEUED", 1},
		"out of order":   {glifictest.ProviderFault{Kind: glifictest.CallbacksReordered}, "READ", []time.Duration{s, s, s, s}, "null READ DELIVERED SENT ENQUEUED", 1},
		"twice":          {glifictest.ProviderFault{Kind: glifictest.CallbacksDoubled}, "SENT", []time.Duration{s, s, s, s}, "null ENQUEUED SENT ENQUEUED SENT", 1},
		"another phone":  {glifictest.ProviderFault{Kind: glifictest.GupshupRefuses, Phone: "1"}, "SENT", []time.Duration{s, s}, "null ENQUEUED SENT", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f, clock := clocked(t, glifictest.Options{DeliverAfter: s, CallbackAfter: s, BSPStatus: test.last})
			f.asha.InjectProvider(test.fault)
			f.send(2, f.asha.AddOptedInContact(mother, "Sita"), `["a"]`)
			f.want(f.fate(clock, test.steps...), test.want)
			copies := f.Copies()[glifictest.DeliveryKey{Organisation: "asha", Phone: mother, TemplateID: 2, Parameters: "a"}]
			if copies != test.delivered {
				t.Errorf("delivered %d times, want %d", copies, test.delivered)
			}
		})
	}
}

// errors is text that holds JSON.
func TestErrorsOfTheProvider(t *testing.T) {
	for want, fault := range map[string]glifictest.ProviderFault{
		`{\"message\":\"Template Not Found\"}`: {Kind: glifictest.GupshupRefuses, Reason: "Template Not Found"},
		`{\"payload\":{\"payload\":{\"error\":\"{:error, :timeout}\",\"reason\":\"Error sending message due to network issues or Gupshup Outage\"}}}`:                                           {Kind: glifictest.GupshupTimesOut},
		`{\"app\":\"asha\",\"payload\":{\"destination\":\"919876512345\",\"gsId\":\"gs-1\",\"payload\":{\"code\":471,\"reason\":\"Too many\"},\"type\":\"failed\"},\"type\":\"message-event\"}`: {Kind: glifictest.CallbackFails, Code: 471, Reason: "Too many"},
	} {
		f, _ := clocked(t, glifictest.Options{})
		f.asha.InjectProvider(fault)
		f.send(2, f.asha.AddOptedInContact(mother, "Sita"), `["a"]`)
		f.want(f.query(`{ message(id: 1) { message { bspStatus errors } } }`, ""), `{"data":{"message":{"message":{"bspStatus":"ERROR","errors":"`+want+`"}}}}`)
	}
}

// Some codes have effects: on the contact, or on the organisation until an hourly job.
func TestEffectsOfCodes(t *testing.T) {
	suspension := `{ organization { organization { isSuspended suspendedUntil } } }`
	for code, until := range map[int]string{
		glifictest.CodeNotOnWhatsApp: "null",
		glifictest.CodeFrequency:     "null",
		glifictest.CodeBalance:       `"2026-11-20T12:00:40Z"`,
		glifictest.CodeLimit:         `"2026-11-20T18:30:00Z"`, // midnight in India
	} {
		f, clock := clocked(t, glifictest.Options{SessionTTL: 48 * time.Hour})
		to := f.asha.AddOptedInContact(mother, "Sita")
		f.send(2, to, `["a"]`)
		if !f.asha.Callback("1", "ERROR", code, "no") || f.asha.Callback("2", "SENT", 0, "") {
			t.Error("the callback came to another message")
		}
		f.want(f.query(suspension, ""), fmt.Sprintf(`{"data":{"organization":{"organization":{"isSuspended":%t,"suspendedUntil":%s}}}}`, until != "null", until))
		c, _ := f.asha.Contact(mother)
		if gone := c.Status == "INVALID" && c.BSPStatus == "NONE" && c.OptinTime.IsZero() && c.OptoutTime.Equal(clock.Now()); gone != (code == 1002) {
			t.Errorf("code %d: %+v", code, c)
		}
		clock.Advance(3 * time.Hour) // the hourly job comes at whole hours
		suspended := until != "null"
		f.want(f.query(suspension, ""), fmt.Sprintf(`{"data":{"organization":{"organization":{"isSuspended":%t,"suspendedUntil":%s}}}}`, suspended, until))
		clock.Advance(7 * time.Hour)
		f.want(f.query(suspension, ""), `{"data":{"organization":{"organization":{"isSuspended":false,"suspendedUntil":null}}}}`)
	}
}

func TestSuspensionEndsByTheHourlyJobOnly(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{SessionTTL: 48 * time.Hour})
	f.asha.SuspendUntil(clock.Now().Add(time.Minute))
	suspended := func() string { return f.query(`{ organization { organization { isSuspended } } }`, "") }
	clock.Advance(2 * time.Minute)
	f.want(suspended(), `{"data":{"organization":{"organization":{"isSuspended":true}}}}`)
	f.asha.RunHourly()
	f.want(suspended(), `{"data":{"organization":{"organization":{"isSuspended":false}}}}`)
	f.asha.Suspend(true)
	clock.Advance(3 * time.Hour)
	f.want(suspended(), `{"data":{"organization":{"organization":{"isSuspended":true}}}}`)
}

// Messages wait for their sendAt, and for the provider's limit.
func TestWhenTheWorkerRuns(t *testing.T) {
	f, clock := clocked(t, glifictest.Options{BSPPerSecond: 2})
	f.members(5)
	send := func(i int, sendAt time.Time) {
		f.query(`mutation($i: MessageInput!) { createAndSendMessage(input: $i) { message { id } } }`,
			fmt.Sprintf(`{"i":{"isHsm":true,"templateId":2,"receiverId":"%d","params":["a"],"sendAt":%q}}`, i, sendAt.Format(time.RFC3339)))
	}
	for i := range 4 {
		send(i+1, clock.Now().Add(-time.Hour))
	}
	send(5, clock.Now().Add(time.Minute))
	var counts []int
	for _, d := range []time.Duration{0, time.Second, time.Second, 57 * time.Second, 2 * time.Second} {
		clock.Advance(d)
		counts = append(counts, len(f.Ledger()))
	}
	if d := cmp.Diff([]int{2, 4, 4, 4, 5}, counts); d != "" {
		t.Error(d)
	}
}
