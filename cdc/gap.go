package cdc

import (
	"fmt"
	"slices"
)

// cause is why changes were not read and will not come any more. It is a metric label,
// and the reason of a row in messenger.gap.
type cause string

const (
	causeWALRemoved         cause = "wal_removed"         // the slot needed more than max_slot_wal_keep_size
	causeSlotMissing        cause = "slot_missing"        // dropped, or the server was promoted without it
	causeSlotMoved          cause = "slot_moved"          // beyond the stored position
	causeSlotUnreadable     cause = "slot_unreadable"     // PostgreSQL refuses to decode it, or what it brings cannot be understood
	causePublicationMissing cause = "publication_missing" // what is in the WAL cannot be decoded without it
	causePublicationChanged cause = "publication_changed" // altered and mended, or dropped and made anew
	causeOtherServer        cause = "other_server"        // the position is no place on this server
)

var causes = []cause{causeWALRemoved, causeSlotMissing, causeSlotMoved, causeSlotUnreadable,
	causePublicationMissing, causePublicationChanged, causeOtherServer}

// gap reports why the stream cannot go on where it stopped, or nil. Nothing is ever
// skipped silently: repair looks it up.
func (in Inspection) gap(names Names) error {
	slot, position := in.Slot, in.Position
	switch {
	case slot.Exists && (slot.Plugin != outputPlugin || slot.Database != in.Database):
		return misconfigured(fmt.Errorf("slot %q belongs to something else (plugin %q, database %q): choose another name with MESSENGER_SLOT",
			names.Slot, slot.Plugin, slot.Database))
	case position.SystemIdentifier != 0 && in.SystemIdentifier != 0 && !in.sameServer():
		return in.lost(causeOtherServer, "the stored position belongs to another server (system identifier %d, this one has %d): "+
			"the database was restored or upgraded", position.SystemIdentifier, in.SystemIdentifier)
	case in.Timeline != 0 && in.Timeline < position.Timeline:
		// A standby that became the server goes on in a new timeline, and the position with
		// it: what had not reached it has not moved the position either. None goes back.
		return in.lost(causeOtherServer, "the stored position belongs to timeline %d, and this server is on %d: it comes from another server", position.Timeline, in.Timeline)
	case position.Exists && !in.InRecovery && position.LSN > in.WrittenLSN:
		return in.lost(causeOtherServer, "the stored position is beyond the end of this server's WAL (%s): it comes from another server", in.WrittenLSN)
	case slot.WALStatus == "lost":
		return in.invalidated(names)
	case slot.Exists && !in.Publication.Exists:
		return in.lost(causePublicationMissing, "publication %q is missing while slot %q exists, so what is in the WAL cannot be read", names.Publication, names.Slot)
	case in.altered() && in.Publication.Exists:
		return in.lost(causePublicationChanged, "publication %q was altered, or dropped and made anew, and may have missed what was changed meanwhile", names.Publication)
	case position.Exists && !slot.Exists:
		return in.lost(causeSlotMissing, "slot %q is missing: it was dropped, or this server was promoted without it", names.Slot)
	case position.Exists && slot.ConfirmedLSN > position.LSN:
		return in.lost(causeSlotMoved, "slot %q stands at %s, beyond the stored position: something else has read or moved it, or schema messenger was restored from a backup",
			names.Slot, slot.ConfirmedLSN)
	}
	return nil
}

// invalidated says why PostgreSQL has given the slot up.
func (in Inspection) invalidated(names Names) error {
	switch why := in.Slot.Invalidation; {
	case why == "idle_timeout":
		return in.lost(causeSlotUnreadable, "PostgreSQL has given slot %q up, since nobody had read it for longer than idle_replication_slot_timeout (%s)", names.Slot, in.IdleSlotTimeout)
	case why != "" && why != "wal_removed":
		return in.lost(causeSlotUnreadable, "PostgreSQL has given slot %q up (invalidation_reason is %s)", names.Slot, why)
	case in.Slot.conflicts():
		return in.lost(causeSlotUnreadable, "PostgreSQL has given slot %q up, since it was in the way of recovery on a standby", names.Slot)
	case in.MaxSlotWALKeep != nil && *in.MaxSlotWALKeep >= 0:
		return in.lost(causeWALRemoved, "PostgreSQL has removed WAL that slot %q still needed (wal_status is lost: max_slot_wal_keep_size, %s, was exceeded)",
			names.Slot, Bytes(*in.MaxSlotWALKeep<<20))
	}
	return in.lost(causeWALRemoved, "WAL that slot %q still needed is not there any more (wal_status is lost)", names.Slot)
}

// conflicts says whether the slot was in the way of recovery on a standby. PostgreSQL 16
// says "conflicting" of every slot that it has given up, and takes restart_lsn away if it
// was for its WAL (slot.c, InvalidatePossiblyObsoleteSlot). Later ones have a reason.
func (s SlotState) conflicts() bool { return s.Conflicting && s.RestartLSN != 0 }

// lost says what happened and what that means. Without a stored position nothing is
// known about what was read, so that somebody has to decide.
func (in Inspection) lost(c cause, format string, args ...any) error {
	what := fmt.Errorf(format, args...)
	p := in.Position
	if !p.Exists {
		return &trouble{state: SlotLost, reason: reasonLost, err: fmt.Errorf("%w. No change was read yet. To begin from now, stop avni-messenger, "+
			"run `avni-messenger teardown` and `avni-messenger setup` with its environment, and start it", what)}
	}
	last := ""
	if !p.CommittedAt.IsZero() {
		last = fmt.Sprintf(" (the last one read was committed at %s)", clock(&p.CommittedAt, ""))
	}
	return &trouble{state: SlotLost, reason: reasonLost, cause: c,
		err: fmt.Errorf("%w. Changes after %s%s have not been read: `avni-messenger run` makes a new slot and looks them up in Avni's tables", what, p.LSN, last)}
}

// wrongShape reports a publication that differs from what Setup makes.
func (in Inspection) wrongShape(names Names, fatalOnly bool) error {
	text := fmt.Sprintf("publication %q is not as it must be: %s", names.Publication, describe(in.Publication.Differences, fatalOnly))
	if slices.ContainsFunc(in.Publication.Differences, func(d Difference) bool { return d.gone }) {
		return misconfigured(&Problem{text, "Nothing is skipped meanwhile: " + bringBack})
	}
	return misconfigured(&Problem{text, "Run `" + mendPublicationSQL(names, in) + "` as its owner or as a superuser"})
}
