package main

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"avni-messenger/internal/avnitest"
)

// notShown are metrics that are on no board and in no alert, with the reason.
var notShown = map[string]string{}

// comesLater are metrics without a series while all is well, with the reason.
var comesLater = map[string]string{
	"messenger_cdc_inbox_oldest_timestamp_seconds":    "nothing waits",
	"messenger_dispatch_oldest_due_timestamp_seconds": "nothing waits",
	"messenger_postgres_slot_safe_wal_bytes":          "the server has no max_slot_wal_keep_size",
	"messenger_postgres_slot_spilled_bytes_total":     "PostgreSQL makes it when something is decoded, from version 14 on",
	"messenger_rules_parity_unexplained":              "no organisation is in shadow mode",
}

// described returns the name of every metric of ours that the registry may expose.
func described(registry *prometheus.Registry) []string {
	descs := make(chan *prometheus.Desc)
	go func() {
		defer close(descs)
		registry.Describe(descs)
	}()
	name := regexp.MustCompile(`fqName: "(messenger_\w+)"`)
	var names []string
	for d := range descs {
		if found := name.FindStringSubmatch(d.String()); found != nil {
			names = append(names, found[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// shownMetrics returns the metrics of ours that boards and alerts name, by file.
func shownMetrics(t *testing.T) map[string][]string {
	t.Helper()
	files, err := filepath.Glob("../../deploy/grafana/dashboards/*.json")
	if err != nil || len(files) != 3 {
		t.Fatalf("%d boards: %v", len(files), err)
	}
	metric := regexp.MustCompile(`\bmessenger_\w+`)
	shown := map[string][]string{}
	for _, file := range append(files, "../../deploy/prometheus/rules.yaml") {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		found := metric.FindAllString(string(text), -1)
		slices.Sort(found)
		shown[filepath.Base(file)] = slices.Compact(found)
	}
	return shown
}

var ofHistogram = regexp.MustCompile(`_(bucket|sum|count)$`)

func TestEveryMetricIsShownAndThere(t *testing.T) {
	r := startApp(t, avnitest.New(t).URL())
	there := described(r.registry)
	if len(there) < 50 {
		t.Fatalf("only %d metrics", len(there))
	}
	shown := map[string]bool{}
	for file, names := range shownMetrics(t) {
		for _, name := range names {
			base := name
			if !slices.Contains(there, name) {
				base = ofHistogram.ReplaceAllString(name, "")
			}
			if shown[base] = true; !slices.Contains(there, base) {
				t.Errorf("%s shows %s, which is not there", file, name)
			}
		}
	}
	for _, name := range there {
		if _, deliberate := notShown[name]; deliberate == shown[name] {
			t.Errorf("%s is shown: %v; listed as not to be shown: %v", name, shown[name], deliberate)
		}
	}
}

// A series that comes with the first event hides that event: increase() sees none.
func TestEveryMetricIsThereFromTheStart(t *testing.T) {
	r := startApp(t, avnitest.New(t).URL(), "MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true")
	r.awaitHealth(http.StatusOK, "streaming slot")
	within(t, func() string {
		if n, err := testutil.GatherAndCount(r.registry, "messenger_organisation_foreign_writes_total", "messenger_dispatch_deliveries_total"); err != nil || n != 6 {
			return "the organisations are not begun"
		}
		return ""
	})
	families, err := r.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range described(r.registry) {
		begun := slices.ContainsFunc(families, func(f *dto.MetricFamily) bool { return f.GetName() == name })
		if _, later := comesLater[name]; !begun && !later {
			t.Errorf("%s has no series", name)
		}
	}
	problems, err := testutil.GatherAndLint(r.registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, label := range m.GetLabel() {
				if !slices.Contains(closedLabels, label.GetName()) && strings.HasPrefix(family.GetName(), "messenger_") {
					t.Errorf("%s has the label %s", family.GetName(), label.GetName())
				}
			}
		}
	}
}

// closedLabels are the labels that there may be. The values of all but organisation and
// slot are known beforehand.
var closedLabels = []string{"organisation", "slot", "version", "revision", "goversion", "table", "op", "state", "status", "reason", "cause", "mode",
	"phase", "outcome", "operation", "code", "kind", "verdict"}
