package dispatch

import (
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

func TestFailuresAreCountedAndShown(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	s.asha.InjectProvider(glifictest.ProviderFault{Kind: glifictest.CallbackFails, Code: 131049, Reason: "to " + ashaPhone, Times: 2})
	s.asha.InjectProvider(glifictest.ProviderFault{Kind: glifictest.GupshupRefuses, Reason: "Insufficient balance"})
	ids := s.acceptedAll(5)
	f := s.follower()
	s.lookAfter(f, firstLook)
	s.lookAfter(f, errorIsFinalAfter)
	s.lookAfter(f, time.Second) // counts
	for labels, want := range map[[2]string]float64{
		{"receipts_total", "error"}: 3, {"receipts_total", "delivered"}: 2, {"receipts_total", "sent"}: 2, {"receipts_total", "enqueued"}: 2,
		{"receipts_total", "read"}: 0, {"receipts_total", "gone"}: 0,
		{"receipt_failures_total", "frequency_cap"}: 2, {"receipt_failures_total", "no_balance"}: 1, {"receipt_failures_total", "stuck"}: 0,
	} {
		if got := s.metric(labels[0], "asha_gramin", labels[1]); got != want {
			t.Errorf("%v is %v, want %v", labels, got, want)
		}
	}
	if got := s.metric("receipts_awaited", "asha_gramin"); got != 0 {
		t.Errorf("%v messages wait for a receipt", got)
	}
	lint(t, s.registry)
	want := []ReceiptFailure{{FrequencyCap, 2}, {NoBalance, 1}}
	got := f.status().ReceiptFailures
	if len(got) != 2 || got[0] != want[0] || got[1] != want[1] {
		t.Errorf("the status shows %v, want %v", got, want)
	}
	lines := s.log.lines(t, "have failed")
	if len(lines) != 2 {
		t.Fatalf("%d messages are told of by %v", len(ids), lines)
	}
	for i, failure := range want {
		text, _ := lines[i]["msg"].(string)
		if lines[i]["reason"] != string(failure.Reason) || lines[i]["fix"] != failure.Reason.Advice() || !strings.Contains(text, failure.Reason.Text()) ||
			lines[i]["requests"] != float64(failure.Messages) || lines[i]["organisation"] != "asha_gramin" {
			t.Errorf("%s is told by %v", failure.Reason, lines[i])
		}
	}
	s.lookAfter(f, failuresFor)
	if got := f.status().ReceiptFailures; len(got) != 0 {
		t.Errorf("a day later the status shows %v", got)
	}
}
