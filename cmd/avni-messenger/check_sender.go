package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

func (c *checker) lookForSenders(ctx context.Context, s *section) {
	if c.unread != nil {
		s.Findings = append(s.Findings, skipped("all of it", "the organisations could not be read, see below"))
		return
	}
	s.each(ctx, []namedCheck{
		{"enableMessaging", c.checkMessaging}, {"rows marked Sent", c.checkForeignRows}, {"held organisations", c.checkHolds},
		{"other processes", c.checkInstances},
	})
}

const oneSender = "only one of avni-server and avni-messenger runs the rules, and only one sends"

// checkMessaging holds avni-server's own switch against the modes.
func (c *checker) checkMessaging(context.Context) ([]finding, error) {
	g := c.cfg.guard()
	var found []finding
	for _, s := range c.standings() {
		what := "enableMessaging of " + s.label()
		if held, fix := g.messagingConflict(s); held != "" {
			found = append(found, failing(what, fmt.Sprintf("mode %s, held back: %s", s.Mode, held), oneSender, fix))
			continue
		}
		switch {
		case s.Mode == ModeFull && s.Messaging:
			found = append(found, warning(what, "it is true, and MESSENGER_SOLE_OWNER=true says that avni-server's messaging is off nevertheless, which cannot be seen from here", oneSender,
				"Make sure of it; else set enableMessaging to false in the organisation's settings, and take MESSENGER_SOLE_OWNER out."))
		case s.Mode == ModeFull:
			found = append(found, fine(what, "false, so avni-server leaves its messages to mode full"))
		case s.Mode == ModeDispatch:
			found = append(found, fine(what, "true, as mode dispatch wants it; avni-server must run with AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1, which cannot be seen from here"))
		}
	}
	if len(found) == 0 {
		found = append(found, fine("second sender", "none is possible: nothing is sent in mode %s", ModeShadow))
	}
	return found, nil
}

// sending are the organisations that this configuration sends for.
func (c *checker) sending() (ids []int32, names map[int32]string) {
	names = make(map[int32]string)
	for _, s := range c.standings() {
		if s.Mode == ModeFull || s.Mode == ModeDispatch {
			ids, names[s.rules.ID] = append(ids, s.rules.ID), s.label()
		}
	}
	return ids, names
}

// sentByOthersSQL counts what was marked as sent by somebody else in the last days, and says
// since when avni-messenger delivers.
const sentByOthersSQL = `
select q.organisation_id, count(*), max(q.delivered_date_time),
       (select min(d.created_at) from messenger.delivery d where d.organisation_id = q.organisation_id)
from message_request_queue q
where q.organisation_id = any($1) and q.delivery_status = 'Sent' and q.delivered_date_time > now() - interval '2 days'
      and not exists (select from messenger.delivery d where d.request_id = q.id and (d.state = 'accepted' or d.accepted_at is not null))
group by q.organisation_id order by q.organisation_id`

func (c *checker) checkForeignRows(ctx context.Context) ([]finding, error) {
	const what = "rows marked Sent"
	ids, names := c.sending()
	if there, err := c.hasTable(ctx, "messenger.delivery"); err != nil || !there || len(ids) == 0 {
		return nil, err // nothing was delivered yet, so all of them are avni-server's
	}
	rows, err := c.pool.Query(ctx, sentByOthersSQL, ids)
	if err != nil {
		return nil, err
	}
	var found []finding
	var id int32
	var count int
	var newest time.Time
	var began *time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &count, &newest, &began}, func() error {
		text := fmt.Sprintf("%s of %s in the last two days by somebody else, the last one at %s",
			counted(count, "request was marked as sent", "requests were marked as sent"), names[id], clock(newest))
		if began != nil && newest.After(*began) {
			found = append(found, failing(what, text+", while avni-messenger delivered as well", oneSender,
				"Switch avni-server's sender off (AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1 there, and a restart), and any other."))
			return nil
		}
		found = append(found, warning(what, text+", before avni-messenger delivered anything", oneSender,
			"Nothing, if avni-server's sender was switched off after that; else set AVNI_SEND_MESSAGES_SCHEDULED_SINCE_DAYS=-1 there, and restart it."))
		return nil
	})
	if err == nil && len(found) == 0 {
		found = append(found, fine(what, "none by somebody else in the last two days"))
	}
	return found, err
}

// hasTable says whether a table of ours is there.
func (c *checker) hasTable(ctx context.Context, name string) (there bool, err error) {
	if err := c.ownSchema(); err != nil {
		return false, err
	}
	err = c.pool.QueryRow(ctx, `select to_regclass($1) is not null`, name).Scan(&there)
	return there, err
}

// checkHolds tells of organisations that are held because somebody else wrote for them.
func (c *checker) checkHolds(ctx context.Context) ([]finding, error) {
	if there, err := c.hasTable(ctx, "messenger.hold"); err != nil || !there {
		return nil, err
	}
	rows, err := c.pool.Query(ctx, `select organisation_id, kind, since from messenger.hold where released_at is null order by since`)
	if err != nil {
		return nil, err
	}
	var found []finding
	var id int32
	var kind string
	var since time.Time
	_, err = pgx.ForEachRow(rows, []any{&id, &kind, &since}, func() error {
		s := c.organisations.byID[id]
		if s == nil || !c.wanted(s) {
			return nil
		}
		did := "inserted a request of a rule"
		if kind == "foreign_sent" {
			did = "marked a request as sent"
		}
		found = append(found, failing("held organisations", fmt.Sprintf("%s is held since %s: somebody else %s", s.label(), clock(since), did), oneSender,
			"Switch the other one off, then run `avni-messenger release "+s.label()+"`."))
		return nil
	})
	return found, err
}

// checkInstances compares this environment with that of the processes that run.
func (c *checker) checkInstances(ctx context.Context) ([]finding, error) {
	const what = "other processes"
	if there, err := c.hasTable(ctx, "messenger.instance"); err != nil || !there {
		return nil, err
	}
	table := instanceTable{pool: c.pool, slot: c.cfg.Slot, forget: instanceForgotten}
	running, err := table.others(ctx)
	if err != nil {
		return nil, err
	}
	ours := newInstanceSettings(c.cfg, c.served())
	var found []finding
	for _, other := range running {
		differences := ours.differences(c.cfg.Slot, other)
		if differences != nil {
			found = append(found, warning(what, joinSentences(differences)+" (this one: the environment of check)", "the same settings everywhere",
				unequal{instance: other, sameSlot: other.slot == c.cfg.Slot}.fix()))
		}
	}
	if len(found) == 0 {
		text := "none runs"
		if len(running) > 0 {
			text = counted(len(running), "process runs", "processes run") + " on this database, with settings that agree with these"
		}
		found = append(found, fine(what, "%s", text))
	}
	return found, nil
}

// served leaves out an organisation that is looked at only because it was asked for.
func (c *checker) served() (served []*standing) {
	for _, s := range c.organisations.standings {
		if s.Mode != ModeNone {
			served = append(served, s)
		}
	}
	return served
}

func (c *checker) lookAtOrganisations(ctx context.Context, s *section) {
	s.check(ctx, "organisations", usualLimit, func(context.Context) ([]finding, error) {
		if c.unread != nil {
			return nil, c.unread
		}
		const named = "every organisation in MESSENGER_ORGANISATIONS is there, once"
		var found []finding
		for _, stray := range c.organisations.strays {
			found = append(found, failing("MESSENGER_ORGANISATIONS", stray.Reason, named, stray.Fix))
		}
		served := c.served()
		if len(served) == 0 {
			return append(found, warning("served", "no organisation is served", "at least one",
				"An organisation is served once it has a Glific configuration in Avni, unless MESSENGER_ORGANISATIONS or MESSENGER_MODE is none.")), nil
		}
		labels := make([]string, len(served))
		for i, one := range served {
			labels[i] = fmt.Sprintf("%s (%s)", one.label(), one.Mode)
		}
		return append(found, fine("served", "%s", strings.Join(labels, ", "))), nil
	})
}
