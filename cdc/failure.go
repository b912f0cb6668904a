package cdc

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// trouble is why there is no stream, sorted by what is to be done about it.
type trouble struct {
	state  State // that the reader is in because of it
	reason reason
	err    error
	// cause is set if changes were lost that repair can look up; streamed, if only the
	// stream itself could tell.
	cause    cause
	streamed bool
}

func (t *trouble) Error() string { return t.err.Error() }
func (t *trouble) Unwrap() error { return t.err }

// reason is why a stream ended or did not begin. It is a metric label.
type reason string

const (
	reasonBusy          reason = "busy"          // another session reads the slot
	reasonFenced        reason = "fenced"        // another reader has taken the position over
	reasonLost          reason = "slot_lost"     // changes are missing: somebody has to decide
	reasonGuard         reason = "slot_dropped"  // we dropped the slot, which kept too much WAL
	reasonMisconfigured reason = "misconfigured" // a setting, grant or name is wrong
	reasonShutdown      reason = "shutdown"      // PostgreSQL is stopping or starting
	reasonSilent        reason = "silent"        // nothing came for too long
	reasonHung          reason = "hung"          // the loop did not come round
	reasonUnreadable    reason = "unreadable"    // a message that we do not understand
	reasonConnection    reason = "connection"    // anything else: try again
	reasonStopped       reason = "stopped"       // we were told to stop
)

var reasons = []reason{reasonBusy, reasonFenced, reasonLost, reasonGuard, reasonMisconfigured, reasonShutdown,
	reasonSilent, reasonHung, reasonUnreadable, reasonConnection, reasonStopped}

func misconfigured(err error) error {
	return &trouble{state: Misconfigured, reason: reasonMisconfigured, err: err}
}

// unreadable reports a message of the stream that does not say what we need. Nothing is
// skipped. A column that was away is repaired when it is back.
func unreadable(err error) error {
	t := &trouble{state: Stuck, reason: reasonUnreadable, err: fmt.Errorf("a message of the stream cannot be understood, and none is skipped: %w", err)}
	var away *columnAway
	var open *undecided
	switch {
	case errors.As(err, &open):
		return open
	case errors.As(err, &away):
		t.cause, t.streamed = causeSlotUnreadable, true
	default:
		t.err = fmt.Errorf("%w. A newer version of avni-messenger may understand it. To go on without what the stream holds, stop avni-messenger, "+
			"run `avni-messenger teardown` and `avni-messenger setup` with its environment, start it, and look the changes up with `avni-messenger catch-up --since`", t.err)
	}
	return t
}

// classify is the package's, with advice for the role that the reader connects as.
func (r *Reader) classify(err error) *trouble {
	return classify(err, SetupAdvice(r.options.Pool.Config().ConnConfig.User, r.names))
}

// classify sorts any error by SQLSTATE (PostgreSQL documentation, appendix A). The
// advice is for a right that is missing.
func classify(err error, advice string) *trouble {
	err = brief(err)
	var known *trouble
	if errors.As(err, &known) {
		return &trouble{state: known.state, reason: known.reason, err: err, cause: known.cause, streamed: known.streamed}
	}
	var pgErr *pgconn.PgError
	if !errors.As(err, &pgErr) {
		return &trouble{state: Connecting, reason: reasonConnection, err: fmt.Errorf("%w; trying again", err)}
	}
	switch code := pgErr.Code; {
	case strings.HasPrefix(code, "57P"):
		return &trouble{state: Connecting, reason: reasonShutdown, err: fmt.Errorf("PostgreSQL ended the connection: %w; trying again", err)}
	case strings.HasPrefix(code, "28"), code == "3D000":
		return &trouble{state: Misconfigured, reason: reasonMisconfigured, err: fmt.Errorf("PostgreSQL refuses the login: %w. "+
			"Check MESSENGER_DATABASE_URL and pg_hba.conf (a logical replication connection needs a line for the database itself)", err)}
	case code == "42501":
		return &trouble{state: Misconfigured, reason: reasonMisconfigured, err: fmt.Errorf("a right is missing: %w. To mend it, %s", err, advice)}
	case code == "42P01", code == "42703", code == "3F000":
		return &trouble{state: Misconfigured, reason: reasonMisconfigured, err: fmt.Errorf("the database is not set up: %w. To mend it, %s", err, runSetup)}
	case code == "53300":
		return &trouble{state: Misconfigured, reason: reasonMisconfigured, err: fmt.Errorf("PostgreSQL has no connection left: %w. "+
			"See `show max_wal_senders;` and `show max_connections;`, and raise with `alter system set max_wal_senders = …;` and a restart", err)}
	}
	return &trouble{state: Connecting, reason: reasonConnection, err: fmt.Errorf("%w; trying again", err)}
}

// streamTrouble sorts an error that came over the replication connection, where some
// SQLSTATEs speak of the slot. Others are left to classify.
func streamTrouble(err error, names Names) error {
	switch {
	case isCode(err, "55006"):
		return &trouble{state: Standby, reason: reasonBusy, err: fmt.Errorf("another session reads slot %q; waiting to take over: %w", names.Slot, err)}
	case isCode(err, "42704"):
		return &trouble{state: SlotLost, reason: reasonLost, cause: causePublicationChanged, streamed: true,
			err: fmt.Errorf("slot %q or publication %q did not exist, or the publication is younger than the changes to be read: %w", names.Slot, names.Publication, err)}
	case isCode(err, "55000", "58P01"):
		return &trouble{state: SlotLost, reason: reasonLost, cause: causeSlotUnreadable, streamed: true,
			err: fmt.Errorf("slot %q cannot be read any more: %w", names.Slot, err)}
	}
	return err
}
