package main

import (
	"cmp"
	"fmt"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/common"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
)

// The colours mean the same on all boards: green is good, amber is worth a look, red is
// wrong, and blue and plain are neither.
const (
	green, amber, red = "green", "orange", "red"
	blue, pale, plain = "blue", "light-blue", "text"
)

// Those of half, 95 and 99 of 100: a longer time is not a worse one.
var ofQuantiles = []coloured{{"half", pale}, {"95 of 100", blue}, {"99 of 100", "purple"}}

// coloured is a series by its legend.
type coloured struct{ legend, colour string }

// step is a value from which on something is worth a look (amber) or wrong (red).
type step struct {
	from   float64
	colour string
}

// state is one of several that a panel of states shows by its number.
type state struct {
	number int
	text   string // "": the number itself
	colour string
}

// more makes a state hold for greater numbers too.
func (s state) more() bool { return s.text == "" }

// stateOf is an expression whose value is the number of the state that a gauge of 1 and 0
// says by its label, for each value of another label.
func stateOf(metric, label, by string, states []state) string {
	parts := make([]string, len(states))
	for i, s := range states {
		parts[i] = fmt.Sprintf(`max by (%s) (%s{,%s="%s"} == 1) * %d`, by, metric, label, strings.ReplaceAll(s.text, " ", "_"), s.number)
	}
	return strings.Join(parts, " or ")
}

// quantile is an expression for the time that a part of all took no longer than. Without
// any of them it has no value, where histogram_quantile() says NaN.
func quantile(part float64, metric string, by ...string) string {
	return fmt.Sprintf(`histogram_quantile(%g, sum by (%s) (rate(%s_bucket{}[$__rate_interval]))) >= 0`, part, strings.Join(append(by, "le"), ", "), metric)
}

// thresholds colour a figure. What is not judged is plain.
func (p panel) thresholds() *dashboard.ThresholdsConfigBuilder {
	base := p.base
	switch {
	case base == "" && len(p.steps) > 0:
		base = green
	case base == "":
		base = plain
	}
	steps := []dashboard.Threshold{{Color: base}}
	for _, s := range p.steps {
		steps = append(steps, dashboard.Threshold{Value: &s.from, Color: s.colour})
	}
	return dashboard.NewThresholdsConfigBuilder().Mode(dashboard.ThresholdsModeAbsolute).Steps(steps)
}

// mappings name the states, a figure of 0, and that there is none: which would otherwise
// be as green as all is well.
func (p panel) mappings() []dashboard.ValueMapping {
	var found []dashboard.ValueMapping
	named := map[string]dashboard.ValueMappingResult{}
	for i, s := range p.states {
		result := dashboard.ValueMappingResult{Color: &s.colour, Index: cog.ToPtr(int32(i))}
		if s.more() {
			found = append(found, dashboard.ValueMapping{RangeMap: &dashboard.RangeMap{Type: dashboard.MappingTypeRangeToText,
				Options: dashboard.DashboardRangeMapOptions{From: cog.ToPtr(float64(s.number)), Result: result}}})
			continue
		}
		result.Text = &s.text
		named[fmt.Sprint(s.number)] = result
	}
	if p.zero != "" {
		named["0"] = dashboard.ValueMappingResult{Text: &p.zero, Index: cog.ToPtr(int32(0))}
	}
	if len(named) > 0 {
		found = append(found, dashboard.ValueMapping{ValueMap: &dashboard.ValueMap{Type: dashboard.MappingTypeValueToText, Options: named}})
	}
	if p.kind == number {
		colour := cmp.Or(p.missing, plain)
		found = append(found, dashboard.ValueMapping{SpecialValueMap: &dashboard.SpecialValueMap{Type: dashboard.MappingTypeSpecialValue,
			Options: dashboard.DashboardSpecialValueMapOptions{Match: dashboard.SpecialValueMatchNullAndNan,
				Result: dashboard.ValueMappingResult{Text: cog.ToPtr(p.nothing()), Color: &colour, Index: cog.ToPtr(int32(len(named)))}}}})
	}
	return found
}

// nothing is what a panel says that has no value.
func (p panel) nothing() string {
	return cmp.Or(p.noValue, "no data")
}

func scheme(mode dashboard.FieldColorModeId) *dashboard.FieldColorBuilder {
	return dashboard.NewFieldColorBuilder().Mode(mode)
}

// legend is below the picture, or beside it where there may be dozens of series: those
// with the largest figure first.
func (p panel) legend() *common.VizLegendOptionsBuilder {
	legend := common.NewVizLegendOptionsBuilder().ShowLegend(true)
	if p.beside == "" {
		return legend.DisplayMode(common.LegendDisplayModeList).Placement(common.LegendPlacementBottom)
	}
	title := map[string]string{"lastNotNull": "Last *", "max": "Max"}[p.beside] // as Grafana names the column
	return legend.DisplayMode(common.LegendDisplayModeTable).Placement(common.LegendPlacementRight).Calcs([]string{p.beside}).SortBy(title).SortDesc(true)
}

// fixed is the colour of one series.
func fixed(colour string) []dashboard.DynamicConfigValue {
	return []dashboard.DynamicConfigValue{{Id: "color", Value: map[string]any{"mode": dashboard.FieldColorModeIdFixed, "fixedColor": colour}}}
}
