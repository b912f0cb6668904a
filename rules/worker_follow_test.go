package rules

import (
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

func atOnce(w *WorkerOptions) { w.FollowAfter = time.Nanosecond }

// reminder is the sample's rule 603 with another text.
func reminder(schedule string) avnitest.RuleFields {
	return avnitest.RuleFields{ID: 603, Name: "ANC reminder", EntityType: "ProgramEncounter", EntityTypeID: 501, MessageRule: `x`, ScheduleRule: schedule}
}

// followed has pending requests follow, and the rules run for what that brings.
func (o *office) followed() {
	o.Helper()
	if err := o.worker.followChanged(o.Context()); err != nil {
		o.Fatal(err)
	}
	o.work()
}

func TestPendingRequestsFollowTheirRule(t *testing.T) {
	o := openOffice(t, Write, atOnce)
	o.followed() // the rules as they are
	ctx := t.Context()
	waiting := must[int64](t)(o.avni.ScheduleVisit(ctx, 1001, 501, "ANC", march, march))
	done := must[int64](t)(o.avni.ScheduleVisit(ctx, 1001, 501, "ANC", march, march))
	delivered := must[int64](t)(o.avni.ScheduleVisit(ctx, 1001, 501, "ANC", march, march))
	for _, id := range []int64{waiting, done, delivered} {
		o.created(cdc.ProgramEncounter, id)
	}
	if err := o.avni.CompleteVisit(ctx, done, march, nil); err != nil {
		t.Fatal(err)
	}
	o.saved(cdc.ProgramEncounter, done)
	exec(t, o.avni.Pool(), `update message_request_queue set delivered_date_time = now(), delivery_status = 'Sent' where entity_id = $1 and message_rule_id = 603`, delivered)
	sent := o.request(603, delivered)
	expect := func(when, at string, voided bool) {
		t.Helper()
		if r := o.request(603, waiting); r.At != at || r.Voided != voided {
			t.Errorf("%s: the pending request is %+v, want %s, voided %v", when, r, at, voided)
		}
	}
	expect("at first", "2030-03-09T04:30:00.000Z", false)

	o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
	o.followed()
	expect("edited", "2031-01-01T00:00:00.000Z", false)
	if r := o.request(603, done); !r.Voided || r.At != "2030-03-09T04:30:00.000Z" {
		t.Errorf("the edit brings back what was not pending: %+v", r)
	}
	if n := o.count(`select count(*) from messenger.rule_followed where changed_at is not null`); n != 0 {
		t.Errorf("%d rules are followed still", n)
	}

	if err := o.avni.VoidRule(ctx, 603); err != nil {
		t.Fatal(err)
	}
	if err := o.catalogue.Load(ctx); err != nil {
		t.Fatal(err)
	}
	o.followed()
	expect("voided", "2031-01-01T00:00:00.000Z", true)
	if r := o.request(603, waiting); r.LastModified != 201 {
		t.Errorf("voided by user %d, want the system user", r.LastModified)
	}
	if n := o.count(`select count(*) from messenger.trigger_log where outcome = 'voided' and reason = 'the rule is voided' and rule_id = 603
		and source_table = 'program_encounter' and entity_id = $1 and request_id = $2`, waiting, o.request(603, waiting).ID); n != 1 {
		t.Errorf("the trigger log tells %d times of it", n)
	}

	exec(t, o.db.Pool(), `update message_rule set is_voided = false where id = 603`)
	if err := o.catalogue.Load(ctx); err != nil {
		t.Fatal(err)
	}
	o.upkeep()
	o.work()
	expect("there again", "2031-01-01T00:00:00.000Z", false)
	if r := o.request(603, delivered); r != sent {
		t.Errorf("the delivered request is %+v, was %+v", r, sent)
	}
}

func TestRequestsThatTheirRuleIsNotAboutAnyMore(t *testing.T) {
	o := openOffice(t, Write, atOnce)
	o.followed()
	o.saved(cdc.ProgramEncounter, 1001)
	o.saved(cdc.Encounter, 1002)
	other := reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`)
	other.EntityTypeID = 502
	o.saveRule(other)
	home := avnitest.RuleFields{ID: 604, Name: "Other", EntityType: "Subject", EntityTypeID: 301, ScheduleRule: `() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`}
	o.saveRule(home)
	o.followed()
	for rule, entity := range map[int64]int64{603: 1001, 604: 1002} {
		if r := o.request(rule, entity); !r.Voided {
			t.Errorf("rule %d: %+v waits", rule, r)
		}
	}
	if n := o.count(`select count(*) from messenger.trigger_log where reason = 'the rule is not about it any more' and (source_table, entity_id) in (('program_encounter', 1001), ('encounter', 1002))`); n != 2 {
		t.Errorf("%d withdrawals are logged", n)
	}
	if n := o.count(`select count(*) from messenger.rule_followed f join message_rule r on r.id = f.rule_id where f.entity_type = r.entity_type`); n != o.count(`select count(*) from message_rule`) {
		t.Error("it is not known what the rules are about")
	}
}

// More requests than one transaction takes, more than the inbox should hold, and a
// process that stops in between.
func TestManyPendingRequestsFollow(t *testing.T) {
	const many = followBacklog + followSize + 10
	o := openOffice(t, Write, atOnce, withEngine(always(march)))
	o.followed()
	exec(t, o.avni.Pool(), `
		with v as (insert into program_encounter (uuid, individual_id, program_enrolment_id, encounter_type_id, observations, version, organisation_id,
				is_voided, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, cancel_observations)
			select 'many-' || n, 1001, 1001, 501, '{}', 0, 101, false, 202, 202, now(), now(), '{}' from generate_series(1, $1::int) n returning id)
		insert into message_request_queue (uuid, organisation_id, message_rule_id, message_receiver_id, entity_id, scheduled_date_time, delivery_status, is_voided,
			version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select 'many-' || id, 101, 603, 901, id, now() + interval '1 day', 'NotSent', false, 0, 202, 202, now(), now() from v`, many)
	o.saveRule(reminder(`x`))
	if err := o.worker.followChanged(t.Context()); err != nil {
		t.Fatal(err)
	}
	if o.inbox() != followBacklog {
		t.Errorf("%d changes are in the inbox, want %d", o.inbox(), followBacklog)
	}
	next := o.newWorker(o.db.Pool(), atOnce, withEngine(always(march)), func(w *WorkerOptions) { w.PollInterval = 50 * time.Millisecond })
	o.run(next)
	o.eventually("all follow", func() bool {
		return o.count(`select count(*) from message_request_queue where uuid like 'many-%' and scheduled_date_time = $1`, march) == many
	})
}

// A change that is being evaluated by the rule as it was is evaluated again.
func TestRuleChangedWhileAnotherProcessEvaluates(t *testing.T) {
	o := openOffice(t, Write, atOnce)
	o.followed()
	o.saved(cdc.ProgramEncounter, 1001)
	o.arrive(cdc.ProgramEncounter, cdc.Update, 1001)
	claimed := must[[]change](t)(o.newWorker(o.db.Pool()).claim(t.Context(), 101))
	if len(claimed) != 1 {
		t.Fatalf("claimed %+v", claimed)
	}
	o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
	o.followed()
	if r := o.request(603, 1001); r.At != "2031-01-01T00:00:00.000Z" {
		t.Errorf("the request is %+v", r)
	}
}

func TestWhoseRequestsDoNotFollow(t *testing.T) {
	for _, treatment := range []Treatment{Compare, Wait, Ignore} {
		t.Run(treatment.String(), func(t *testing.T) {
			o := openOffice(t, Write, atOnce)
			o.followed()
			o.saved(cdc.ProgramEncounter, 1001)
			o.dir.treat(101, treatment)
			o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
			o.followed()
			if o.inbox() != 0 {
				t.Error("it is evaluated")
			}
			o.dir.treat(101, Write)
			o.followed()
			if r := o.request(603, 1001); r.At != "2031-01-01T00:00:00.000Z" {
				t.Errorf("written again, but the request is %+v", r)
			}
		})
	}
	t.Run("before the others have heard", func(t *testing.T) {
		o := openOffice(t, Write, func(w *WorkerOptions) { w.FollowAfter = time.Hour })
		o.followed()
		o.saved(cdc.ProgramEncounter, 1001)
		o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
		o.followed()
		if r := o.request(603, 1001); r.At != "2030-02-28T04:30:00.000Z" {
			t.Errorf("the request is %+v", r)
		}
	})
	t.Run("long overdue", func(t *testing.T) {
		o := openOffice(t, Write, atOnce)
		o.followed()
		o.saved(cdc.ProgramEncounter, 1001)
		exec(t, o.avni.Pool(), `update message_request_queue set scheduled_date_time = now() - interval '5 days' where message_rule_id = 603`)
		o.saveRule(reminder(`() => ({scheduledDateTime: '2031-01-01T00:00:00Z'})`))
		o.followed()
		if n := o.count(`select count(*) from messenger.trigger_log`); n != 1 {
			t.Error("it is evaluated")
		}
	})
}
