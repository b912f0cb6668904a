// Package metrics serves what avni-messenger knows about itself: /metrics for
// Prometheus, /health for people and probes, /ping for load balancers. It holds the
// registry and the figures that are read from Postgres at scrape time; every other
// metric belongs to the package that it measures.
//
// Nothing personal is ever a label: no phone number, receiver, entity or template.
package metrics

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Build says which program runs.
type Build struct {
	Version   string // a release such as 1.2.0, or what the module's build information knows
	Revision  string // the commit, or "unknown"
	GoVersion string
}

// NewRegistry returns a registry with messenger_build_info and the collectors of the
// Go runtime and the process. It is the only registry of the process; packages
// register with it through their NewMetrics.
func NewRegistry(build Build) *prometheus.Registry {
	registry := prometheus.NewRegistry()
	info := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "messenger_build_info",
		Help: "Which build runs; the value is always 1.",
	}, []string{"version", "revision", "goversion"})
	info.WithLabelValues(build.Version, build.Revision, build.GoVersion).Set(1)
	registry.MustRegister(info, collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return registry
}
