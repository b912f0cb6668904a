package metrics

import (
	"html"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"
)

func TestPageShowsTheStateOfEveryPart(t *testing.T) {
	for _, row := range []struct {
		status  Status
		summary string
	}{{OK, "All is well."}, {Warning, "something needs to be looked at"}, {Failing, "It does not work"}} {
		recorder := httptest.NewRecorder()
		before := time.Now().Add(-time.Second)
		writePage(recorder, Health{Status: row.status, Version: "1.2.3", Checks: []Entry{
			{Name: "database", Status: OK, Detail: "PostgreSQL 15"},
			{Name: "replication", Status: row.status, Detail: "slot <gone>", Fix: "run this"},
		}})
		body := html.UnescapeString(recorder.Body.String())
		for _, want := range []string{
			"Version 1.2.3", `<span class="state ok">ok</span>`, `<span class="state ` + string(row.status) + `">`, row.summary, "slot <gone>",
			"→ run this", `href="/health"`, `href="/metrics"`, "(" + time.Local.String() + ")",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: the page lacks %q:\n%s", row.status, want, body)
			}
		}
		found := regexp.MustCompile(`As of (\S+ \S+ \S+)`).FindStringSubmatch(body)
		if found == nil {
			t.Fatalf("the page does not say of when it is:\n%s", body)
		}
		if at, err := time.Parse("2006-01-02 15:04:05 -07:00", found[1]); err != nil || at.Before(before) || at.After(time.Now()) {
			t.Errorf("the page says that it is of %s (%v)", found[1], err)
		}
	}
}
