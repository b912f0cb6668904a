package dispatch

import (
	"cmp"
	"context"
	"maps"
	"time"

	"golang.org/x/time/rate"

	"avni-messenger/dispatch/glific"
)

// follower learns what became of the messages that an organisation's Glific has accepted.
// It works beside the worker's deliveries and leaves them the way to Glific.
type follower struct {
	*worker
	book    receiptBook
	pace    *rate.Limiter
	asked   time.Time     // when Glific was last asked
	stock   time.Time     // when it is to be counted again what waits and what failed
	rest    time.Duration // the last one after trouble; 0: all went well
	trouble string        // of asking, as last logged
}

const (
	// askEvery is the time from one batch to the next, on average: a quarter of the
	// requests that Glific is asked per minute unless told otherwise.
	askEvery = 2 * time.Second

	receiptTimeout = time.Minute // of asking about one batch; below the lease
	longestRest    = 30 * time.Minute

	// yieldFor is how long at least Glific is left alone between two batches while
	// messages are being sent: together they share what Glific allows.
	yieldFor = 10 * time.Second
)

func newFollower(w *worker) *follower {
	return &follower{
		worker: w, book: receiptBook{w.options.Pool, w.queue.organisation, w.account.Site()},
		pace: rate.NewLimiter(rate.Every(askEvery), 3),
	}
}

// follow looks at what is due until the context ends. A dry run leaves Glific alone.
func (f *follower) follow(ctx context.Context) {
	if f.settings.DryRun {
		return
	}
	for ctx.Err() == nil {
		timer := time.NewTimer(f.turn(ctx))
		select {
		case <-ctx.Done():
		case <-timer.C:
		}
		timer.Stop()
	}
}

// turn looks at one batch of what is due and returns how long to sleep. Pauses that
// concern only sends are none for looks: then, of all times, people want to know.
func (f *follower) turn(ctx context.Context) time.Duration {
	poll := f.settings.PollInterval
	f.takeStock(ctx)
	if p, on := f.brake.holds(f.now()); on && !sendOnly[p.reason] {
		return min(p.until.Sub(f.now()), poll)
	}
	if f.sending.Load() > 0 && time.Since(f.asked) < yieldFor {
		return min(time.Second, poll)
	}
	if f.pace.Wait(ctx) != nil {
		return 0
	}
	looked, err := f.look(ctx)
	switch {
	case ctx.Err() != nil:
		return 0
	case err != nil:
		f.rest = min(max(2*f.rest, poll), longestRest)
		return f.rest
	}
	f.rest = 0
	if looked == glific.ReceiptsAtOnce {
		return 0
	}
	return poll
}

// look claims what is due, asks Glific about it and writes what it says. Nobody waits
// for the answer in a transaction. What is not written, for whatever cause, is due again
// when the claim ends.
func (f *follower) look(ctx context.Context) (looked int, err error) {
	claimed, holder, err := f.book.claim(ctx, f.now(), glific.ReceiptsAtOnce)
	if err != nil {
		f.troubled(err)
		return 0, err
	}
	if len(claimed) == 0 {
		return 0, nil
	}
	answers, general, err := f.askInTime(ctx, claimed)
	switch {
	case ctx.Err() != nil:
		return 0, ctx.Err()
	case err == nil:
		f.trouble = ""
	case !general:
		f.unreadable(err)
	}
	now := f.now()
	before, after := judgeReceipts(claimed, answers, now, general)
	written, writeErr := f.book.write(ctx, now, holder, after)
	if writeErr != nil {
		f.troubled(writeErr)
		return 0, writeErr
	}
	f.tellReceipts(before, after, written)
	return len(claimed), err
}

// judgeReceipts is what a look tells of each receipt. Those without an answer are left
// out if they are not to blame for it, else they are looked at again in their time: one
// that Glific cannot tell of must not hold up others.
func judgeReceipts(claimed []receipt, answers map[string]glific.Receipt, now time.Time, notToBlame bool) (before, after []receipt) {
	for _, r := range claimed {
		answer, answered := answers[r.messageID]
		switch {
		case answered:
			before, after = append(before, r), append(after, r.seen(answer, now))
		case !notToBlame:
			before, after = append(before, r), append(after, r.unseen(now))
		}
	}
	return before, after
}

func (f *follower) askInTime(ctx context.Context, claimed []receipt) (answers map[string]glific.Receipt, general bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, receiptTimeout)
	defer cancel()
	f.asked = time.Now()
	return f.ask(ctx, claimed)
}

// ask asks Glific about messages. Where it cuts the connection for them alone, they are
// asked about by halves, until it is known for which: that one must not hold up the others.
// General is true of trouble that is not that of the messages asked about.
func (f *follower) ask(ctx context.Context, claimed []receipt) (answers map[string]glific.Receipt, general bool, err error) {
	answers, err = f.client.Receipts(ctx, column(claimed, func(r receipt) string { return r.messageID }))
	if err == nil {
		f.answered(false)
		return answers, false, nil
	}
	trouble, ok := f.blame(ctx, err)
	if general = ok && f.general(trouble); general || !trouble.cut || len(claimed) == 1 {
		return answers, general, err
	}
	err = nil
	half := len(claimed) / 2
	for _, part := range [][]receipt{claimed[:half], claimed[half:]} {
		more, general, failed := f.ask(ctx, part)
		maps.Copy(answers, more)
		if general {
			return answers, true, failed
		}
		err = cmp.Or(failed, err)
	}
	return answers, false, err
}

// general is true of trouble that is not that of the messages asked about. The
// organisation is paused where Glific says so, or cannot be reached; where our own
// requests are in each other's way, sends go first.
func (f *follower) general(trouble failure) bool {
	switch {
	case trouble.outcome != glific.Wait || sendOnly[trouble.reason]:
		return false
	case trouble.reason == RateLimited && trouble.retryAfter == 0:
		return true
	}
	v := trouble.verdict(message{})
	v.outcome = waiting
	f.pause(v)
	return true
}
