package cdc

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// Installed says what Setup found or made.
type Installed struct {
	PublicationCreated bool
	SlotCreated        bool
	Position           LSN // from where changes are read
}

// Setup makes the publication, the slot and the stored position, in this order,
// unless they are there. It may be run again at any time, by several processes at
// once. The role needs REPLICATION, CREATE on the database and the rights of the
// owner of Avni's tables; an error lists everything that is missing, with the SQL or
// setting that mends it. Schema messenger must have been migrated.
func Setup(ctx context.Context, conn *pgx.Conn, names Names) (Installed, error) {
	if err := names.Validate(); err != nil {
		return Installed{}, err
	}
	unlock, err := lockSetup(ctx, conn, names)
	if err != nil {
		return Installed{}, err
	}
	defer unlock()
	in, err := Inspect(ctx, conn, names)
	if err != nil {
		return Installed{}, err
	}
	if err := prerequisites(ctx, conn, names, in); err != nil {
		return Installed{}, err
	}
	if err := in.mismatch(names); err != nil {
		return Installed{}, err
	}
	return install(ctx, conn, names, in)
}

// setupWait is how long to wait for another one who sets up: longer than a repair takes.
const setupWait = repairTime + 30*time.Second

// lockSetup lets one session at a time set up.
func lockSetup(ctx context.Context, conn *pgx.Conn, names Names) (func(), error) {
	return lockSetupWithin(ctx, conn, names, setupWait)
}

func lockSetupWithin(ctx context.Context, conn *pgx.Conn, names Names, wait time.Duration) (func(), error) {
	const key = `hashtextextended('avni-messenger setup ' || $1, 0)`
	// PostgreSQL ends the session of a process that froze, or that the network lost, and
	// with it the lock (before version 14 as soon as TCP tells).
	const settings = `('lock_timeout', 'idle_session_timeout', 'tcp_keepalives_idle')`
	_, err := conn.Exec(ctx, `select set_config(name, case name when 'lock_timeout' then $1 else '10s' end, false) from pg_settings where name in `+settings,
		fmt.Sprint(wait.Milliseconds()))
	if err != nil {
		return nil, fmt.Errorf("bound the lock for setup: %w", err)
	}
	restore := func(ctx context.Context) { // fails only with the connection
		_, _ = conn.Exec(ctx, `select set_config(name, reset_val, false) from pg_settings where name in `+settings)
	}
	_, err = conn.Exec(ctx, `select pg_advisory_lock(`+key+`)`, names.Slot)
	if isCode(err, "55P03") {
		restore(ctx)
		return nil, fmt.Errorf("for more than %s another avni-messenger has been setting slot %q up or repairing it: if it is frozen end it, and try again: %w", wait, names.Slot, err)
	}
	if err != nil {
		return nil, fmt.Errorf("lock setup: %w", err)
	}
	return func() {
		ctx, cancel := parting(ctx)
		defer cancel()
		_, _ = conn.Exec(ctx, `select pg_advisory_unlock(`+key+`)`, names.Slot)
		restore(ctx)
	}, nil
}

// mismatch reports what is there but cannot be built upon.
func (in Inspection) mismatch(names Names) error {
	if len(in.Publication.Differences) > 0 {
		return in.wrongShape(names, false)
	}
	return in.gap(names)
}

func install(ctx context.Context, conn *pgx.Conn, names Names, in Inspection) (Installed, error) {
	var done Installed
	if !in.Publication.Exists {
		if err := createPublication(ctx, conn, names, in.ServerVersion); err != nil {
			return done, err
		}
		done.PublicationCreated = true
	}
	start := origin{in.Slot.ConfirmedLSN, in.Publication.Fingerprint}
	if !in.Slot.Exists {
		var err error
		if start, err = newOrigin(ctx, conn, names, in.ServerVersion, slotTimeout); err != nil {
			return done, err
		}
		done.SlotCreated = true
	}
	if in.Position.Exists {
		done.Position = in.Position.LSN
		return done, nil
	}
	done.Position = start.lsn
	return done, createPosition(ctx, conn, names, in, start)
}

// SetupSQL returns, as a script for psql, the statements with which a DBA makes the
// publication and the slot, for a server of that version (server_version_num). The
// publication must be made by the owner of Avni's tables or a superuser, the slot by a
// role with REPLICATION. The script must not run as one transaction.
func SetupSQL(names Names, serverVersion int) (string, error) {
	if err := names.Validate(); err != nil {
		return "", err
	}
	return `-- What avni-messenger reads of Avni's tables. Needs the rights of their owner and
-- CREATE on the database.
` + createPublicationSQL(names, serverVersion) + `;

-- The slot, which must be younger than the publication. Needs REPLICATION. It waits
-- for the transactions that are open. From now on PostgreSQL keeps WAL until
-- avni-messenger has read it: start avni-messenger soon, or drop the slot with
-- select pg_drop_replication_slot(` + literal(names.Slot) + `);
` + createSlotSQL(names, serverVersion) + ";\n", nil
}
