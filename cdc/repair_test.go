package cdc

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// causesOfGaps is what can happen to a stream. Each is tried while avni-messenger is
// stopped and while it streams.
var causesOfGaps = map[cause]struct {
	happen func(*fixture)
	says   string
}{
	causeSlotMissing: {func(f *fixture) {
		conn := f.connect(f.db.URL())
		eventually(f.t, "a slot that nobody reads", func() (bool, string) { // the reader comes back soon
			f.endStream()
			_, err := conn.Exec(f.ctx, `select pg_drop_replication_slot('`+f.names.Slot+`')`)
			return !isCode(err, "55006"), fmt.Sprint(err)
		})
	}, "is missing: it was dropped"},
	causeSlotMoved: {func(f *fixture) {
		f.endStream()
		f.exec(f.db.URL(), `select pg_replication_slot_advance('`+f.names.Slot+`', pg_current_wal_lsn())`)
	}, "beyond the stored position"},
	causePublicationMissing: {func(f *fixture) {
		f.exec(f.db.URL(), `drop publication `+f.names.Publication)
	}, "is missing while slot"},
	causePublicationChanged: {func(f *fixture) {
		// At once: a reader that streams would make the publication itself, and may be quicker.
		f.exec(f.db.URL(), `begin; drop publication `+f.names.Publication+`; `+createPublicationSQL(f.names, f.inspect().ServerVersion)+`; commit`)
	}, "was altered, or dropped and made anew"},
	causeOtherServer: {func(f *fixture) {
		f.exec(f.db.URL(), `update messenger.position set system_identifier = 1, fencing_token = fencing_token + 1`)
	}, "belongs to another server"},
}

// Whatever happens to slot and publication while nobody streams: what was changed
// meanwhile reaches the inbox, by either way of looking for it.
func TestGapsAreRepaired(t *testing.T) {
	for c, row := range causesOfGaps {
		for _, mode := range scanModes {
			t.Run(fmt.Sprintf("%s by %s", c, mode), func(t *testing.T) {
				t.Parallel()
				f := newFixture(t)
				r := f.startStreaming(quick)
				f.take(subject(f.register(f.avni)))
				f.awaitFloor(r)
				r.stop()
				missed := f.register(f.avni)
				row.happen(f)
				if mode == byTime {
					f.forgetSamples()
				}
				r = f.startStreaming()
				f.take(subject(missed))
				if c == causeOtherServer {
					mode = byTime // xids of another server mean nothing
				}
				f.awaitRepairs(r, repair{string(c), string(mode), false, true})
				f.take(subject(f.register(f.avni)))
				if n := testutil.ToFloat64(r.options.Metrics.slotLost.WithLabelValues(string(c))); n != 1 {
					t.Errorf("slot_lost_total is %v", n)
				}
				if n := testutil.ToFloat64(r.options.Metrics.catchUpRows.WithLabelValues(string(mode))); n == 0 {
					t.Error("catchup_rows_total is 0")
				}
				eventually(t, "a status without a search", func() (bool, string) {
					c := r.Status().CatchUp
					return c == CatchUp{}, fmt.Sprintf("%+v", c)
				})
			})
		}
	}
}

// The same while streaming: the reader notices by itself.
func TestGapsAreRepairedWhileStreaming(t *testing.T) {
	for c, row := range causesOfGaps {
		if c == causeSlotMoved {
			continue // a slot that is read cannot be moved
		}
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			r := f.startStreaming(quick, func(r *Reader) { r.pace.retryMin = 300 * time.Millisecond })
			f.take(subject(f.register(f.avni)))
			row.happen(f)
			missed := f.register(f.avni)
			f.take(subject(missed))
			eventually(t, "a repair", func() (bool, string) {
				done := f.repairs()
				return len(done) == 1 && done[0].Finished, fmt.Sprintf("%+v, %+v", done, r.Status())
			})
			r.await(Streaming)
			f.take(subject(f.register(f.avni)))
		})
	}
}

// What is not to be repaired by itself is said, with what to do.
func TestSetupDoesNotPassOverAGap(t *testing.T) {
	for c, row := range causesOfGaps {
		t.Run(string(c), func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.streamOnce()
			row.happen(f)
			_, err := Setup(f.ctx, f.connect(f.db.URL()), f.names)
			for _, want := range []string{row.says, "the last one read was committed at", "`avni-messenger run`"} {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("error does not say %q: %v", want, err)
				}
			}
		})
	}
}

// If it is not known which publication the position belongs to, changes that were made
// without one are told by the stream only (before PostgreSQL 18, which skips them).
func TestChangesWithoutPublication(t *testing.T) {
	f := newFixture(t)
	if f.inspect().ServerVersion >= 180000 {
		return
	}
	f.startStreaming().stop()
	f.exec(f.db.URL(), `update messenger.position set fingerprint = null; drop publication `+f.names.Publication)
	missed := f.register(f.avni)
	f.exec(f.db.URL(), createPublicationSQL(f.names, f.inspect().ServerVersion))
	r := f.start()
	f.take(subject(missed))
	eventually(t, "a repair", func() (bool, string) {
		done := f.repairs()
		return len(done) == 1 && done[0].Reason == string(causePublicationChanged), fmt.Sprintf("%+v, %+v", done, r.Status())
	})
	r.await(Streaming)
}

// A position that is beyond the server's WAL, as after the restore of a backup.
func TestPositionOfAnotherServer(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	missed := f.register(f.avni)
	f.exec(f.db.URL(), `update messenger.position set lsn = 'FF/0', system_identifier = null`)
	r := f.startStreaming()
	f.take(subject(missed))
	f.awaitRepairs(r, repair{string(causeOtherServer), string(byTime), false, true})
	if in := f.inspect(); !in.sameServer() || in.Position.LSN > in.WrittenLSN {
		t.Errorf("position %+v", in.Position)
	}
}

// The second time within an hour somebody has to look.
func TestSecondRepairWaits(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	f.repairedJustNow()
	f.dropSlot()
	missed := f.register(f.avni)
	r := f.start()
	detail := r.await(SlotLost).Detail
	for _, want := range []string{"is missing: it was dropped", "the last one read was committed at", "not more than once an hour", "will be tried again at",
		"avni-messenger teardown", "avni-messenger setup", "avni-messenger catch-up --since 20"} {
		if !strings.Contains(detail, want) {
			t.Errorf("detail does not say %q: %s", want, detail)
		}
	}
	if n := testutil.ToFloat64(r.options.Metrics.state.WithLabelValues("slot_lost")); n != 1 {
		t.Errorf("metric is %v", n)
	}
	if f.inspect().Slot.Exists || len(f.repairs()) != 1 {
		t.Errorf("repaired all the same: %+v", f.repairs())
	}
	f.exec(f.db.URL(), `update messenger.gap set opened_at = opened_at - interval '1 hour'`)
	f.take(subject(missed))
	r.await(Streaming)
}

// The advice that is given then works.
func TestRepairByHand(t *testing.T) {
	f := newFixture(t)
	f.startStreaming().stop()
	missed := f.register(f.avni)
	f.dropSlot()
	if err := Teardown(f.ctx, f.connect(f.db.URL()), f.names); err != nil {
		t.Fatal(err)
	}
	f.startStreaming()
	f.catchUp(time.Minute)
	f.take(subject(missed))
	f.take(subject(f.register(f.avni)))
}

// A repair that was broken off at any step is gone on with, within the hour too.
func TestBrokenOffRepair(t *testing.T) {
	for name, c := range map[string]struct {
		until func(*fixture) // what had been done
		cause cause
	}{
		"before the slot was dropped":  {func(f *fixture) {}, causePublicationChanged},
		"after the slot was dropped":   {func(f *fixture) { f.dropSlot() }, causeSlotMissing},
		"after the slot was made anew": {func(f *fixture) { f.dropSlot(); f.makeSlot() }, causeSlotMoved},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFixture(t)
			f.streamOnce()
			missed := f.register(f.avni)
			if c.cause == causePublicationChanged {
				f.exec(f.db.URL(), `update messenger.position set fingerprint = 1`)
			}
			in := f.inspect()
			if g, err := openGap(f.ctx, f.connect(f.db.URL()), in, f.names, causeSlotMissing); err != nil || g.refused || g.resumed {
				t.Fatalf("%+v, %v", g, err)
			}
			c.until(f)
			r := f.startStreaming()
			f.take(subject(missed))
			f.awaitRepairs(r, repair{string(c.cause), f.repairs()[0].Mode, false, true})
		})
	}
}

// A right that is missing is said before anything is dropped, and nothing is lost.
func TestRepairWithoutRights(t *testing.T) {
	f := newFixture(t)
	f.streamOnce()
	f.exec(f.db.URL(), `drop publication `+f.names.Publication)
	missed := f.register(f.avni)
	f.superuser(`do $$ begin execute format('alter database %I owner to postgres', current_database()); end $$`)
	r := f.start()
	if detail := r.await(Misconfigured).Detail; !strings.Contains(detail, "grant create on database") {
		t.Errorf("detail %s", detail)
	}
	if !f.inspect().Slot.Exists || len(f.repairs()) != 0 {
		t.Errorf("slot %+v, repairs %+v", f.inspect().Slot, f.repairs())
	}
	f.superuser(`do $$ begin execute format('grant create on database %I to avni_messenger', current_database()); end $$`)
	f.take(subject(missed))
}
