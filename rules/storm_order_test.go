package rules

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"avni-messenger/cdc"
)

// Whoever has locked an entity's row of the inbox gets what is held of it, also while the
// requests of a changed rule follow: that waits for the inbox before it locks what is held.
func TestWhatIsHeldIsLockedAfterTheInbox(t *testing.T) {
	o := openOffice(t, Write, withLimit, atOnce)
	o.followed()
	held := o.heldVisit()
	pending := o.ids(`select entity_id from message_request_queue where message_rule_id = 603 and not is_voided and entity_id > 1100 order by 1 limit 1`)[0]
	o.arrive(cdc.ProgramEncounter, cdc.Update, pending)
	o.saveRule(reminder(reminderText(2)))
	tx := must[pgx.Tx](t)(o.db.Pool().Begin(t.Context()))
	defer tx.Rollback(context.WithoutCancel(t.Context()))
	if _, err := tx.Exec(t.Context(), `select from messenger.inbox where source_table = 'program_encounter' and entity_id = $1 for update`, pending); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	ctx := context.WithoutCancel(t.Context())
	go func() { done <- o.worker.followChanged(ctx) }()
	o.eventually("it waits for the inbox", func() bool {
		return o.count(`select count(*) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`) == 1
	})
	if _, err := tx.Exec(t.Context(), `select from messenger.held where rule_id = 603 and entity_id = $1 for update nowait`, held); err != nil {
		t.Errorf("what is held is locked already: %v", err)
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if n := o.count(`select count(*) from messenger.held where review`); n == 0 {
		t.Error("what is held is not evaluated anew")
	}
}
