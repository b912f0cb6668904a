package cdc

import (
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"
)

func (f *fixture) dropSlot() {
	f.t.Helper()
	f.exec(f.db.URL(), `select pg_drop_replication_slot('`+f.names.Slot+`')`)
}

// repairedJustNow makes the last automatic repair a recent one.
func (f *fixture) repairedJustNow() {
	f.t.Helper()
	f.exec(f.db.URL(), `insert into messenger.gap (slot, reason, since, mode, from_lsn, to_lsn, finished_at)
		values ('`+f.names.Slot+`', 'slot_missing', now(), 'time', '0/1', '0/1', now())`)
}

// repair is a row of messenger.gap.
type repair struct {
	Reason   string
	Mode     string
	ByHand   bool
	Finished bool
}

func (f *fixture) repairs() []repair {
	f.t.Helper()
	rows, err := f.db.Pool().Query(f.ctx, `select reason, mode, by_hand, finished_at is not null from messenger.gap where slot = $1 order by id`, f.names.Slot)
	if err != nil {
		f.t.Fatal(err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[repair])
	if err != nil {
		f.t.Fatal(err)
	}
	return found
}

// awaitRepairs waits until exactly these repairs are recorded and done.
func (f *fixture) awaitRepairs(r *running, want ...repair) {
	f.t.Helper()
	eventually(f.t, "repairs", func() (bool, string) {
		diff := cmp.Diff(want, f.repairs())
		return diff == "", r.Status().Detail + "\n" + diff
	})
}

// forgetSamples makes the exact mode impossible.
func (f *fixture) forgetSamples() {
	f.t.Helper()
	f.exec(f.db.URL(), `delete from messenger.snapshot_sample`)
}

// streamOnce reads one change, and stops.
func (f *fixture) streamOnce() {
	f.t.Helper()
	r := f.startStreaming()
	f.take(subject(f.register(f.avni)))
	r.stop()
}

// endStream disconnects whoever reads the slot.
func (f *fixture) endStream() {
	f.t.Helper()
	f.exec(f.db.URL(), `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '`+f.names.Slot+`' and active_pid is not null`)
	eventually(f.t, "an idle slot", func() (bool, string) { return !f.inspect().Slot.Active, "" })
}

// awaitFloor waits until a gap could be filled exactly.
func (f *fixture) awaitFloor(r *running) {
	f.t.Helper()
	eventually(f.t, "a sample before the stored position", func() (bool, string) {
		if _, err := f.db.Pool().Exec(f.ctx, `select pg_logical_emit_message(true, 'test', 'moves the WAL on')`); err != nil {
			return false, err.Error()
		}
		return f.queryInt(`select count(*) from messenger.snapshot_sample s join messenger.position p on p.slot = s.slot
			where s.slot = $1 and s.lsn <= p.lsn and s.lsn <= coalesce(p.checked_lsn, p.lsn)`, f.names.Slot) > 0, r.Status().Detail
	})
}

// quick makes a reader store and sample without delay.
func quick(r *Reader) {
	r.pace.persistAge, r.pace.sample, r.pace.watch = 20*time.Millisecond, 20*time.Millisecond, 50*time.Millisecond
	r.pace.status, r.pace.newStatus = 20*time.Millisecond, 10*time.Millisecond
}

func (f *fixture) makeSlot() {
	f.t.Helper()
	f.exec(f.db.URL(), createSlotSQL(f.names, f.inspect().ServerVersion))
}
