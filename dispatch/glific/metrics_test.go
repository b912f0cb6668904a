package glific_test

import (
	"testing"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

func TestMetrics(t *testing.T) {
	reg := prometheus.NewRegistry()
	metrics := glific.NewMetrics(reg)
	before, err := testutil.GatherAndCount(reg)
	if err != nil {
		t.Fatal(err)
	}
	s := newSetup(t, glifictest.Options{})
	c := s.client(glific.Options{Metrics: metrics})
	m := s.message()
	if _, err := c.Send(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	s.asha.Suspend(true)
	_, err = c.Send(t.Context(), m)
	wantError(t, err, glific.Wait, glific.OrganisationSuspended)
	s.asha.SetPassword("another")
	s.asha.RevokeSessions()
	_, err = c.Send(t.Context(), m)
	wantError(t, err, glific.Wait, glific.WrongPassword)

	for name, want := range map[[2]string]float64{
		{"login", "ok"}:                      1,
		{"login", "wrong_password"}:          1,
		{"send", "ok"}:                       1,
		{"send", "organisation_suspended"}:   1,
		{"contact_by_phone", "ok"}:           0,
		{"send", "connection_lost"}:          0,
		{"find_sent", "organisation_unseen"}: -1,
	} {
		if got := counterValue(t, reg, name[0], name[1]); got != want {
			t.Errorf("%s %s is %v, want %v", name[0], name[1], got, want)
		}
	}
	after, err := testutil.GatherAndCount(reg)
	if err != nil || after != before {
		t.Errorf("%d series, %v; want the %d there were at the start", after, err, before)
	}
	if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// counterValue is a series of messenger_glific_requests_total; -1 if there is none.
func counterValue(t *testing.T, reg *prometheus.Registry, operation, code string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "messenger_glific_requests_total" && labels["operation"] == operation && labels["code"] == code {
				return m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// A call is counted once, with however many others it went in a request.
func TestMetricsOfCallsThatGoTogether(t *testing.T) {
	reg := prometheus.NewRegistry()
	s := newSetup(t, glifictest.Options{})
	m := s.messages(7)
	m[2].Parameters = nil
	p := s.party(glific.Options{Metrics: glific.NewMetrics(reg)})
	sent, _ := p.sendTogether(t, m)
	if _, err := p.Receipts(t.Context(), []string{sent[0].MessageID, sent[1].MessageID, "4711"}); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[[2]string]float64{{"send", "ok"}: 6, {"send", "parameter_count"}: 1, {"receipts", "ok"}: 1} {
		if got := counterValue(t, reg, name[0], name[1]); got != want {
			t.Errorf("%s %s is %v, want %v", name[0], name[1], got, want)
		}
	}
	for operation, want := range map[string]float64{"send": 7, "receipts": 3, "find_sent": 0} {
		if got := callsOf(t, reg, operation); got != want {
			t.Errorf("%v calls in requests to %s, want %v", got, operation, want)
		}
	}
}

// callsOf is the sum of messenger_glific_request_calls of an operation.
func callsOf(t *testing.T, reg *prometheus.Registry, operation string) float64 {
	t.Helper()
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == "messenger_glific_request_calls" && m.GetLabel()[0].GetValue() == operation {
				return m.GetHistogram().GetSampleSum()
			}
		}
	}
	return -1
}
