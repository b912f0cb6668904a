package main

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// awaitMessage waits for a message of the template on the phone.
func (d *demo) awaitMessage(ctx context.Context, phone string, template int) error {
	return d.events.await(ctx, fmt.Sprintf("message %d to +%s", template, phone), func() bool {
		for _, m := range d.events.messages {
			if m.Phone == phone && m.TemplateID == template {
				return true
			}
		}
		return false
	})
}

// awaitOutcome waits until the rule has come to the outcome for the entity.
func (d *demo) awaitOutcome(ctx context.Context, ruleID int64, table string, entityID int64, want string) error {
	return d.events.await(ctx, fmt.Sprintf("rule %d to be %s for %s %d", ruleID, want, table, entityID), func() bool {
		return slices.ContainsFunc(d.events.outcomes, func(o outcome) bool {
			return o.RuleID == ruleID && o.Table == table && o.EntityID == entityID && o.Outcome == want
		})
	})
}

// awaitStatus waits until Avni's row for the rule and entity has the status.
func (d *demo) awaitStatus(ctx context.Context, ruleID, entityID int64, want string) error {
	for {
		var status string
		err := d.db.Pool().QueryRow(ctx, `select coalesce((select delivery_status from message_request_queue
			where message_rule_id = $1 and entity_id = $2), '')`, ruleID, entityID).Scan(&status)
		if err != nil {
			return fmt.Errorf("read status of rule %d for %d: %w", ruleID, entityID, err)
		}
		if status == want {
			if err := d.look(ctx); err != nil {
				return err
			}
			d.event(yellow, "Avni", "message_request_queue says "+status)
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s, found %q: %w", want, status, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// settle waits until nothing that is due is still open, so that the summary is final.
func (d *demo) settle(ctx context.Context) error {
	for {
		var open int
		err := d.db.Pool().QueryRow(ctx, `select count(*) from message_request_queue
			where delivery_status = 'NotSent' and not is_voided and scheduled_date_time <= now()`).Scan(&open)
		if err != nil || open == 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %d requests that are due: %w", open, ctx.Err())
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// compare holds the fake Glific's ledger against what the story promises: the same
// messages, each once, and no others.
func (d *demo) compare() error {
	var want, got []arrival
	for _, scene := range story {
		want = append(want, scene.arrivals...)
	}
	for _, delivery := range d.glific.Ledger() {
		got = append(got, arrival{delivery.Phone, delivery.TemplateID})
	}
	order := func(a, b arrival) int {
		return cmp.Or(strings.Compare(a.phone, b.phone), cmp.Compare(a.template, b.template))
	}
	slices.SortFunc(want, order)
	slices.SortFunc(got, order)
	if !slices.Equal(want, got) {
		return fmt.Errorf("the messages delivered are not those of the story: want %v, got %v", want, got)
	}
	return nil
}

// row is one line of the summary.
type row struct {
	Message string
	To      string
	Due     time.Time
	Sent    *time.Time
	Status  string
	Why     string
}

// summary shows Avni's own table as the story left it.
func (d *demo) summary(ctx context.Context) {
	d.heading("What Avni's message_request_queue says now (times of " + time.Local.String() + ")")
	rows, err := d.db.Pool().Query(ctx, `select coalesce(r.name, 'written in the web app'), c.receiver_type || ' ' || coalesce(c.receiver_id::text, c.external_id),
			q.scheduled_date_time, q.delivered_date_time, case when q.is_voided then 'withdrawn' else q.delivery_status end, coalesce(d.reason, '')
		from message_request_queue q join message_receiver c on c.id = q.message_receiver_id
		left join message_rule r on r.id = q.message_rule_id left join messenger.delivery d on d.request_id = q.id
		where q.id > $1 order by q.id`, lastSampleRequest)
	if err != nil {
		d.line("   " + err.Error())
		return
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[row])
	if err != nil {
		d.line("   " + err.Error())
		return
	}
	d.line(d.paint(dim, fmt.Sprintf("   %-32s %-14s %-19s %-10s %s", "Message", "To", "Due", "Sent", "Status")))
	for _, r := range all {
		sent := "–"
		if r.Sent != nil {
			sent = r.Sent.Local().Format("15:04:05")
		}
		d.line(strings.TrimRight(fmt.Sprintf("   %-32s %-14s %-19s %-10s %s %s", r.Message, r.To, r.Due.Local().Format("2006-01-02 15:04:05"), sent, r.Status, r.Why), " "))
	}
	d.line(fmt.Sprintf("\n   %d messages arrived.", len(d.glific.Ledger())))
}
