package rules

import (
	"context"
	"time"
)

const upkeepInterval = time.Hour

// upkeepShare is how many times as long as it took upkeep rests at least.
const upkeepShare = 20

// startUpkeep does beside the work what is not about a single change, until ctx ends;
// then the channel closes.
func (w *Worker) startUpkeep(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		u := &upkeep{worker: w}
		prune := time.NewTicker(upkeepInterval)
		defer prune.Stop()
		next := time.NewTimer(0)
		defer next.Stop()
		for {
			select {
			case <-ctx.Done():
				w.options.Failures.writeCounts(context.WithoutCancel(ctx))
				return
			case <-prune.C:
				w.prune(ctx)
				w.pruneHeld(ctx)
				w.options.Failures.writeCounts(ctx)
				continue
			case <-w.changed.told:
				u.lookedBack = time.Time{}
			case <-next.C:
			}
			next.Reset(u.do(ctx))
		}
	}()
	return done
}

// upkeep is what is done again and again. Only startUpkeep's goroutine uses it.
type upkeep struct {
	worker     *Worker
	lookedBack time.Time // when what failed before was last looked at
	trouble    string    // what ailed it the last time
}

// do looks after what waits for something else than a change: rules that are paused,
// changed or repaired, and what was withdrawn. It returns for how long to rest.
func (u *upkeep) do(ctx context.Context) time.Duration {
	w, began := u.worker, time.Now()
	steps := []func(context.Context) error{w.activate, w.resume, w.followChanged, w.bringBack, w.reviewHeld, w.countHeld}
	back := began.Sub(u.lookedBack) > upkeepInterval
	if back {
		steps = append(steps, w.repeatFailed, w.options.Failures.restore)
	}
	var failed error
	for _, step := range steps {
		if err := step(ctx); err != nil && failed == nil {
			failed = err
		}
	}
	if back && failed == nil {
		u.lookedBack = began
	}
	u.tell(ctx, failed)
	return max(w.options.PollInterval, upkeepShare*time.Since(began))
}

// tell logs what ails the upkeep, once.
func (u *upkeep) tell(ctx context.Context, err error) {
	if ctx.Err() != nil {
		return
	}
	text := ""
	if err != nil {
		text = err.Error()
	}
	if text != "" && text != u.trouble {
		u.worker.options.Log.Warn("rules that failed, were paused or changed are not looked at again until the database answers", "component", "rules", "err", text)
	}
	u.trouble = text
}

// prune deletes what the trigger log has kept for 30 days, a piece at a time.
func (w *Worker) prune(ctx context.Context) {
	for {
		tag, err := w.options.Pool.Exec(ctx, pruneLogSQL)
		if err != nil {
			w.options.Log.Warn("trigger log not pruned", "component", "rules", "err", err)
			return
		}
		if tag.RowsAffected() == 0 {
			return
		}
	}
}
