package rules

import (
	"testing"

	"avni-messenger/cdc"
)

// stormUnderSubject has a storm of visits under subject 1001, and returns how many
// requests are made of them and how many are held.
func (o *office) stormUnderSubject() (made, held int) {
	o.Helper()
	o.imported("0/1A2B3C", 38)
	o.work()
	if held = len(o.heldOf(stateHeld)); held < 38-limit-over {
		o.Fatalf("%d are held", held)
	}
	return o.pending603(), held
}

func (o *office) pending603() int {
	o.Helper()
	return o.count(`select count(*) from message_request_queue where message_rule_id = 603 and not is_voided`)
}

func (o *office) voidSubject() {
	o.Helper()
	if err := o.avni.VoidSubject(o.Context(), 1001); err != nil {
		o.Fatal(err)
	}
}

func (o *office) unvoidSubject() {
	o.Helper()
	if err := o.avni.UnvoidSubject(o.Context(), 1001); err != nil {
		o.Fatal(err)
	}
	o.reviewed()
}

// Voiding and un-voiding is no way past the limit.
func TestVoidIsNoWayPastTheLimit(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	made, held := o.stormUnderSubject()
	o.voidSubject()
	o.saved(cdc.Individual, 1001)
	o.saved(cdc.Individual, 1001)
	if n := len(o.heldOf(stateVoided)); n != held || len(o.heldOf(stateHeld)) != 0 {
		t.Errorf("%d of %d are remembered, %d are held", n, held, len(o.heldOf(stateHeld)))
	}
	if n := o.release(HeldSelection{RuleID: 603, Cancelled: true}); n != 0 {
		t.Errorf("%d are released while they are voided", n)
	}
	o.reviewed()
	if n := o.pending603(); n != 0 {
		t.Errorf("%d requests wait for a voided subject", n)
	}
	o.unvoidSubject()
	if n := len(o.heldOf(stateHeld)); n != held || len(o.heldOf(stateVoided)) != 0 {
		t.Errorf("there again: %d of %d are held, %d are voided", n, held, len(o.heldOf(stateVoided)))
	}
	if n := o.pending603(); n != made {
		t.Errorf("%d requests wait, want %d", n, made)
	}
	if n := o.release(HeldSelection{RuleID: 603, Transaction: "0/1A2B3C"}); n != int64(held) {
		t.Errorf("%d are released, want %d", n, held)
	}
	o.reviewed()
	if n := o.pending603(); n != 38 {
		t.Errorf("%d requests wait, want 38", n)
	}
}

// What was released, but is voided before it is evaluated, is asked for once more.
func TestReleasedAndVoided(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	made, held := o.stormUnderSubject()
	o.release(HeldSelection{RuleID: 603})
	o.voidSubject()
	o.reviewed()
	if n := len(o.heldOf(stateVoided)); n != held || o.inbox() != 0 {
		t.Errorf("%d of %d are remembered, %d are in the inbox", n, held, o.inbox())
	}
	o.saved(cdc.Individual, 1001)
	o.unvoidSubject()
	if n := len(o.heldOf(stateHeld)); n != held || o.pending603() != made {
		t.Errorf("%d of %d are held, %d requests wait, want %d", n, held, o.pending603(), made)
	}
}

// What is cancelled while it is voided stays so.
func TestCancelledWhileVoided(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	made, held := o.stormUnderSubject()
	o.voidSubject()
	o.saved(cdc.Individual, 1001)
	if n := o.cancel(HeldSelection{RuleID: 603}); n != int64(held) {
		t.Errorf("%d are cancelled, want %d", n, held)
	}
	o.unvoidSubject()
	if n := len(o.heldOf(stateCancelled)); n != held || o.pending603() != made {
		t.Errorf("%d of %d are cancelled, %d requests wait, want %d", n, held, o.pending603(), made)
	}
}

// What is voided until it is too late is given up, and that is nothing to warn of.
func TestVoidedUntilTooLate(t *testing.T) {
	var log notebook
	o := openOffice(t, Write, withLimit, withLog(&log))
	made, held := o.stormUnderSubject()
	o.voidSubject()
	o.saved(cdc.Individual, 1001)
	id := o.heldOf(stateVoided)[0]
	exec(t, o.db.Pool(), `update messenger.held set scheduled_for = now() - $1::interval - interval '1 minute' where entity_id = $2`, o.worker.options.RepairWindow, id)
	o.worker.pruneHeld(t.Context())
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 voided", "603 expired")
	if lines := log.lines("until it was too late"); len(lines) != 0 {
		t.Errorf("the log says %q", lines)
	}
	exec(t, o.db.Pool(), `update messenger.withdrawal set due = now() - $1::interval - interval '1 minute' where entity_id = $2`, o.worker.options.RepairWindow, id)
	o.unvoidSubject()
	if n := len(o.heldOf(stateHeld)); n != held-1 || o.pending603() != made {
		t.Errorf("%d are held, want %d; %d requests wait, want %d", n, held-1, o.pending603(), made)
	}
}
