package metrics

import (
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// openLabel is the one label whose values are not known beforehand.
const openLabel = "organisation"

// WithoutOrganisations gathers the same without the label organisation: for those with
// so many of them that their Prometheus would suffer. What differs in nothing else is
// added up. Of timestamps the earliest counts, of those of what happened last the latest.
func WithoutOrganisations(from prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		families, err := from.Gather()
		for _, family := range families {
			merge(family)
		}
		return families, err
	})
}

// merge leaves one metric of those of a family that differ in the open label only.
func merge(family *dto.MetricFamily) {
	byLabels := map[string]*dto.Metric{}
	var left []*dto.Metric
	for _, m := range family.GetMetric() {
		open := slices.IndexFunc(m.GetLabel(), func(l *dto.LabelPair) bool { return l.GetName() == openLabel })
		if open < 0 {
			return // no metric of the family has it
		}
		m.Label = slices.Delete(slices.Clone(m.GetLabel()), open, open+1) // the registry keeps its own
		key := labelKey(m.GetLabel())
		if same, ok := byLabels[key]; ok {
			addTo(same, m, family.GetName())
			continue
		}
		byLabels[key] = m
		left = append(left, m)
	}
	family.Metric = left
}

func labelKey(labels []*dto.LabelPair) string {
	var key strings.Builder
	for _, l := range labels {
		key.WriteString(l.GetName() + "\x00" + l.GetValue() + "\x00")
	}
	return key.String()
}

// added is what two values of a metric of this name are together.
func added(name string, a, b float64) float64 {
	switch {
	case !strings.HasSuffix(name, "_timestamp_seconds"):
		return a + b
	case strings.Contains(name, "_last_"):
		return max(a, b)
	}
	return min(a, b)
}

// addTo adds a counter or a gauge to another; nothing else has the open label.
func addTo(sum, m *dto.Metric, name string) {
	switch {
	case sum.Counter != nil:
		*sum.Counter.Value = added(name, sum.GetCounter().GetValue(), m.GetCounter().GetValue())
	case sum.Gauge != nil:
		*sum.Gauge.Value = added(name, sum.GetGauge().GetValue(), m.GetGauge().GetValue())
	}
}
