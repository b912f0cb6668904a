package glific_test

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestReceipts(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.messages(7)
	var ids []string
	for _, message := range m {
		sent, err := s.Send(t.Context(), message)
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, sent.MessageID)
	}
	s.asha.Callback(ids[1], "READ", 0, "")
	s.asha.Callback(ids[2], "SENT", 0, "") // Glific lets it fall back
	s.asha.Callback(ids[3], "ERROR", 1002, "Number Does Not Exists On WhatsApp")
	s.asha.Callback(ids[4], "ENQUEUED", 0, "")
	s.asha.RemoveMessage(ids[5])
	got, err := s.Receipts(t.Context(), append(ids[:6:6], "4711", "no number"))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]glific.Receipt{
		ids[0]: {Status: glific.ReceiptDelivered}, ids[1]: {Status: glific.ReceiptRead}, ids[2]: {Status: glific.ReceiptSent},
		ids[3]: {Status: glific.ReceiptError, Code: 1002, Reason: "Number Does Not Exists On WhatsApp"},
		ids[4]: {Status: glific.ReceiptEnqueued}, ids[5]: {Status: glific.ReceiptGone},
		"4711": {Status: glific.ReceiptGone}, "no number": {Status: glific.ReceiptGone},
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(glific.Receipt{}, "UpdatedAt")); d != "" {
		t.Error(d)
	}
	if at := got[ids[0]].UpdatedAt; !at.Equal(s.clock.Now()) {
		t.Errorf("updated at %s, want %s", at, s.clock.Now())
	}
	if d := cmp.Diff([]int{8}, sizes(s.server, "message")); d != "" {
		t.Error(d)
	}
}

func TestReceiptOfAMessageThatWaits(t *testing.T) {
	s := newSetup(t, glifictest.Options{DeliverAfter: time.Hour})
	sent, err := s.Send(t.Context(), s.message())
	if err != nil {
		t.Fatal(err)
	}
	got, err := s.Receipts(t.Context(), []string{sent.MessageID})
	if err != nil || got[sent.MessageID].Status != glific.ReceiptPending {
		t.Errorf("receipts are %v, %v; want it pending", got, err)
	}
}

// The provider's word about a failure comes in several forms.
func TestReasonsOfReceipts(t *testing.T) {
	for said, want := range map[string]glific.Receipt{
		`"status":"sent","bspStatus":"ERROR","errors":"{}"`:                                                                        {Status: glific.ReceiptError},
		`"status":"sent","bspStatus":"ERROR","errors":null`:                                                                        {Status: glific.ReceiptError},
		`"status":"error","bspStatus":null,"errors":"{}"`:                                                                          {Status: glific.ReceiptError},
		`"status":"sent","bspStatus":"ERROR","errors":"{\"message\":\"Template paused\"}"`:                                         {Status: glific.ReceiptError, Reason: "Template paused"},
		`"status":"sent","bspStatus":"ERROR","errors":"no JSON"`:                                                                   {Status: glific.ReceiptError, Reason: "no JSON"},
		`"status":"sent","bspStatus":"ERROR","errors":{"payload":{"payload":{"code":"131049","reason":"Frequency"}}}`:              {Status: glific.ReceiptError, Code: 131049, Reason: "Frequency"},
		`"status":"sent","bspStatus":"ERROR","errors":"{\"payload\":{\"payload\":{\"code\":471,\"reason\":\"Limit\"}}}"`:           {Status: glific.ReceiptError, Code: 471, Reason: "Limit"},
		`"status":"sent","bspStatus":"ERROR","errors":"{\"payload\":{\"payload\":{\"reason\":\"network\",\"error\":\"closed\"}}}"`: {Status: glific.ReceiptError, Reason: "network"},
		`"status":"sent","bspStatus":"DELIVERED","errors":"{\"payload\":{\"payload\":{\"code\":471,\"reason\":\"of the past\"}}}"`: {Status: glific.ReceiptDelivered},
		`"status":"sent","bspStatus":null,"errors":"{}"`:                                                                           {Status: glific.ReceiptEnqueued},
		`"status":"enqueued","bspStatus":null,"errors":"{}"`:                                                                       {Status: glific.ReceiptPending},
		`"status":"sent","bspStatus":"SEEN","errors":"{}"`:                                                                         {Status: glific.ReceiptRead},
		`"status":"sent","bspStatus":"ERROR","errors":"{\"payload\":{\"payload\":\"odd\"}}"`:                                       {Status: glific.ReceiptError, Reason: `{"payload":{"payload":"odd"}}`},
	} {
		c := newFixedAnswer(t, `{"data":{"message":{"message":{"id":"77",`+said+`}}}}`)
		got, err := c.Receipts(t.Context(), []string{"77"})
		if err != nil {
			t.Errorf("%s: %v", said, err)
		}
		if d := cmp.Diff(want, got["77"]); d != "" {
			t.Errorf("%s: %s", said, d)
		}
	}
}

// What was learnt is not lost by what was not.
func TestReceiptsInPart(t *testing.T) {
	c := newFixedAnswer(t, `{"data":{"a1":{"message":{"id":"1","bspStatus":"READ"}},"a2":null,"a3":{"message":{"id":"1","bspStatus":"READ"}}},`+
		`"errors":[{"message":"Something unexpected has happened, please","path":["a2"]}]}`)
	got, err := c.Receipts(t.Context(), []string{"1", "2", "3"})
	wantError(t, err, glific.Uncertain, glific.BadAnswer) // the third answer is about the first message
	if d := cmp.Diff(map[string]glific.Receipt{"1": {Status: glific.ReceiptRead}}, got); d != "" {
		t.Error(d)
	}
	got, err = c.Receipts(t.Context(), nil)
	if err != nil || len(got) != 0 {
		t.Errorf("nothing asked: %v, %v", got, err)
	}
}
