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
	matchers        = `job=~"$job",instance=~"$instance"`
	ofOrganisations = matchers + `,organisation=~"$organisation"`
)

// orZero is the value of a figure of which nothing was counted, while the program runs:
// when it does not, there shall be no value, and no 0.
const orZero = ` or 0 * max(messenger_build_info{})`

// kind is how a panel shows its figures.
type kind int

const (
	number kind = iota // one figure, now or over the chosen time
	lines              // over time
	bars               // amounts over time, stacked
	states             // which of several states, over time
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
	tall        uint32 // in lines of the grid; 0: as usual
	queries     []query
	steps       []step     // colours from which value on
	base        string     // the colour below; "": green, or plain without steps
	missing     string     // the colour of noValue; "": plain
	zero        string     // what is shown for 0; "": 0
	noValue     string     // what is shown without any value; "": no data
	fractions   bool       // amounts need not be whole
	colours     []coloured // of series whose legend means something good or bad
	beside      string     // what the legend beside the picture says of each series; "": it is below it
	states      []state
	columns     []column // of a rank
}

type query struct{ expr, legend string }

// column is a label of a rank, or its Value, under a headline.
type column struct{ label, title string }

func (p panel) height() uint32 {
	switch {
	case p.tall > 0:
		return p.tall
	case p.kind == number:
		return 4
	}
	return 8
}

func (p panel) builder(id uint32, at dashboard.GridPos) cog.Builder[dashboard.Panel] {
	switch p.kind {
	case number:
		panel := stat.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).NoValue(p.nothing()).Mappings(p.mappings()).Thresholds(p.thresholds()).ColorScheme(scheme(dashboard.FieldColorModeIdThresholds)).
			ColorMode(common.BigValueColorModeValue).GraphMode(common.BigValueGraphModeNone).
			ReduceOptions(common.NewReduceDataOptionsBuilder().Calcs([]string{"lastNotNull"}).Values(false)).Targets(p.targets())
		if p.whole() {
			panel.Decimals(0)
		}
		return panel
	case states:
		// By thresholds Grafana would put "< 1" and "1+" in place of the names of states.
		return statetimeline.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).Decimals(0).NoValue(p.nothing()).Mappings(p.mappings()).ColorScheme(scheme(dashboard.FieldColorModeIdFixed).FixedColor(plain)).
			PerPage(12).ShowValue(common.VisibilityModeAuto).Targets(p.targets()).
			Legend(p.legend()).
			Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeSingle).Sort(common.SortOrderNone))
	case rank:
		return table.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
			Unit(p.unit).Decimals(0).NoValue(p.nothing()).Targets(p.targets()).Transformations(p.onlyColumns())
	}
	return p.overTime(id, at)
}

func (p panel) overTime(id uint32, at dashboard.GridPos) cog.Builder[dashboard.Panel] {
	panel := timeseries.NewPanelBuilder().Id(id).Title(p.title).Description(p.description).Datasource(source).GridPos(at).
		Unit(p.unit).NoValue(p.nothing()).Min(0).Targets(p.targets()).ColorScheme(scheme(dashboard.FieldColorModeIdPaletteClassic)).
		Legend(p.legend()).
		Tooltip(common.NewVizTooltipOptionsBuilder().Mode(common.TooltipDisplayModeMulti).Sort(common.SortOrderDescending))
	for _, c := range p.colours {
		panel.OverrideByName(c.legend, fixed(c.colour))
	}
	if p.whole() {
		panel.Decimals(0)
	}
	if p.counts() { // wide enough to be seen, and for $__rate_interval not to count the same several times
		panel.Interval("1m").MaxDataPoints(120)
	}
	if p.kind == bars {
		return panel.DrawStyle(common.GraphDrawStyleBars).FillOpacity(80).LineWidth(0).BarAlignment(common.BarAlignmentBefore).BarWidthFactor(0.9).
			Stacking(common.NewStackingConfigBuilder().Mode(common.StackingModeNormal).Group("A"))
	}
	if len(p.steps) > 0 {
		panel.Thresholds(p.thresholds()).ThresholdsStyle(common.NewGraphThresholdsStyleConfigBuilder().Mode(common.GraphThresholdsStyleModeDashed))
	}
	return panel.LineWidth(2).FillOpacity(8).ShowPoints(common.VisibilityModeNever)
}

// counts reports whether the figures are those of a piece of time, which they grow with.
func (p panel) counts() bool { return strings.Contains(p.queries[0].expr, "increase(") }

// whole reports whether there is no half of what is shown; increase() makes some.
func (p panel) whole() bool { return p.unit == "short" && !p.fractions }

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

// onlyColumns leaves the columns of a rank that say something, in their order.
func (p panel) onlyColumns() []dashboard.DataTransformerConfig {
	var labels []string
	order, titles := map[string]int{}, map[string]string{}
	for i, c := range p.columns {
		labels = append(labels, c.label)
		order[c.label], titles[c.label] = i, c.title
	}
	return []dashboard.DataTransformerConfig{
		{Id: "filterFieldsByName", Options: map[string]any{"include": map[string]any{"names": labels}}},
		{Id: "organize", Options: map[string]any{"indexByName": order, "renameByName": titles}},
	}
}
