package main

import (
	"fmt"
	"slices"
	"time"

	"avni-messenger/internal/history"
	"avni-messenger/metrics"
)

// departed is an organisation that is not served, but was until of late: what changes
// meanwhile is not kept, and nobody would miss it in /health.
type departed struct {
	id     int32
	label  string
	reason string    // why it is not served
	since  time.Time // when this process stopped to serve it; zero: it never has
}

// unserved is an organisation that is not served for what it is in Avni, and not because
// somebody wants that.
func unserved(row organisationRow, fault *glificFault) departed {
	d := departed{id: row.ID, label: row.DBUser, reason: "it has no Glific configuration of its own"}
	switch {
	case row.Voided:
		d.reason = "the organisation is voided in Avni"
	case fault != nil:
		d.reason = fault.text
	}
	return d
}

// remember leaves of those that are not served the ones that were: by this process until
// now, or by one before it.
func (s *snapshot) remember(before *snapshot, delivered []int32, now time.Time) {
	s.departed = slices.DeleteFunc(s.departed, func(d departed) bool {
		return before.byID[d.id] == nil && before.departure(d.id) == nil && !slices.Contains(delivered, d.id)
	})
	for i := range s.departed {
		d := &s.departed[i]
		if old := before.departure(d.id); old != nil {
			d.since = old.since
		} else if before.byID[d.id] != nil {
			d.since = now
		}
	}
}

// departure is that of an organisation, nil if there is none.
func (s *snapshot) departure(id int32) *departed {
	if i := slices.IndexFunc(s.departed, func(d departed) bool { return d.id == id }); i >= 0 {
		return &s.departed[i]
	}
	return nil
}

// text says what it means that it is not served.
func (d departed) text() string {
	text := "not served, although messages of it were delivered here in the last 30 days"
	if !d.since.IsZero() {
		text = "not served any more since " + clock(d.since)
	}
	return text + ": its changes are not kept, and nothing is sent for it, because " + d.reason
}

func (d departed) fix() string {
	return fmt.Sprintf("If this is not wanted, mend it in Avni, then run %s. If it is, add %s=none to MESSENGER_ORGANISATIONS, and restart.", d.catchUp(), d.label)
}

// catchUp is the command that looks for what was not kept.
func (d departed) catchUp() string {
	since := "<when that was done>"
	if !d.since.IsZero() {
		since = d.since.Format(time.RFC3339)
	}
	return "`avni-messenger catch-up --since " + since + "`"
}

func (d departed) entry() metrics.Entry {
	return metrics.Entry{Name: "organisation " + d.label, Status: metrics.Warning, Detail: d.text(), Fix: d.fix()}
}

func (d departed) standing() history.Served {
	return history.Served{Held: d.text(), Fix: d.fix()}
}

// tellDeparted writes one line for each organisation that is not served any more, or again.
func (d *directory) tellDeparted(before, after *snapshot) {
	for _, one := range after.departed {
		if before.departure(one.id) == nil {
			d.log.Warn("organisation is not served any more: its changes are not kept", "organisation", one.label, "reason", one.reason, "fix", one.fix())
		}
	}
	for _, one := range before.departed {
		if after.byID[one.id] != nil {
			d.log.Warn("organisation is served again: what changed meanwhile was not kept", "organisation", one.label, "fix", "If messages shall come of it: "+one.catchUp()+".")
		}
	}
}
