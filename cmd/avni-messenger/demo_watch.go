package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific/glifictest"
)

// outcome is one row of messenger.trigger_log, with what names it.
type outcome struct {
	ID        int64
	RuleID    int64
	Rule      string
	Table     string
	EntityID  int64
	Outcome   string
	Reason    string
	Scheduled *time.Time
	Took      time.Duration // from the commit in Avni
}

// seen is how far the demo has looked.
type seen struct {
	sync.Mutex
	outcome  int64          // the last messenger.trigger_log.id
	verdicts map[int64]bool // requests that will not be sent
}

// events collects what the program did, and wakes whoever waits for some of it.
type events struct {
	mu       sync.Mutex
	outcomes []outcome
	messages []glifictest.Delivery
	changed  chan struct{} // closed and replaced at each event
}

func newEvents() *events { return &events{changed: make(chan struct{})} }

func (e *events) note(add func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	add()
	close(e.changed)
	e.changed = make(chan struct{})
}

// await waits until holds says so; holds is called with the events locked.
func (e *events) await(ctx context.Context, what string, holds func() bool) error {
	for {
		e.mu.Lock()
		done, changed := holds(), e.changed
		e.mu.Unlock()
		if done {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("wait for %s: %w", what, ctx.Err())
		}
	}
}

// arrived is called by the fake Glific for each message that reaches a phone. What led
// to it is told first.
func (d *demo) arrived(delivery glifictest.Delivery) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	if err := d.look(ctx); err != nil {
		d.line("   " + err.Error())
	}
	d.message(delivery.Phone, d.lateness(delivery), delivery.Body)
	d.events.note(func() { d.events.messages = append(d.events.messages, delivery) })
}

// lateness says how long after its due time a message arrived. The stored send_at
// leads from Glific's message to the request.
func (d *demo) lateness(delivery glifictest.Delivery) string {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var due time.Time
	err := d.db.Pool().QueryRow(ctx, `select greatest(q.scheduled_date_time, q.created_date_time)
		from messenger.delivery d join message_request_queue q on q.id = d.request_id
		where d.template_id = $1 and d.phone = $2 and d.send_at = $3`,
		strconv.Itoa(delivery.TemplateID), delivery.Phone, delivery.SendAt).Scan(&due)
	if err != nil || delivery.At.Sub(due) > time.Minute { // an old one: how late it is says nothing about us
		return ""
	}
	return fmt.Sprintf(", %d ms after it was due", delivery.At.Sub(due).Milliseconds())
}

// watch follows messenger.trigger_log and messenger.delivery until the context ends.
func (d *demo) watch(ctx context.Context) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if err := d.look(ctx); err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// look shows what is new.
func (d *demo) look(ctx context.Context) error {
	d.seen.Lock()
	defer d.seen.Unlock()
	if err := d.newOutcomes(ctx); err != nil {
		return err
	}
	return d.newVerdicts(ctx)
}

func (d *demo) newOutcomes(ctx context.Context) error {
	rows, err := d.db.Pool().Query(ctx, `select t.id, coalesce(t.rule_id, 0), coalesce(r.name, ''), t.source_table, t.entity_id, t.outcome,
			coalesce(t.reason, ''), t.scheduled_for, t.at - t.committed_at
		from messenger.trigger_log t left join message_rule r on r.id = t.rule_id where t.id > $1 order by t.id`, d.seen.outcome)
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	fresh, err := pgx.CollectRows(rows, pgx.RowToStructByPos[outcome])
	if err != nil {
		return fmt.Errorf("read outcomes: %w", err)
	}
	for _, o := range fresh {
		d.seen.outcome = o.ID
		d.showOutcome(o)
		d.events.note(func() { d.events.outcomes = append(d.events.outcomes, o) })
	}
	return nil
}

func (d *demo) showOutcome(o outcome) {
	if o.Rule == "" {
		return // the entity as a whole: nothing to tell here
	}
	took := d.paint(dim, fmt.Sprintf("(%d ms after the commit)", o.Took.Milliseconds()))
	says, colour := o.Outcome, cyan
	switch {
	case o.Outcome == "scheduled" && o.Scheduled != nil:
		says = "send " + when(*o.Scheduled)
	case o.Outcome == "failed":
		says, colour = "failed: "+o.Reason, red
	case o.Reason != "":
		says += ": " + o.Reason
	}
	d.event(colour, "rule", fmt.Sprintf("%q: %s %s", o.Rule, says, took))
}

// when words a time as a person would.
func when(at time.Time) string {
	wait := time.Until(at)
	switch {
	case wait < 500*time.Millisecond:
		return "now"
	case wait < time.Minute:
		return fmt.Sprintf("in %.1f s", wait.Seconds())
	}
	return "on " + at.Local().Format("2 January at 15:04")
}

func (d *demo) newVerdicts(ctx context.Context) error {
	rows, err := d.db.Pool().Query(ctx, `select request_id, state, coalesce(reason, '') || coalesce(': ' || detail, '')
		from messenger.delivery where state in ('refused', 'withdrawn', 'expired')`)
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	var request int64
	var state, reason string
	_, err = pgx.ForEachRow(rows, []any{&request, &state, &reason}, func() error {
		if !d.seen.verdicts[request] {
			d.seen.verdicts[request] = true
			d.event(yellow, "not sent", fmt.Sprintf("request %d is %s (%s)", request, state, strings.TrimSpace(reason)))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read deliveries: %w", err)
	}
	return nil
}
