//go:build monitoring

package main

import (
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// boardQuery is one expression of a dashboard.
type boardQuery struct{ where, expr string }

// boardChoice is what can be chosen at the top of a dashboard: a label_values() query.
type boardChoice struct{ where, name, query string }

type grafanaBoard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr, LegendFormat string }
	}
	Templating struct {
		List []struct{ Type, Name, Query string }
	}
	Annotations struct {
		List []struct{ Name, Expr string }
	}
}

// readBoards returns every expression and every choice of every dashboard.
func readBoards(t testing.TB) (queries []boardQuery, choices []boardChoice) {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d boards: %v", len(files), err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var board grafanaBoard
		if err := json.Unmarshal(text, &board); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		for _, panel := range board.Panels {
			for _, target := range panel.Targets {
				queries = append(queries, boardQuery{strings.TrimSuffix(name+": "+panel.Title+": "+target.LegendFormat, ": "), target.Expr})
			}
		}
		for _, annotation := range board.Annotations.List {
			if annotation.Expr != "" {
				queries = append(queries, boardQuery{name + ": annotation " + annotation.Name, annotation.Expr})
			}
		}
		for _, variable := range board.Templating.List {
			if variable.Type == "query" {
				choices = append(choices, boardChoice{name, variable.Name, variable.Query})
			}
		}
	}
	return queries, choices
}

// rateInterval is Grafana's $__rate_interval of a data source that says that it scrapes
// every 5 seconds: wide enough for what happens at a restart to be in it.
const rateInterval = "20s"

// interpolate puts in what Grafana does: the choices, as regular expressions, and times.
func interpolate(expr, organisation string, since time.Time) string {
	return strings.NewReplacer("$job", ".+", "$instance", ".+", "$organisation", organisation, "$__rate_interval", rateInterval,
		"$__range", fmt.Sprintf("%ds", int(time.Since(since).Seconds())+1)).Replace(expr)
}

// mayBeEmpty are the queries without a value in the test's story, with the reason.
var mayBeEmpty = map[string]string{
	"pipeline: Trouble: dropped to save Avni's disk": "a slot is dropped after two looks of 10 s without progress; package cdc proves the figure",
}

// provesBoards evaluates everything that the dashboards ask: nothing is an error, and
// everything had a value at some time since the start.
func (p *prometheusServer) provesBoards(t *testing.T) {
	t.Helper()
	queries, choices := readBoards(t)
	if len(queries) < 80 || len(choices) < 7 {
		t.Fatalf("the boards have only %d queries and %d choices", len(queries), len(choices))
	}
	empty := map[string]bool{}
	for _, q := range queries {
		for _, organisation := range []string{".*", "(asha_gramin|seva_nepal)"} {
			found, err := p.whole(interpolate(q.expr, organisation, p.began))
			if err != nil {
				t.Errorf("%s: %v: %s", q.where, err, q.expr)
			}
			if _, may := mayBeEmpty[q.where]; len(found) == 0 && !may {
				t.Errorf("%s: never had a value: %s", q.where, interpolate(q.expr, organisation, p.began))
			} else if len(found) == 0 {
				empty[q.where] = true
			}
		}
		if strings.Contains(q.expr, "$") && strings.Contains(interpolate(q.expr, "x", p.began), "$") {
			t.Errorf("%s: a variable is left that the test does not know: %s", q.where, q.expr)
		}
	}
	for where := range mayBeEmpty {
		if !empty[where] {
			t.Errorf("%s has a value, or is not there: it need not be listed", where)
		}
	}
	for _, choice := range choices {
		if values := p.values(t, choice); len(values) == 0 {
			t.Errorf("%s: nothing can be chosen as %s: %s", choice.where, choice.name, choice.query)
		}
	}
}

var labelValues = regexp.MustCompile(`^label_values\((.+), (\w+)\)$`)

// values are what Grafana offers for a choice.
func (p *prometheusServer) values(t *testing.T, choice boardChoice) (values []string) {
	t.Helper()
	parts := labelValues.FindStringSubmatch(choice.query)
	if parts == nil {
		t.Fatalf("%s: %s is no label_values()", choice.where, choice.query)
	}
	if err := p.ask("label/"+parts[2]+"/values", url.Values{"match[]": {interpolate(parts[1], ".*", p.began)}}, &values); err != nil {
		t.Errorf("%s: %s: %v", choice.where, choice.query, err)
	}
	return values
}

// figure is what a panel that shows one figure shows now; -1: nothing.
func (p *prometheusServer) figure(t *testing.T, title string) float64 {
	t.Helper()
	queries, _ := readBoards(t)
	for _, q := range queries {
		if q.where != title {
			continue
		}
		found, err := p.instant(interpolate(q.expr, ".*", p.began))
		if err != nil || len(found) > 1 {
			t.Fatalf("%s: %d values, %v", title, len(found), err)
		}
		if len(found) == 1 {
			return found[0].values[0]
		}
		return -1
	}
	t.Fatalf("no board has a panel %q", title)
	return -1
}

// told are the series of what both of two processes tell, by panel: what is read from the
// database, and what is the same for all. They end with what they are about.
func (p *prometheusServer) told(t *testing.T) map[string]float64 {
	t.Helper()
	told := map[string]float64{}
	queries, _ := readBoards(t)
	for _, title := range toldTwice {
		n := len(told)
		for _, q := range queries {
			if q.where != title && !strings.HasPrefix(q.where, title+": ") {
				continue
			}
			found, err := p.instant(interpolate(q.expr, ".*", p.began))
			if err != nil {
				t.Fatalf("%s: %v", q.where, err)
			}
			for _, s := range found {
				delete(s.labels, "instance")
				told[fmt.Sprint(q.where, " ", s.labels)] += s.values[0]
			}
		}
		if len(told) == n {
			t.Errorf("%s shows nothing", title)
		}
	}
	return told
}

// toldTwice are the panels on figures that each process has of the same database, and that do
// not move while nothing happens.
var toldTwice = []string{
	"messages: Held or paused", "messages: Organisations served", "messages: Paused rule scripts", "messages: Held: too many at once",
	"messages: In Avni's queue", "messages: Not heard of yet", "messages: State of each organisation", "messages: Unexplained differences",
	"pipeline: Inbox", "pipeline: Rules",
}
