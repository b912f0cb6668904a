package main

import (
	"testing"

	"avni-messenger/dispatch"
	"avni-messenger/metrics"
)

func TestHealthTellsWhatDidNotArrive(t *testing.T) {
	for _, row := range []struct {
		name     string
		failures []dispatch.ReceiptFailure
		want     metrics.Entry
	}{
		{"all arrived", nil, metrics.Entry{Status: metrics.OK, Detail: "mode full, 0 due"}},
		{"nobody has to act", []dispatch.ReceiptFailure{{Reason: dispatch.NotOnWhatsApp, Messages: 3}}, metrics.Entry{Status: metrics.OK,
			Detail: "mode full, 0 due; of the messages that Glific accepted in the last 24 hours 3 failed (3: the number is not on WhatsApp)"}},
		{"somebody has to act", []dispatch.ReceiptFailure{{Reason: dispatch.NotOnWhatsApp, Messages: 3}, {Reason: dispatch.NoBalance, Messages: 2}}, metrics.Entry{Status: metrics.Warning,
			Detail: "mode full, 0 due; of the messages that Glific accepted in the last 24 hours 5 failed (3: the number is not on WhatsApp; 2: " + dispatch.NoBalance.Text() + ")",
			Fix:    dispatch.NoBalance.Advice()}},
	} {
		t.Run(row.name, func(t *testing.T) {
			entry := metrics.Entry{Status: metrics.OK, Detail: "mode full"}
			describeDelivery(&entry, dispatch.Status{ReceiptFailures: row.failures})
			if entry != row.want {
				t.Errorf("health says\n%+v, want\n%+v", entry, row.want)
			}
		})
	}
}
