package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
	"avni-messenger/metrics"
)

// noted makes a process known under a name, and look often at the others.
func noted(name string) func(*app) {
	return func(a *app) {
		a.instances.table.holder = name + ":x"
		a.instances.every = 50 * time.Millisecond
	}
}

// instancesEntry is what /health says about the processes.
func (r *runningApp) instancesEntry() string {
	r.t.Helper()
	_, health := r.health()
	var said []string
	for _, e := range health.Checks {
		if e.Name == "instances" {
			said = append(said, fmt.Sprintf("%s: %s", e.Status, e.Detail))
		}
	}
	return strings.Join(said, "\n")
}

// awaitInstances waits until /health says exactly this about the processes.
func (r *runningApp) awaitInstances(want string) {
	r.t.Helper()
	within(r.t, func() string {
		if got := r.instancesEntry(); got != want {
			return fmt.Sprintf("/health says %q, want %q", got, want)
		}
		return ""
	})
}

const inModeShadow = "warning: process other:2 serves asha_gramin in mode shadow, this one in mode full: whichever is first evaluates a change, and sends or does not"

func TestInstancesThatDiffer(t *testing.T) {
	db := avnitest.New(t)
	const organisations = "MESSENGER_ORGANISATIONS=asha_gramin="
	one := startAppAs(t, db.URL(), noted("one:1"), organisations+"full", "MESSENGER_MODE=none")
	one.awaitInstances("ok: only this process uses slot testinstancesthatdiffer")

	other := startAppAs(t, db.URL(), noted("other:2"), organisations+"shadow", "MESSENGER_MODE=none")
	one.awaitInstances(inModeShadow)
	other.awaitInstances("warning: process one:1 serves asha_gramin in mode full, this one in mode shadow: whichever is first evaluates a change, and sends or does not")
	one.awaitHealth(http.StatusOK, "{Status:warning") // once the stream is there too
	other.end()
	one.awaitInstances("ok: only this process uses slot testinstancesthatdiffer")

	same := startAppAs(t, db.URL(), noted("same:3"), organisations+"full", "MESSENGER_MODE=none")
	for _, r := range []*runningApp{one, same} {
		r.awaitInstances("ok: 2 processes use slot testinstancesthatdiffer, settings agree")
	}
	log := one.log.String()
	for _, line := range []string{`level=WARN msg="another process has other settings" component=instances process=other:2 slot=testinstancesthatdiffer reason="process other:2 serves asha_gramin in mode shadow`,
		`level=INFO msg="another process has the same settings now, or is gone" component=instances process=other:2`} {
		if n := strings.Count(log, line); n != 1 {
			t.Errorf("the log tells %d times: %s\n%s", n, line, log)
		}
	}
}

// The standing of organisations changes while processes run.
func TestInstancesFollowOrganisations(t *testing.T) {
	db := avnitest.New(t)
	one := startAppAs(t, db.URL(), noted("one:1"))
	other := startAppAs(t, db.URL(), noted("other:2"), "MESSENGER_ORGANISATIONS=seva_nepal=shadow")
	for _, r := range []*runningApp{one, other} {
		r.awaitInstances("ok: 2 processes use slot testinstancesfolloworganisations, settings agree")
	}
	// Who names it serves it all the same. The stream does not bring the table, and neither
	// process polls within this test.
	execSQL(t, db, `update organisation set is_voided = true where id = 103`)
	if err := one.reloadOrganisations(t.Context()); err != nil {
		t.Fatal(err)
	}
	one.awaitInstances("warning: process other:2 serves seva_nepal in mode shadow, this one does not: what changes while this one reads the slot is lost")
	execSQL(t, db, `update organisation set is_voided = false where id = 103`)
	if err := one.reloadOrganisations(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, r := range []*runningApp{one, other} {
		r.awaitInstances("ok: 2 processes use slot testinstancesfolloworganisations, settings agree")
	}
}

// A process that does not know the latest reads it before it says that another differs.
func TestInstancesReadBeforeTheyTell(t *testing.T) {
	db := avnitest.New(t)
	stale, latest := settingsOf(t, map[int32]Mode{1: ModeFull, 2: ModeFull}), settingsOf(t, map[int32]Mode{1: ModeFull})
	other := instanceTable{pool: db.Pool(), holder: "other:2:x", slot: "a", forget: time.Hour}
	if _, err := other.meet(t.Context(), asJSON(t, latest)); err != nil {
		t.Fatal(err)
	}
	for _, row := range []struct {
		name   string
		reads  instanceSettings
		status metrics.Status
		told   int
	}{{"stale", latest, metrics.OK, 0}, {"differs", stale, metrics.Warning, 1}} {
		t.Run(row.name, func(t *testing.T) {
			var log lockedBuffer
			var known atomic.Pointer[instanceSettings]
			known.Store(&stale)
			i := &instances{
				table: instanceTable{pool: db.Pool(), holder: "one:1:x", slot: "a", forget: time.Hour}, log: slog.New(slog.NewTextHandler(&log, nil)),
				settings: func() instanceSettings { return *known.Load() },
				reload:   func(context.Context) error { known.Store(&row.reads); return nil },
				every:    50 * time.Millisecond, wake: make(chan struct{}, 1),
			}
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan error, 1)
			go func() { ended <- i.Run(ctx) }()
			within(t, func() string {
				if entries := i.Entries(); len(entries) != 1 || entries[0].Status != row.status || len(i.now.Load().unequal) != row.told {
					return fmt.Sprintf("/health says %+v", entries)
				}
				return ""
			})
			stop()
			if err := <-ended; err != nil {
				t.Errorf("it ended with %v", err)
			}
			if got := strings.Count(log.String(), "another process has other settings"); got != row.told {
				t.Errorf("told %d times, want %d:\n%s", got, row.told, log.String())
			}
		})
	}
}

// One that was killed cannot take itself away.
func TestInstancesThatAreGone(t *testing.T) {
	db := avnitest.New(t)
	const forget = time.Second
	one := startAppAs(t, db.URL(), func(a *app) {
		noted("one:1")(a)
		a.instances.table.forget = forget
	}, "MESSENGER_ORGANISATIONS=asha_gramin=full", "MESSENGER_MODE=none")
	one.awaitInstances("ok: only this process uses slot testinstancesthataregone")
	killed := instanceTable{pool: db.Pool(), holder: "other:2:x", slot: one.cfg.Slot, forget: forget}
	shadow := one.instances.settings()
	shadow.Organisations[0].Mode = ModeShadow
	within(t, func() string { // it lives as long as it takes to be told of
		if _, err := killed.meet(t.Context(), asJSON(t, shadow)); err != nil {
			return err.Error()
		}
		return cmp.Diff(inModeShadow, one.instancesEntry())
	})
	one.awaitInstances("ok: only this process uses slot testinstancesthataregone")
	within(t, func() string { return holders(t, db, "one:1:x") })
	one.end()
	if said := holders(t, db); said != "" {
		t.Error("after a clean stop:", said)
	}
}

// What stands in the table is for everybody who may read the database.
func TestInstanceRowHoldsNoSecret(t *testing.T) {
	db := avnitest.New(t)
	one := startAppAs(t, db.URL(), noted("one:1"), "MESSENGER_TEST_NUMBERS=+919876500001")
	one.awaitInstances("ok: only this process uses slot testinstancerowholdsnosecret")
	var row string
	if err := db.Pool().QueryRow(t.Context(), `select i::text from messenger.instance i`).Scan(&row); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(row, "MESSENGER_TEST_NUMBERS") || strings.Contains(row, "9876500001") || strings.Contains(row, "://") {
		t.Errorf("the row is %s", row)
	}
}

// The table may be out of reach: only this is told, and all else goes on.
func TestInstancesWithoutTable(t *testing.T) {
	db := avnitest.New(t)
	one := startAppAs(t, db.URL(), func(a *app) {
		noted("one:1")(a)
		a.instances.table.forget = time.Second
	})
	one.awaitInstances("ok: only this process uses slot testinstanceswithouttable")
	execAs(t, db.SuperuserURL(), `alter table messenger.instance rename to instance_away`)
	one.awaitHealth(http.StatusOK, "{Name:instances Status:warning Detail:it is not known whether other processes have the same settings", `relation "messenger.instance" does not exist`, "streaming slot")
	if n := strings.Count(one.log.String(), "it is not known whether other processes have the same settings"); n != 1 {
		t.Errorf("the log tells %d times:\n%s", n, one.log.String())
	}
	execAs(t, db.SuperuserURL(), `alter table messenger.instance_away rename to instance`)
	one.awaitInstances("ok: only this process uses slot testinstanceswithouttable")
}

// holders returns "" if the table has those rows.
func holders(t *testing.T, db *avnitest.DB, want ...string) string {
	t.Helper()
	rows, err := db.Pool().Query(t.Context(), `select holder from messenger.instance order by 1`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("the table has %q, want %q", got, want)
	}
	return ""
}

func asJSON(t *testing.T, settings instanceSettings) []byte {
	t.Helper()
	text, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	return text
}
