package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/dispatch"
	"avni-messenger/metrics"
)

// Entries returns the lines of /health about organisations, given how their deliveries
// do. None of them is failing: a load balancer must not take the process away from
// every organisation because one is held back or paused.
func (d *directory) Entries(deliveries []dispatch.Status) []metrics.Entry {
	now := d.now.Load()
	var entries []metrics.Entry
	for _, stray := range now.strays {
		entries = append(entries, metrics.Entry{Name: "MESSENGER_ORGANISATIONS", Status: metrics.Warning, Detail: stray.Reason, Fix: stray.Fix})
	}
	for _, s := range now.standings {
		entry := s.entry()
		i := slices.IndexFunc(deliveries, func(status dispatch.Status) bool { return status.OrganisationID == s.rules.ID })
		if i >= 0 && d.guard.delivers(s) {
			describeDelivery(&entry, deliveries[i])
		}
		entries = append(entries, entry)
	}
	for _, one := range now.departed {
		entries = append(entries, one.entry())
	}
	if len(entries) == 0 {
		entries = append(entries, metrics.Entry{Name: "organisations", Status: metrics.Warning, Detail: "no organisation is served",
			Fix: "An organisation is served once it has a Glific configuration in Avni, unless MESSENGER_ORGANISATIONS or MESSENGER_MODE is none."})
	}
	return entries
}

func (s *standing) entry() metrics.Entry {
	e := metrics.Entry{Name: "organisation " + s.label(), Status: metrics.OK, Detail: fmt.Sprintf("mode %s", s.Mode)}
	switch {
	case s.Held != "":
		e.Status, e.Detail, e.Fix = metrics.Warning, fmt.Sprintf("mode %s, held back: %s", s.Mode, s.Held), s.Fix
	case s.Trouble != "":
		e.Status, e.Detail, e.Fix = metrics.Warning, fmt.Sprintf("mode %s; %s", s.Mode, s.Trouble), s.Fix
	}
	return e
}

// describeDelivery adds how the queue of an organisation does.
func describeDelivery(e *metrics.Entry, status dispatch.Status) {
	clock := func(t time.Time) string { return clock(t) }
	if status.Due > dispatch.MostCounted {
		e.Detail += fmt.Sprintf(", more than %d due", dispatch.MostCounted)
	} else {
		e.Detail += fmt.Sprintf(", %d due", status.Due)
	}
	if !status.LastSuccess.IsZero() {
		e.Detail += ", last message accepted at " + clock(status.LastSuccess)
	}
	if !status.QuietUntil.IsZero() {
		e.Detail += ", quiet hours until " + clock(status.QuietUntil)
	}
	describeReceipts(e, status.ReceiptFailures)
	if status.Trouble != "" {
		e.Status = metrics.Warning
		e.Detail += "; " + oneLine(status.Trouble)
	}
	if status.Paused != "" {
		e.Status, e.Fix = metrics.Warning, status.Paused.Advice()
		next := "with the next message"
		if !status.PausedUntil.IsZero() {
			next = "at " + clock(status.PausedUntil)
		}
		e.Detail += fmt.Sprintf("; paused since %s: %s (%s); Glific is tried again %s",
			clock(status.PausedSince), status.Paused.Text(), status.PausedFor, next)
	}
}

// describeReceipts adds what did not arrive although Glific had accepted it. It is a
// warning where others will fail as well until somebody acts: the advice is about what
// most of those messages failed for.
func describeReceipts(e *metrics.Entry, failures []dispatch.ReceiptFailure) {
	if len(failures) == 0 {
		return
	}
	total, why := 0, make([]string, len(failures))
	for i, failure := range failures {
		total += failure.Messages
		why[i] = fmt.Sprintf("%d: %s", failure.Messages, failure.Reason.Text())
		if failure.Reason.Pressing() && e.Fix == "" {
			e.Status, e.Fix = metrics.Warning, failure.Reason.Advice()
		}
	}
	e.Detail += fmt.Sprintf("; of the messages that Glific accepted in the last 24 hours %d failed (%s)", total, strings.Join(why, "; "))
}

var (
	organisationMode = prometheus.NewDesc("messenger_organisation_mode",
		"1 for the mode of an organisation.", []string{"organisation", "mode"}, nil)
	organisationHeld = prometheus.NewDesc("messenger_organisation_held",
		"Whether nothing is written and sent for an organisation although its mode says so; /health says why.", []string{"organisation"}, nil)
	organisationRefresh = prometheus.NewDesc("messenger_organisation_refresh_timestamp_seconds",
		"When the organisations and their settings were last read; absent before the first time.", nil, nil)
)

// Describe implements prometheus.Collector.
func (d *directory) Describe(descs chan<- *prometheus.Desc) {
	descs <- organisationMode
	descs <- organisationHeld
	descs <- organisationRefresh
}

// Collect implements prometheus.Collector.
func (d *directory) Collect(found chan<- prometheus.Metric) {
	if read := d.read.Load(); read != nil {
		found <- prometheus.MustNewConstMetric(organisationRefresh, prometheus.GaugeValue, float64(read.UnixMilli())/1000)
	}
	for _, s := range d.now.Load().standings {
		held := 0.0
		if s.Held != "" {
			held = 1
		}
		found <- prometheus.MustNewConstMetric(organisationMode, prometheus.GaugeValue, 1, s.label(), string(s.Mode))
		found <- prometheus.MustNewConstMetric(organisationHeld, prometheus.GaugeValue, held, s.label())
	}
}
