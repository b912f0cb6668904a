package page

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

func TestMaskedTexts(t *testing.T) {
	h := New(Options{Location: time.UTC, Log: slog.New(slog.DiscardHandler)})
	for text, want := range map[string]string{
		"call +91 98765-00001 now": "call …0001 now", "९८७६५०००१२": "…००१२", "request 931 at 12:00": "request 931 at 12:00",
		"2026-03-04": "2026-03-04", "due 2026-03-04 12:00:00 IST": "due 2026-03-04 12:00:00 IST", "(98765) 00001": "(…0001", "no": "no",
		"2026-11-26 98765 00001": "2026-11-26 …0001", "2026-11-26 12:00:00 98765 00001": "2026-11-26 12:00:00 …0001", "9876500001 2026-11-26": "…0001 2026-11-26",
		"98765\u00a000001": "…0001", "98765\u202f00001": "…0001", "98765–00001": "…0001", "98765/00001": "…0001", "98765, 00001": "…0001", "98765\u200b00001": "…0001",
		"98765 - 00001": "…0001", "98765. 00001": "…0001", "9812-34-5678": "…5678", "2026-11-2698765": "…8765",
		"request 12345678 of it": "request 12345678 of it", "Request 12345678: rule 601": "Request 12345678: rule 601", "as message 123456789, read": "as message 123456789, read",
		"requests 931, 935, 940": "requests 931, 935, 940", "Subject:1234567": "Subject:1234567", "rule test --rule 607 --entity 10000000-0000-4000-8000-000000001001 shows": "rule test --rule 607 --entity 10000000-0000-4000-8000-000000001001 shows",
		"request 9876500001": "request …0001", "message 98765 00001": "message …0001", "message 9876500 001": "message …0001", "LSN 0/12345678": "LSN 0/12345678",
		"request 931 2026-11-26 98765 00001": "request 931 2026-11-26 …0001",
		// Days and times as people write them.
		"26/11/2026": "26/11/2026", "on 26-11-2026.": "on 26-11-2026.", "26.11.2026": "26.11.2026", "6/1/2026, or 16/1/2026": "6/1/2026, or 16/1/2026",
		"26/11/2026 10:30": "26/11/2026 10:30", "26/11/2026, 9:30:45 AM": "26/11/2026, 9:30:45 AM", "10:30, 26/11/2026": "10:30, 26/11/2026", "26/11/2026 (10:30 - 23:59)": "26/11/2026 (10:30 - 23:59)",
		"26/11/2026 – 30/11/2026": "26/11/2026 – 30/11/2026", "due 26/11/2026 call 98765 00001": "due 26/11/2026 call …0001", "(26/11/2026)": "(26/11/2026)", "10:30 11:45": "10:30 11:45",
		// What may be part of a number is none, nor what is no day.
		"26/11/2026 98765": "…8765", "26/11/2026 9876500001": "…0001", "98765 26/11/2026": "…2026", "9 26-11-2026": "…2026", "+26-11-2026": "…2026", "+ 26/11/2026": "+ …2026", "126/11/2026": "…2026",
		"26/11/2026/98765": "…8765", "26/11/2026+98765": "…2026+98765", "26/11/20261": "…0261", "26-11-2026९": "…026९", "९26-11-2026": "…2026", "22-34-2026": "…2026", "32/11/2026": "…2026", "26/13/2026": "…2026",
		"26-11/2026": "…2026", "26.11-2026": "…2026", "26-11-2126": "…2126", "26/11/2026 24:00": "…2624:00", "26/11/2026 10:305": "…2610:305", "6-11-2026": "…2026", "6.1.2026 1": "…0261", "26 11 2026": "…2026",
		"10:30 98765 26/11/2026": "10:…2026", "26112026": "…2026", "(26)11-2026": "(…2026", "022 2611 2026": "…2026", "98.76.54.32.10": "…3210", "(022) 2345-6789": "(…6789",
	} {
		if got := h.masked(text); got != want {
			t.Errorf("%q is shown as %q, want %q", text, got, want)
		}
	}
	open := New(Options{Password: "correct horse", Location: time.UTC, Log: slog.New(slog.DiscardHandler)})
	if got := open.masked("98765 00001"); got != "98765 00001" {
		t.Errorf("with a password a number is shown as %q", got)
	}
}

// written is what people may have written anywhere, and bare the same where only a number is.
const (
	written = "Asha 2026-11-26 98765\u00a000001"
	bare    = "+919876500001"
)

// everywhere has a number in all that is of people, and great ids.
type everywhere struct{}

var (
	someone  = history.Entity{Type: "Subject", ID: 12345678, Name: written}
	standing = history.Standing{State: history.Held, Text: written, Fix: written}
)

func (everywhere) Overview(context.Context) (history.Overview, error) {
	return history.Overview{
		Rules:  []history.PausedRule{{RuleID: 12345678, Rule: written, Script: "message", Organisation: "asha", Why: written}},
		Storms: []history.StormHeld{{RuleID: 12345678, Rule: written, Organisation: "asha"}},
		Organisations: []history.OrganisationNow{{ID: 1, Name: "asha", Hold: written},
			{ID: 2, Name: "seva", Served: true, Standing: history.Served{Mode: "full", Held: written, Fix: written}}},
	}, nil
}

func (everywhere) Explain(context.Context, history.Question) (history.Explanation, error) {
	return history.Explanation{Known: true, Read: written, Phones: []string{bare}, Notes: []string{written},
		People: []history.Person{{Type: "Subject", ID: 12345678, Name: written, Organisation: "asha", Phone: bare, Note: written}},
		Stories: []history.Story{{Title: "Request 12345678: " + written, RequestID: 12345678, Organisation: "asha", RuleID: 12345678, Rule: written, Entity: someone, To: someone,
			Phone: bare, TemplateID: "7001", Parameters: []string{written}, Events: []history.Event{{What: written, Detail: written}}, Standing: standing}}}, nil
}

func (everywhere) Messages(context.Context, history.Filter) (history.Page, error) {
	m := history.Message{RequestID: 12345678, Organisation: "asha", RuleID: 12345678, Rule: written, TemplateID: "7001", Entity: history.Entity{Type: "Encounter", ID: 12345678, Name: written}, To: someone,
		Phone: bare, Parameters: []string{written}, By: written, Standing: standing}
	byHand := m
	byHand.RuleID, byHand.Rule = 0, ""
	return history.Page{Messages: []history.Message{m, byHand}}, nil
}

func (everywhere) Organisations(context.Context) ([]history.OrganisationName, error) {
	return []history.OrganisationName{{ID: 1, Name: "asha"}}, nil
}

// Without a password no number is shown whole, whatever it stands in, and every id is.
func TestNumbersAreMaskedEverywhere(t *testing.T) {
	h := New(Options{History: everywhere{}, Actions: &pressed{}, Location: time.UTC, Log: slog.New(slog.DiscardHandler),
		Health: func(context.Context) metrics.Health { return metrics.Health{Status: metrics.OK} }})
	cookie := h.door.enter(httptest.NewRequest("GET", "/", nil))
	for path, leastMasked := range map[string]int{"/": 7, "/about/Request/12345678": 14, "/messages": 14} {
		r := httptest.NewRequest("GET", path, nil)
		r.Host, r.RemoteAddr = "127.0.0.1", "127.0.0.1:4000"
		r.AddCookie(cookie)
		h.door.tell(r, told{Said: written})
		recorder := httptest.NewRecorder()
		h.ServeHTTP(recorder, r)
		body := recorder.Body.String()
		if strings.Contains(body, "98765") || strings.Contains(body, "…5678") || !strings.Contains(body, "12345678") {
			t.Errorf("%s is %d\n%s", path, recorder.Code, body)
		}
		if n := strings.Count(body, "0001"); n < leastMasked {
			t.Errorf("%s has %d masked numbers, want %d at least:\n%s", path, n, leastMasked, body)
		}
	}
}
