// Package grafana holds the dashboards; this test holds them against the rules of
// Grafana's dashboard-linter, and against what a board needs besides. That each
// expression means something is proven elsewhere, on a real Prometheus.
package grafana

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

type source struct{ Type, UID string }

type target struct {
	Datasource   source
	Expr         string
	LegendFormat string
	RefID        string
}

type panel struct {
	ID          int
	Type        string
	Title       string
	Description string
	Datasource  source
	GridPos     struct{ X, Y, W, H int }
	Targets     []target
	FieldConfig struct {
		Defaults struct {
			Unit, NoValue string
			Color         struct{ Mode string }
			Mappings      []struct {
				Type    string
				Options struct{ Match string }
			}
		}
	}
}

type variable struct {
	Name, Type, Label, AllValue string
	Query                       any
	Datasource                  source
	Multi, IncludeAll           bool
	Refresh                     int
}

type board struct {
	UID, Title, Description string
	Tags                    []string
	Editable                bool
	Panels                  []panel
	Templating              struct{ List []variable }
	Annotations             struct {
		List []struct {
			Name       string
			Datasource source
			Enable     bool
			Expr       string
		}
	}
	Links []struct {
		Type string
		Tags []string
	}
}

var promSource = source{"prometheus", "$datasource"}

// readBoards reads every board of the folder.
func readBoards(t *testing.T) map[string]board {
	t.Helper()
	files, err := filepath.Glob("dashboards/*.json")
	if err != nil {
		t.Fatal(err)
	}
	boards := map[string]board{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var b board
		if err := json.Unmarshal(text, &b); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		boards[strings.TrimSuffix(filepath.Base(file), ".json")] = b
	}
	if len(boards) != 3 {
		t.Fatalf("there are %d boards, want 3", len(boards))
	}
	return boards
}

func TestBoardsCanBeToldApart(t *testing.T) {
	for name, b := range readBoards(t) {
		if b.UID != "avni-messenger-"+name || b.Title == "" || b.Description == "" || b.Editable {
			t.Errorf("%s: uid %q, title %q, description %q, editable %v", name, b.UID, b.Title, b.Description, b.Editable)
		}
		if !slices.Contains(b.Tags, "avni-messenger") || len(b.Links) == 0 || !slices.Equal(b.Links[0].Tags, b.Tags) {
			t.Errorf("%s does not link to its sisters: tags %v, links %v", name, b.Tags, b.Links)
		}
		for _, a := range b.Annotations.List {
			if a.Name != "Annotations & Alerts" && (!a.Enable || a.Datasource != promSource) {
				t.Errorf("%s: annotation %q is not shown from the chosen source", name, a.Name)
			}
			lintExpr(t, name+": annotation "+a.Name, a.Expr)
		}
		if len(b.Annotations.List) < 2 {
			t.Errorf("%s has no annotations for restarts and releases", name)
		}
	}
}

func TestVariables(t *testing.T) {
	for name, b := range readBoards(t) {
		labels := map[string]string{"job": "Job", "instance": "Instance"}
		if name == "messages" {
			labels["organisation"] = "Organisation"
		}
		if first := b.Templating.List[0]; first.Name != "datasource" || first.Type != "datasource" || first.Label != "Data source" || first.Query != "prometheus" {
			t.Errorf("%s: the first variable is %+v, want the data source", name, first)
		}
		for _, v := range b.Templating.List[1:] {
			all := ".+"
			if v.Name == "organisation" { // which may be switched off
				all = ".*"
			}
			if v.Type != "query" || v.Label != labels[v.Name] || !v.Multi || !v.IncludeAll || v.AllValue != all || v.Datasource != promSource || v.Refresh != 2 {
				t.Errorf("%s: variable %+v is not as the linter wants it", name, v)
			}
			delete(labels, v.Name)
		}
		if len(labels) > 0 {
			t.Errorf("%s lacks variables: %v", name, labels)
		}
	}
}

var units = []string{"short", "percentunit", "bytes", "Bps", "s", "ops", "reqps", "bool_yes_no"}

func TestPanels(t *testing.T) {
	for name, b := range readBoards(t) {
		ids := map[int]bool{}
		for _, p := range b.Panels {
			where := name + ": " + p.Title
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: id %d is taken or missing", where, p.ID)
			}
			ids[p.ID] = true
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || !strings.HasSuffix(p.Description, ".") {
				t.Errorf("%s: title or description is missing: %q", where, p.Description)
			}
			if p.Datasource != promSource || len(p.Targets) == 0 {
				t.Errorf("%s: source %v, %d queries", where, p.Datasource, len(p.Targets))
			}
			if !slices.Contains(units, p.FieldConfig.Defaults.Unit) {
				t.Errorf("%s: unit %q is none that Grafana knows, or is not used here yet", where, p.FieldConfig.Defaults.Unit)
			}
			for i, target := range p.Targets {
				if target.Datasource != promSource || target.RefID != string(rune('A'+i)) || p.Type != "stat" && p.Type != "table" && target.LegendFormat == "" {
					t.Errorf("%s: query %+v lacks source, letter or legend", where, target)
				}
				lintExpr(t, where, target.Expr)
			}
		}
	}
}

// A panel without a value must not be blank, nor green as if all were well; and Grafana
// does not name states that it colours by thresholds.
func TestPanelsSayWhatIsMissing(t *testing.T) {
	for name, b := range readBoards(t) {
		for _, p := range b.Panels {
			where, defaults := name+": "+p.Title, p.FieldConfig.Defaults
			if p.Type != "row" && defaults.NoValue == "" {
				t.Errorf("%s is blank without a value", where)
			}
			var kinds []string
			for _, m := range defaults.Mappings {
				kinds = append(kinds, m.Type+m.Options.Match)
			}
			if p.Type == "stat" && !slices.Contains(kinds, "specialnull+nan") {
				t.Errorf("%s has the colour of 0 without a value: mappings %v", where, kinds)
			}
			if p.Type == "state-timeline" && (!slices.Contains(kinds, "value") || defaults.Color.Mode == "thresholds") {
				t.Errorf("%s does not name its states: mappings %v, colours by %s", where, kinds, defaults.Color.Mode)
			}
		}
	}
}

var (
	selector    = regexp.MustCompile(`\b((?:messenger|process|go)_[a-z0-9_]+)(\{[^}]*\})?(\[[^\]]*\])?`)
	rateOf      = regexp.MustCompile(`\bi?rate\((?:messenger|process|go)_[a-z0-9_]+\{[^}]*\}\[([^\]]*)\]\)`)
	aggregating = regexp.MustCompile(`\b(i?rate|increase)\($`)
)

// lintExpr checks an expression as target-job-rule, target-instance-rule,
// target-rate-interval-rule and target-counter-agg-rule do.
func lintExpr(t *testing.T, where, expr string) {
	t.Helper()
	if expr == "" {
		return
	}
	found := selector.FindAllStringSubmatchIndex(expr, -1)
	if len(found) == 0 {
		t.Errorf("%s: %s names no metric", where, expr)
	}
	for _, at := range found {
		metric, matchers := expr[at[2]:at[3]], ""
		if at[4] >= 0 {
			matchers = expr[at[4]:at[5]]
		}
		if !strings.HasPrefix(matchers, `{job=~"$job",instance=~"$instance"`) {
			t.Errorf("%s: %s is not narrowed to job and instance in %s", where, metric, expr)
		}
		if strings.HasSuffix(metric, "_total") && (at[6] < 0 || !aggregating.MatchString(expr[:at[0]])) {
			t.Errorf("%s: counter %s is shown raw in %s", where, metric, expr)
		}
	}
	for _, rate := range rateOf.FindAllStringSubmatch(expr, -1) {
		if rate[1] != "$__rate_interval" {
			t.Errorf("%s: a rate over %s instead of $__rate_interval in %s", where, rate[1], expr)
		}
	}
}

func TestGrid(t *testing.T) {
	for name, b := range readBoards(t) {
		taken := map[[2]int]string{}
		lines := map[int]int{}
		for _, p := range b.Panels {
			at := p.GridPos
			if at.X < 0 || at.W < 1 || at.H < 1 || at.X+at.W > 24 {
				t.Errorf("%s: %s is off the grid: %+v", name, p.Title, at)
			}
			for x := at.X; x < at.X+at.W; x++ {
				for y := at.Y; y < at.Y+at.H; y++ {
					if other, ok := taken[[2]int{x, y}]; ok {
						t.Fatalf("%s: %s lies over %s", name, p.Title, other)
					}
					taken[[2]int{x, y}] = p.Title
					lines[y]++
				}
			}
		}
		for y, width := range lines {
			if width != 24 {
				t.Errorf("%s: line %d is %d columns wide", name, y, width)
			}
		}
	}
}
