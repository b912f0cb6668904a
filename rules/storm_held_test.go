package rules

import (
	"slices"
	"strings"
	"testing"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// heldAt is when what is held would be due, in UTC; "" if it is not held.
func (o *office) heldAt(id int64) string {
	o.Helper()
	at := ""
	err := o.db.Pool().QueryRow(o.Context(), `select coalesce((select to_char(scheduled_for at time zone 'UTC', 'YYYY-MM-DD HH24:MI') || ' ' || state
		from messenger.held where rule_id = 603 and entity_id = $1), '')`, id).Scan(&at)
	if err != nil {
		o.Fatal(err)
	}
	return at
}

func TestHeldFollowsItsEntity(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	step := func(want string, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		o.saved(cdc.ProgramEncounter, id)
		if got := o.heldAt(id); got != want {
			t.Errorf("held %q, want %q", got, want)
		}
		if rows := o.requests(id, 603); len(rows) != 0 {
			t.Errorf("requests %+v", rows)
		}
	}
	if got := o.heldAt(id); got != "2030-03-09 04:30 held" {
		t.Errorf("at first %q", got)
	}
	step("2030-03-11 04:30 held", o.avni.RescheduleVisit(t.Context(), id, march.AddDate(0, 0, 2), march.AddDate(0, 0, 9)))
	if n := o.count(`select count(*) from messenger.held where entity_id = $1 and commit_lsn = '0/1A2B3C'`, id); n != 1 {
		t.Error("it is of another transaction now")
	}
	step("", o.avni.CompleteVisit(t.Context(), id, march, nil))
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 held", "603 voided")
}

func TestHeldAndVoided(t *testing.T) {
	for name, above := range map[string]bool{"itself": false, "its subject": true} {
		t.Run(name, func(t *testing.T) {
			o := openOffice(t, Write, withLimit)
			id := o.heldVisit()
			all := len(o.heldOf(stateHeld))
			if above {
				if err := o.avni.VoidSubject(t.Context(), 1001); err != nil {
					t.Fatal(err)
				}
				o.saved(cdc.Individual, 1001)
				if n := len(o.heldOf(stateHeld)); n != 0 {
					t.Errorf("%d are held", n)
				}
			} else {
				if err := o.avni.VoidVisit(t.Context(), id); err != nil {
					t.Fatal(err)
				}
				o.saved(cdc.ProgramEncounter, id)
				if n := len(o.heldOf(stateHeld)); n != all-1 {
					t.Errorf("%d of %d are held", n, all)
				}
			}
			o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 voided")
			if above {
				if err := o.avni.UnvoidSubject(t.Context(), 1001); err != nil {
					t.Fatal(err)
				}
				o.reviewed()
			} else {
				exec(t, o.avni.Pool(), `update program_encounter set is_voided = false where id = $1`, id)
				o.saved(cdc.ProgramEncounter, id)
			}
			if n := len(o.heldOf(stateHeld)); n != all || len(o.requests(id, 603)) != 0 {
				t.Errorf("there again: %d of %d are held, requests %+v", n, all, o.requests(id, 603))
			}
		})
	}
}

func TestHeldWhoseRuleIsChanged(t *testing.T) {
	o := openOffice(t, Write, withLimit, atOnce)
	o.followed()
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.saveRule(reminder(reminderText(2)))
	o.reviewed()
	if got := o.heldAt(id); got != "2030-03-12 04:30 held" || len(o.heldOf(stateHeld)) != all {
		t.Errorf("edited: held %q, %d of %d", got, len(o.heldOf(stateHeld)), all)
	}
	if n := o.count(`select count(*) from messenger.held where review`); n != 0 || o.inbox() != 0 {
		t.Errorf("%d are to be reviewed still, %d changes are in the inbox", n, o.inbox())
	}
	if err := o.avni.VoidRule(t.Context(), 603); err != nil {
		t.Fatal(err)
	}
	o.reload()
	o.reviewed()
	if n := o.count(`select count(*) from messenger.held`); n != 0 {
		t.Errorf("%d are held by a voided rule", n)
	}
	log := o.logged(cdc.ProgramEncounter, id)
	if !slices.Contains(log, "603 voided") {
		t.Errorf("log %q", log)
	}
}

func TestHeldWhoseRuleIsPaused(t *testing.T) {
	o := openOffice(t, Write, withLimit, withEngine(always(march)))
	thrice(o)
	id := o.heldVisit()
	rule, _ := o.catalogue.active(101, 603)
	for range 3 {
		o.worker.options.Failures.charge(t.Context(), o.dir.the(101), rule, schedulePhase, &Failure{Kind: FailedThrow, Message: "x"})
	}
	o.saved(cdc.ProgramEncounter, id)
	o.release(HeldSelection{RuleID: 603})
	o.reviewed()
	if rows := o.requests(id, 603); len(rows) != 0 || !strings.HasSuffix(o.heldAt(id), " released") {
		t.Errorf("paused: requests %+v, held %q", rows, o.heldAt(id))
	}
	must[[]PausedScript](t)(Resume(t.Context(), o.db.Pool(), 603))
	o.reviewed()
	if r := o.request(603, id); r.Voided || len(o.heldOf(stateReleased)) != 0 {
		t.Errorf("resumed: %+v, %d are released still", r, len(o.heldOf(stateReleased)))
	}
}

// What was held for too long is given up, and what became of it is told.
func TestHeldUntilTooLate(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	all := len(o.heldOf(stateHeld))
	o.worker.pruneHeld(t.Context())
	if n := len(o.heldOf(stateHeld)); n != all {
		t.Errorf("%d of %d are held", n, all)
	}
	exec(t, o.db.Pool(), `update messenger.held set scheduled_for = now() - $1::interval - interval '1 minute' where entity_id = $2`, o.worker.options.RepairWindow, id)
	o.worker.pruneHeld(t.Context())
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 expired")
	if n := len(o.heldOf(stateHeld)); n != all-1 || o.outcomes("expired") != 1 {
		t.Errorf("%d of %d are held, %v expired", n, all, o.outcomes("expired"))
	}
}

// A request that somebody else has made takes the place of what is held.
func TestHeldThatSomebodyElseMade(t *testing.T) {
	o := openOffice(t, Write, withLimit)
	id := o.heldVisit()
	must[int64](t)(o.avni.QueueRule(t.Context(), 603, id, avnitest.Receiver{Type: "Subject", ID: 1001}, march))
	o.saved(cdc.ProgramEncounter, id)
	o.expectLog(cdc.ProgramEncounter, id, "603 held", "603 moved")
	if got := o.heldAt(id); got != "" {
		t.Errorf("held %q", got)
	}
}
