package main

import (
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/variants"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/grafana/grafana-foundation-sdk/go/prometheus"
	"github.com/grafana/grafana-foundation-sdk/go/stat"
	"github.com/grafana/grafana-foundation-sdk/go/statetimeline"
	"github.com/grafana/grafana-foundation-sdk/go/table"
	"github.com/grafana/grafana-foundation-sdk/go/timeseries"
)

// matchers narrow every query to what is chosen at the top of the board.
const (
	matchers          = `job=~"$job",instance=~"$instance"`
	ofOrganisations   = matchers + `,organisation=~"$organisation"`
	green, amber, red = "green", "orange", "red"
)

// kind is how a panel shows its figures.
type kind int

const (
	number kind = iota // one figure, now or over the chosen time
	lines              // over time
	bars               // amounts over time, stacked
	states             // on and off over time
	rank               // a table, the largest first
)

// panel is one picture. In its queries {} stands for the matchers, {org} for those and
// the chosen organisations; further matchers go behind: {org,status="Sent"}.
type panel struct {
	kind        kind
	title       string
	description string
	unit        string
	width       uint32
	queries     []query
	steps       []step   // colours from which value on; green below
	noValue     string   // what is shown without any value
	labels      []string // columns of a rank, by label
}

type query struct{ expr, legend string }

// step is a value from which on something is worth a look (amber) or wrong (red).
type step struct {
	from   float64
	colour string
}

func (p panel) height() uint32 {
	if p.kind == number {
		return 4
	}
	return 8
}

func (p panel) builder(id uint32, at dashboard.GridPos) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case number:
		return stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).NoValue(p.noValue).Thresholds(p.thresholds()).ColorScheme(byThreshold()).
			ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Values(false)).Targets(p.targets())
	case states:
		return statetimeline.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).NoValue(p.noValue).Thresholds(p.thresholds()).ColorScheme(byThreshold()).
			ShowValue(common.VisibilityModeNever).Legend(common.NewVizLegendOptionsBuilder().ShowLegend(false)).Targets(p.targets())
	case rank:
		return table.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).NoValue(p.noValue).Targets(p.targets()).WithTransformation(p.onlyLabels())
	}
	panel := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
		Unit(p.unit).NoValue(p.noValue).Min(0).Targets(p.targets()).
		Legend(common.NewVizLegendOptionsBuilder().ShowLegend(true).DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	if p.kind == bars {
		return panel.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).
			Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	}
	if len(p.steps) > 0 {
		panel.Thresholds(p.thresholds()).ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	return panel.LineWidth(2).FillOpacity(8).ShowPoints(common.VisibilityModeNever)
}

func (p panel) targets() []cog.Builder[variants.Dataquery] {
	targets := make([]cog.Builder[variants.Dataquery], len(p.queries))
	for i, q := range p.queries {
		target := prometheus.NewDataqueryBuilder().Datasource(source).Expr(expand(q.expr)).LegendFormat(q.legend).RefId(string(rune('A' + i)))
		switch p.kind {
		case number, rank:
			target.Instant()
		default:
			target.Range()
		}
		if p.kind == rank {
			target.Format(prometheus.PromQueryFormatTable)
		}
		targets[i] = target
	}
	return targets
}

// expand puts the matchers in.
func expand(expr string) string {
	return strings.NewReplacer("{}", "{"+matchers+"}", "{,", "{"+matchers+",",
		"{org}", "{"+ofOrganisations+"}", "{org,", "{"+ofOrganisations+",").Replace(expr)
}

func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	steps := []dashboard.Threshold{{Color: green}}
	for _, s := range p.steps {
		steps = append(steps, dashboard.Threshold{Value: &s.from, Color: s.colour})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

func byThreshold() *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(dashboard.FieldColorModeIdThresholds)
}

// onlyLabels leaves the columns of a rank that say something.
func (p panel) onlyLabels() dashboard.DataTransformerConfig {
	return dashboard.DataTransformerConfig{Id: "filterFieldsByName", Options: map[string]any{
		"include": map[string]any{"names": append(p.labels, "Value")},
	}}
}
