package dispatch

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

func TestPreview(t *testing.T) {
	s := newStage(t)
	s.asha.AddTemplate(glifictest.Template{ID: 7020, Body: "{{1}}", Status: "REJECTED"})
	p := Preview{Pool: s.db.Pool(), Organisation: s.organisations[0]}
	for _, row := range []struct {
		kind string
		id   int64
		want string
	}{
		{"Subject", 1001, "…0001"},
		{"Subject", 1003, string(NoPhone)},
		{"Subject", 1005, string(Withdrawn)},
		{"Subject", 1006, string(InvalidPhone)},
		{"Subject", 1101, string(Withdrawn)}, // another organisation's
		{"User", 202, "…3210"},
		{"User", 203, string(NoPhone)},
	} {
		number, err := p.Number(t.Context(), row.kind, row.id)
		got := number.String()
		var refusal *Refusal
		if errors.As(err, &refusal) {
			got = string(refusal.Reason)
		}
		if got != row.want {
			t.Errorf("%s %d: %s, %v; want %s", row.kind, row.id, got, err, row.want)
		}
	}
	for _, row := range []struct {
		id         string
		parameters int
		body       string
		refused    Reason
	}{
		{"7001", 2, "Welcome {{1}} of {{2}}", ""},
		{"7001", 1, "Welcome {{1}} of {{2}}", ParameterCount},
		{"7010", 1, "Look: {{1}}", MediaTemplate},
		{"7020", 1, "{{1}}", TemplateNotApproved},
		{"4711", 1, "", TemplateNotFound},
	} {
		got, refusal, err := p.Template(t.Context(), row.id, row.parameters, glific.Options{})
		if err != nil || got.Body != row.body || (refusal == nil) != (row.refused == "") || refusal != nil && refusal.Reason != row.refused {
			t.Errorf("template %s with %d: %+v, %v, %v", row.id, row.parameters, got, refusal, err)
		}
	}
	var refusal *Refusal
	if _, _, err := p.Template(t.Context(), "welcome", 1, glific.Options{}); !errors.As(err, &refusal) || refusal.Reason != TemplateInvalid {
		t.Errorf("a template whose id is no number: %v", err)
	}
	for _, r := range s.glific.Requests() {
		if strings.Contains(r.Body, "mutation") {
			t.Errorf("Glific was asked to change something: %s", r.Body)
		}
	}
}

func TestFill(t *testing.T) {
	for body, want := range map[string]string{
		"{{1}}, {{2}} and {{1}} again": "Asha, {{1}} and Asha again", // a parameter is not looked at for placeholders
		"{{3}} {{0}} {{x}} {1}":        "{{3}} {{0}} {{x}} {1}",
		"{{99999999999999999999}}":     "{{99999999999999999999}}",
	} {
		if got := Fill(body, []string{"Asha", "{{1}}"}); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestRefuseParameterNamesItsNumber(t *testing.T) {
	for text, want := range map[string]string{
		"\u00a0":            "bad_parameter: parameter 3 is empty",
		"undefined":         `bad_parameter: parameter 3 is "undefined"`,
		"on Invalid date":   `bad_parameter: parameter 3 contains "Invalid date"`,
		"hi @Contact.name":  "parameter_expands: parameter 3 contains @contact.",
		"undefined village": "",
	} {
		got := ""
		if refusal := RefuseParameter(3, text); refusal != nil {
			got = fmt.Sprintf("%s: %s", refusal.Reason, refusal.Detail)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestHold(t *testing.T) {
	for reason, settings := range map[Reason]Settings{
		"": {}, DryRun: {DryRun: true}, NotTestNumber: {TestNumbers: []Phone{"919876500002"}},
	} {
		refusal := settings.Hold("919876500001")
		if (refusal == nil) != (reason == "") || refusal != nil && refusal.Reason != reason {
			t.Errorf("%+v: %v, want %q", settings, refusal, reason)
		}
	}
}
