package cdc

import (
	"context"
	"errors"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
)

// Every label value is there from the start, so that the first of its kind is seen as an
// increase.
func TestMetricsAreAllThereFromTheStart(t *testing.T) {
	reg := prometheus.NewPedanticRegistry()
	NewMetrics(reg)
	for name, want := range map[string]int{
		"state": len(states), "disconnects_total": len(reasons), "slot_lost_total": len(causes), "catchup_rows_total": len(scanModes),
		"changes_total": 2 * len(watchedTables), "connects_total": 1, "handler_errors_total": 1, "slot_drops_total": 1,
	} {
		if n, err := testutil.GatherAndCount(reg, "messenger_cdc_"+name); err != nil || n != want {
			t.Errorf("%s has %d series, want %d: %v", name, n, want, err)
		}
	}
	problems, err := testutil.GatherAndLint(reg)
	if err != nil || len(problems) > 0 {
		t.Errorf("lint: %v %v", problems, err)
	}
}

// What could not be read again is counted, whoever wanted it: an alert hangs on it.
func TestEveryHandlerErrorIsCounted(t *testing.T) {
	f := newFixture(t)
	broken := errors.New("no")
	r := f.reader(func(r *Reader) {
		r.options.Started = func(context.Context) error { return broken }
		r.options.Reference = func(context.Context, []Change) error { return broken }
	})
	f.exec(f.db.URL(), `update messenger.reference_version set version = 7`)
	for what, err := range map[string]error{
		"Refresh": r.Refresh(f.ctx, 7), "the start of a stream": r.load(f.ctx), "a change": r.referenced(f.ctx, nil, 0, 7),
	} {
		if !errors.Is(err, broken) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if n := testutil.ToFloat64(r.options.Metrics.handlerErrors); n != 3 {
		t.Errorf("%v errors are counted, want 3", n)
	}
}
