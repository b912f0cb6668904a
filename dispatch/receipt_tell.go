package dispatch

import (
	"context"
	"maps"
	"slices"
	"time"
)

// ReceiptFailure is how many messages failed after Glific had accepted them, for a reason.
type ReceiptFailure struct {
	Reason   ReceiptReason
	Messages int
}

// failuresFor is how far Status.ReceiptFailures looks back.
const failuresFor = 24 * time.Hour

// tellReceipts counts and logs what looks have brought and what was written. One line
// tells of all messages of a batch that failed for the same reason. The provider's words
// are left in the database: they may hold a phone number.
func (f *follower) tellReceipts(before, after []receipt, written map[string]bool) {
	failed := make(map[ReceiptReason][]receipt)
	for i, r := range after {
		if !written[r.messageID] {
			continue
		}
		f.metrics.receipts.count(f.name, before[i], r)
		if r.fails(before[i]) {
			failed[r.reason] = append(failed[r.reason], r)
		}
	}
	for _, reason := range slices.Sorted(maps.Keys(failed)) {
		receipts := failed[reason]
		requests := column(receipts, func(r receipt) int64 { return r.requestID })
		slices.Sort(requests)
		f.log.Warn("messages that Glific had accepted have failed: "+reason.Text(), "reason", reason, "fix", reason.Advice(),
			"codes", codes(receipts), "requests", len(requests), "request", requests[:min(len(requests), shownRequests)])
	}
}

// codes are those of the provider's that occur, in order.
func codes(receipts []receipt) []int {
	all := column(receipts, func(r receipt) int { return r.code })
	slices.Sort(all)
	return slices.DeleteFunc(slices.Compact(all), func(code int) bool { return code == 0 })
}

// unreadable tells that Glific cannot say what became of messages, when the cause changes.
func (f *follower) unreadable(err error) {
	if text := err.Error(); text != f.trouble {
		f.trouble = text
		f.log.Warn("Glific does not tell what became of messages; it is asked again, and sends go on", "err", text)
	}
}

// takeStock counts, once in a while, what is not known to have arrived and what has
// failed of late, and gives up messages that nobody can ask about any more.
func (f *follower) takeStock(ctx context.Context) {
	now := f.now()
	if now.Before(f.stock) {
		return
	}
	f.stock = now.Add(2 * f.settings.PollInterval)
	if err := f.countReceipts(ctx); err != nil && ctx.Err() == nil {
		f.troubled(err)
	}
}

func (f *follower) countReceipts(ctx context.Context) error {
	now := f.now()
	if err := f.book.settleSites(ctx, now); err != nil {
		return err
	}
	awaited, err := f.book.awaited(ctx)
	if err != nil {
		return err
	}
	f.metrics.receipts.awaited.WithLabelValues(f.name).Set(float64(awaited))
	return f.countFailures(ctx)
}

// countFailures counts what has failed of late after Glific had accepted it.
func (w *worker) countFailures(ctx context.Context) error {
	book := receiptBook{w.options.Pool, w.queue.organisation, w.account.Site()}
	failures, err := book.failures(ctx, w.now().Add(-failuresFor))
	if err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.seen.ReceiptFailures = failures
	return nil
}
