package cdc

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// Teardown drops the slot, the publication and the stored position with all that belongs
// to it; what is not there is passed over. A reader of ours that still uses the slot is disconnected; a
// slot that somebody else uses is left alone, with an error.
func Teardown(ctx context.Context, conn *pgx.Conn, names Names) error {
	if err := names.Validate(); err != nil {
		return err
	}
	unlock, err := lockSetup(ctx, conn, names) // a reader that runs would repair what is half gone
	if err != nil {
		return err
	}
	defer unlock()
	if err := dropSlot(ctx, conn, names); err != nil {
		return err
	}
	if _, err := conn.Exec(ctx, "drop publication if exists "+names.publicationIdentifier()); err != nil {
		return fmt.Errorf("drop publication %q: %w", names.Publication, err)
	}
	in, err := Inspect(ctx, conn, names)
	if err != nil || !in.Position.TableExists {
		return err
	}
	return pgx.BeginFunc(ctx, conn, func(tx pgx.Tx) error {
		for _, table := range []string{"position", "gap", "snapshot_sample"} {
			if _, err := tx.Exec(ctx, `delete from messenger.`+table+` where slot = $1`, names.Slot); err != nil {
				return fmt.Errorf("delete %s of slot %q: %w", strings.ReplaceAll(table, "_", " "), names.Slot, err)
			}
		}
		return nil
	})
}

// dropSlot disconnects our own reader as often as it comes back, for some seconds.
func dropSlot(ctx context.Context, conn *pgx.Conn, names Names) error {
	deadline := time.Now().Add(10 * time.Second)
	for {
		in, err := Inspect(ctx, conn, names)
		if err != nil || !in.Slot.Exists {
			return err
		}
		if in.Slot.Active {
			if err := endReader(ctx, conn, names, in.Slot); err != nil {
				return err
			}
		}
		_, err = conn.Exec(ctx, `select pg_drop_replication_slot($1)`, names.Slot)
		if err == nil || isCode(err, "42704") {
			return nil
		}
		if !isCode(err, "55006") || time.Now().After(deadline) {
			return fmt.Errorf("drop slot %q: %w", names.Slot, err)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func endReader(ctx context.Context, conn *pgx.Conn, names Names, slot SlotState) error {
	if !strings.HasPrefix(slot.ActiveName, applicationPrefix(names.Slot)) {
		return fmt.Errorf("slot %q is in use by pid %d (application_name %q), which is not avni-messenger: stop it, or run `select pg_terminate_backend(%d);`, and try again",
			names.Slot, slot.ActivePID, slot.ActiveName, slot.ActivePID)
	}
	if _, err := conn.Exec(ctx, `select pg_terminate_backend($1)`, slot.ActivePID); err != nil {
		return fmt.Errorf("disconnect the reader of slot %q, pid %d: %w", names.Slot, slot.ActivePID, err)
	}
	return nil
}
