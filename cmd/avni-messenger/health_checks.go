package main

import (
	"context"
	"fmt"
	"strings"

	"avni-messenger/cdc"
	"avni-messenger/metrics"
)

// checks are what /health reports on. The database and the stream decide whether the
// process works at all; everything else is told, but takes no process out of service.
func (a *app) checks() []metrics.Check {
	return []metrics.Check{
		{Name: "process", Probe: a.checkProcess},
		{Name: "database", Probe: a.checkDatabase},
		{Name: "replication", Probe: a.checkReplication},
		{Name: "rules", Probe: a.checkRules},
		{Name: "held messages", Probe: a.checkHeld},
		{Name: "dispatch", Probe: a.checkDispatch},
		{Name: "organisations", Probe: a.checkOrganisations},
		{Name: "instances", Probe: a.checkInstances},
	}
}

func (a *app) checkProcess(context.Context) []metrics.Entry {
	if a.stopping.Load() {
		return []metrics.Entry{{Name: "process", Status: metrics.Failing, Detail: "stopping: what is being sent is finished first"}}
	}
	return nil
}

func (a *app) checkDatabase(ctx context.Context) []metrics.Entry {
	if waiting := a.waiting.Load(); waiting != nil {
		return []metrics.Entry{{Name: "database", Status: metrics.Failing, Detail: waiting.Detail, Fix: waiting.Fix}}
	}
	found, err := preflight(ctx, a.pool)
	if err != nil {
		reason := explain(err, a.cfg)
		return []metrics.Entry{{Name: "database", Status: metrics.Failing, Detail: reason.Detail, Fix: reason.Fix}}
	}
	return []metrics.Entry{{Name: "database", Status: metrics.OK, Detail: found.String()}}
}

func (a *app) checkReplication(ctx context.Context) []metrics.Entry {
	if a.waiting.Load() != nil {
		return []metrics.Entry{{Name: "replication", Status: metrics.Failing, Detail: "waits for the database"}}
	}
	status := a.reader.Status()
	entry := metrics.Entry{Name: "replication", Status: metrics.Failing, Detail: string(status.State)}
	switch status.State {
	case cdc.Streaming:
		entry.Status = metrics.OK
		entry.Detail = fmt.Sprintf("streaming slot %s, stored up to %s", a.cfg.Slot, status.Position)
		if !status.LastCommit.IsZero() {
			entry.Detail += ", last change committed at " + clock(status.LastCommit)
		}
		entry.Detail += kept(status)
		return append(append(append([]metrics.Entry{entry}, concernEntries(status.Watch)...), catchUpEntry(status.CatchUp)...), a.checkDetached(ctx)...)
	case cdc.Standby: // healthy: this process evaluates and delivers, another one streams
		entry.Status = metrics.OK
	}
	if status.Detail != "" {
		entry.Detail += ": " + strings.ReplaceAll(status.Detail, "\n", "; ")
	}
	entry.Detail += kept(status)
	return append([]metrics.Entry{entry}, concernEntries(status.Watch)...)
}

// kept says what the slot costs the disk of Avni's database, or did when that could be seen.
func kept(status cdc.Status) string {
	w := status.Watch
	switch {
	case !w.Exists:
		return ""
	case status.State != cdc.Streaming && status.State != cdc.Standby:
		return fmt.Sprintf(". At %s PostgreSQL kept %s of WAL for it", clock(w.At), cdc.Bytes(w.Retained))
	}
	text := fmt.Sprintf(", PostgreSQL keeps %s of WAL for it", cdc.Bytes(w.Retained))
	if w.Safe != nil {
		text += fmt.Sprintf(" and can write %s more before it is lost", cdc.Bytes(max(0, *w.Safe)))
	}
	return text
}

// concernEntries tell what may come to hurt Avni's database or the slot.
func concernEntries(w cdc.Watch) []metrics.Entry {
	var entries []metrics.Entry
	for _, concern := range w.Concerns {
		entries = append(entries, metrics.Entry{Name: "slot", Status: metrics.Warning, Detail: concern})
	}
	return entries
}

// catchUpEntry tells that messages of changes that the stream did not bring are on their way.
func catchUpEntry(c cdc.CatchUp) []metrics.Entry {
	if !c.Running {
		return nil
	}
	return []metrics.Entry{{Name: "catch-up", Status: metrics.Warning, Detail: fmt.Sprintf("changes since %s were not read (%s) and are being looked up in Avni's tables: now in %s, %d are in the inbox",
		clock(c.Since), c.Reason, c.Table, c.Rows), Fix: "Nothing is to be done; it goes on by itself."}}
}

// checkDetached reminds of what is to be done after an upgrade of Avni.
func (a *app) checkDetached(ctx context.Context) []metrics.Entry {
	note, err := cdc.Detached(ctx, a.pool, cdc.Names{Slot: a.cfg.Slot, Publication: a.cfg.Publication})
	if err != nil || note == "" { // what ails the database is told by its own check
		return nil
	}
	return []metrics.Entry{{Name: "publication", Status: metrics.Warning, Detail: note, Fix: "When the upgrade is done run avni-messenger attach."}}
}

// checkDispatch tells what is set to keep messages back.
func (a *app) checkDispatch(context.Context) []metrics.Entry {
	if notes := a.cfg.keptBack(); len(notes) > 0 {
		return []metrics.Entry{{Name: "dispatch", Status: metrics.Warning, Detail: strings.Join(notes, "; "), Fix: "Change it and restart when messages shall go out."}}
	}
	return []metrics.Entry{{Name: "dispatch", Status: metrics.OK, Detail: "on, quiet hours: " + a.cfg.QuietHours.String()}}
}

// keptBack says which settings keep messages back.
func (c Config) keptBack() (notes []string) {
	if !c.Dispatch {
		return []string{"MESSENGER_DISPATCH is off: requests wait in the queue"}
	}
	if c.DryRun {
		notes = append(notes, "MESSENGER_DRY_RUN is on: nothing is sent")
	}
	if n := len(c.TestNumbers); n > 0 {
		notes = append(notes, fmt.Sprintf("MESSENGER_TEST_NUMBERS is set: only those (%d) are ever messaged", n))
	}
	return notes
}

func (a *app) checkOrganisations(context.Context) []metrics.Entry {
	if a.waiting.Load() != nil {
		return nil // not read yet
	}
	return a.directory.Entries(a.dispatcher.Status())
}
