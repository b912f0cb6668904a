package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/cdc"
)

const supportedVersions = "PostgreSQL 12 to 18"

func (c *checker) lookAtPostgres(ctx context.Context, s *section) {
	if c.connected != nil {
		s.Findings = append(s.Findings, failing("connection", c.connected.Detail, "a connection to Avni's database", c.connected.Fix))
		return
	}
	s.Findings = append(s.Findings, fine("connection", "%s", c.cfg.Database.Redacted()), c.version())
	if o := c.server.isForeign(); o != nil {
		s.Findings = append(s.Findings, failing("database", o.Detail, "Avni's database", o.Fix))
	}
	if o := c.server.isStandby(); o != nil {
		s.Findings = append(s.Findings, failing("primary", o.Detail, "the primary", o.Fix))
	} else {
		s.Findings = append(s.Findings, fine("primary", "it is no standby"))
	}
	s.each(ctx, []namedCheck{
		{"wal_level", c.checkWALLevel}, {"replication slots", c.checkRoom}, {"replication connection", c.checkReplicationConnection},
		{"max_slot_wal_keep_size", c.checkWALKept}, {"wal_sender_timeout", c.checkSenderTimeout},
		{"open transactions", c.checkTransactions}, {"TLS", c.checkTLS}, {"clock", c.checkClock},
	})
}

// version says what a version lacks that concerns us (postgres documentation, release notes).
func (c *checker) version() finding {
	s := c.server
	if o := s.outdated(); o != nil {
		return failing("version", o.Detail, supportedVersions, o.Fix)
	}
	if s.number >= 190000 {
		return warning("version", "PostgreSQL "+s.version+", with which this version of avni-messenger was not tried", supportedVersions, "See whether there is a newer avni-messenger.")
	}
	var lacks []string
	for _, lack := range []struct {
		before int
		text   string
	}{
		{130000, "before 13 nothing but avni-messenger itself limits what a slot keeps"},
		{150000, "before 15 whole rows are read, not a few columns of them"},
		{170000, "before 17 the slot does not survive a failover (changes are then looked up)"},
	} {
		if s.number < lack.before {
			lacks = append(lacks, lack.text)
		}
	}
	if len(lacks) == 0 {
		return fine("version", "PostgreSQL %s", s.version)
	}
	return fine("version", "PostgreSQL %s; %s", s.version, strings.Join(lacks, "; "))
}

// settings is what Inspect read before it met an error, if that is enough.
func (c *checker) settings() (cdc.Inspection, error) {
	in, err := c.inspect()
	if in.ServerVersion != 0 {
		return in, nil
	}
	return in, err
}

func (c *checker) checkWALLevel(context.Context) ([]finding, error) {
	in, err := c.settings()
	if err != nil {
		return nil, err
	}
	if p := in.WALLevelProblem(); p != nil {
		return []finding{failing("wal_level", p.Text, "wal_level = logical", p.Mend)}, nil
	}
	return []finding{fine("wal_level", "logical")}, nil
}

// checkRoom looks for a slot and a WAL sender that are free, unless ours are there.
func (c *checker) checkRoom(ctx context.Context) ([]finding, error) {
	in, err := c.settings()
	if err != nil {
		return nil, err
	}
	room, err := cdc.ReadRoom(ctx, c.pool)
	if err != nil {
		return nil, err
	}
	slots := fine("max_replication_slots", "%d of %d in use%s", room.Slots, room.MaxSlots, among(in.Slot.Exists))
	if p := room.SlotProblem(); p != nil && !in.Slot.Exists {
		slots = failing("max_replication_slots", p.Text, "one that is free, for avni-messenger", p.Mend)
	}
	senders := fine("max_wal_senders", "%d of %d in use%s", room.Senders, room.MaxSenders, among(in.Slot.Active))
	if p := room.SenderProblem(); p != nil && !in.Slot.Active {
		senders = failing("max_wal_senders", p.Text, "one that is free, for avni-messenger", p.Mend)
	}
	return []finding{slots, senders}, nil
}

func among(ours bool) string {
	if ours {
		return ", ours among them"
	}
	return ""
}

// checkReplicationConnection opens one, as the stream does. That takes more than the
// connection that is there: the REPLICATION right, and a WAL sender that is free.
func (c *checker) checkReplicationConnection(ctx context.Context) ([]finding, error) {
	const what = "replication connection"
	config, err := pgconn.ParseConfig(c.cfg.Database.ConnectionURL())
	if err != nil {
		return nil, err
	}
	if err := cdc.TryReplication(ctx, config); err != nil {
		reason := explain(err, c.cfg)
		mend := reason.Fix
		var refused *pgconn.PgError
		if mend == "" || errors.As(err, &refused) && refused.Code == "53300" { // WAL senders, rather than connections, are used up
			mend = "See above what the role and the server lack; `pg_hba.conf` needs no line for replication, only one for the database."
		}
		return []finding{failing(what, reason.Detail, "one can be opened", mend)}, nil
	}
	return []finding{fine(what, "one can be opened")}, nil
}

func (c *checker) checkWALKept(context.Context) ([]finding, error) {
	in, err := c.settings()
	if err != nil {
		return nil, err
	}
	return keptFindings(in, c.cfg.MaxSlotWAL), nil
}

// keptFindings judges what limits the WAL that a slot keeps, given MESSENGER_MAX_SLOT_WAL.
func keptFindings(in cdc.Inspection, ours Size) (found []finding) {
	const what, wanted = "max_slot_wal_keep_size", "a limit, such as 16GB, and more than MESSENGER_MAX_SLOT_WAL"
	for _, p := range in.SettingProblems() {
		if p.Mend == "" {
			found = append(found, warning("idle_replication_slot_timeout", p.Text, "0, or longer than avni-messenger is ever stopped", "Nothing, if that is meant; else run `alter system set idle_replication_slot_timeout = 0;` and `select pg_reload_conf();` as a superuser."))
			continue
		}
		found = append(found, warning(what, p.Text, wanted, p.Mend))
	}
	if keep := in.MaxSlotWALKeep; keep != nil && *keep > 0 {
		limit := Size(*keep << 20)
		if limit < ours {
			return append(found, warning(what, fmt.Sprintf("%s, which is less than MESSENGER_MAX_SLOT_WAL (%s): PostgreSQL gives the slot up before avni-messenger would, also while it catches up", limit, ours),
				wanted, fmt.Sprintf("Run `alter system set max_slot_wal_keep_size = '%s';` and `select pg_reload_conf();` as a superuser (Amazon RDS: in the parameter group), or set MESSENGER_MAX_SLOT_WAL below %s.", 2*ours, limit)))
		}
		found = append(found, fine(what, "%s", limit))
	}
	return found
}

// shortSenderTimeout is the shortest wal_sender_timeout that a busy machine keeps to.
const shortSenderTimeout = 10 * time.Second

func (c *checker) checkSenderTimeout(context.Context) ([]finding, error) {
	const what, wanted = "wal_sender_timeout", "60s, PostgreSQL's default"
	const mend = "Run `alter system set wal_sender_timeout = '60s';` and `select pg_reload_conf();` as a superuser (Amazon RDS: in the parameter group)."
	in, err := c.settings()
	if err != nil {
		return nil, err
	}
	switch limit := in.WALSenderTimeout; {
	case limit == 0:
		return []finding{warning(what, "0: PostgreSQL does not notice when a reader of the slot is gone without a word", wanted, mend)}, nil
	case limit < shortSenderTimeout:
		return []finding{warning(what, fmt.Sprintf("%s: a machine that is busy for that long loses its stream, and begins it anew", limit), wanted, mend)}, nil
	default:
		return []finding{fine(what, "%s", limit)}, nil
	}
}

func (c *checker) checkTransactions(ctx context.Context) ([]finding, error) {
	const what = "open transactions"
	long, err := cdc.LongTransactions(ctx, c.pool, c.long)
	if err != nil {
		return nil, err
	}
	if len(long) > 0 {
		return []finding{warning(what, strings.Join(long, "; "), fmt.Sprintf("none that has been writing for more than %g minutes: WAL is kept for its sake, and a new slot has to wait for it", c.long.Minutes()),
			"See what it does, and end it with `select pg_terminate_backend(pid);` if it is forgotten.")}, nil
	}
	return []finding{fine(what, "none that is known has been writing for more than %g minutes", c.long.Minutes())}, nil
}

func (c *checker) checkTLS(ctx context.Context) ([]finding, error) {
	conn, err := c.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	defer conn.Release()
	socket := conn.Conn().PgConn().Conn()
	_, encrypted := socket.(*tls.Conn)
	return []finding{tlsFinding(socket.RemoteAddr(), encrypted)}, nil
}

func tlsFinding(server net.Addr, encrypted bool) finding {
	if encrypted {
		return fine("TLS", "the connection is encrypted")
	}
	if tcp, ok := server.(*net.TCPAddr); !ok || tcp.IP.IsLoopback() {
		return fine("TLS", "not needed: PostgreSQL is on this machine")
	}
	return warning("TLS", "the connection to another machine is not encrypted: passwords and people's data can be read on the way", "TLS",
		"Add ?sslmode=verify-full&sslrootcert=/path/ca.pem to MESSENGER_DATABASE_URL, or ?sslmode=require if there is no certificate of the authority.")
}

// clockTolerance is how much the clocks of this machine and of PostgreSQL may differ.
const clockTolerance = 5 * time.Second

func (c *checker) checkClock(ctx context.Context) ([]finding, error) {
	before := c.now()
	var theirs time.Time
	if err := c.pool.QueryRow(ctx, `select clock_timestamp()`).Scan(&theirs); err != nil {
		return nil, err
	}
	after := c.now()
	// The answer was given at some moment between the two.
	difference, word := before.Sub(theirs), "ahead of"
	if theirs.After(after) {
		difference, word = theirs.Sub(after), "behind"
	}
	if difference < clockTolerance {
		return []finding{fine("clock", "this machine and PostgreSQL agree")}, nil
	}
	return []finding{warning("clock", fmt.Sprintf("this machine is %s %s PostgreSQL: rules see its time, and messages go out by PostgreSQL's", difference.Round(time.Second), word),
		"a difference of less than "+clockTolerance.String(), "Let both machines take their time from the network (chrony or systemd-timesyncd).")}, nil
}
