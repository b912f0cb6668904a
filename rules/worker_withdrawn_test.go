package rules

import (
	"context"
	"testing"
	"time"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
)

// mother is a subject with something pending on every level.
type mother struct {
	*office
	subject, enrolment, visit, encounter int64
}

func (o *office) mother() mother {
	o.Helper()
	ctx := o.Context()
	m := mother{office: o}
	m.subject = must[int64](o)(o.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Lila", RegistrationDate: time.Now().AddDate(0, 0, 2)}))
	m.enrolment = must[int64](o)(o.avni.Enrol(ctx, m.subject, 401, time.Time{}, nil))
	m.visit = must[int64](o)(o.avni.ScheduleVisit(ctx, m.enrolment, 501, "ANC", march, march))
	m.encounter = must[int64](o)(o.avni.ScheduleEncounter(ctx, m.subject, 502, "Home", march, march))
	if err := o.avni.CompleteEncounter(ctx, m.encounter, march, nil); err != nil {
		o.Fatal(err)
	}
	return m
}

func (m mother) evaluate() {
	m.Helper()
	m.arrive(cdc.Individual, cdc.Insert, m.subject)
	m.arrive(cdc.ProgramEnrolment, cdc.Insert, m.enrolment)
	m.arrive(cdc.ProgramEncounter, cdc.Insert, m.visit)
	m.arrive(cdc.Encounter, cdc.Insert, m.encounter)
	m.work()
}

// expect checks which of the mother's requests wait: that of the subject, the enrolment,
// the visit and the encounter.
func (m mother) expect(when string, subject, enrolment, visit, encounter bool) {
	m.Helper()
	for _, one := range []struct {
		rule, entity int64
		waits        bool
	}{{601, m.subject, subject}, {602, m.enrolment, enrolment}, {603, m.visit, visit}, {604, m.encounter, encounter}} {
		if r := m.request(one.rule, one.entity); r.Voided == one.waits {
			m.Errorf("%s: the request of rule %d has is_voided %v", when, one.rule, r.Voided)
		}
	}
}

func (m mother) do(what func(context.Context, int64) error, id int64) {
	m.Helper()
	if err := what(m.Context(), id); err != nil {
		m.Fatal(err)
	}
}

func (m mother) unvoidEnrolment() {
	m.Helper()
	exec(m, m.avni.Pool(), `update program_enrolment set is_voided = false where id = $1`, m.enrolment)
}

// always602 makes rule 602 answer with a time to come, as the engine's clock is fixed.
func (o *office) always602() {
	o.saveRule(avnitest.RuleFields{ID: 602, Name: "Tell worker of enrolment", EntityType: "ProgramEnrolment", EntityTypeID: 401, ReceiverType: "User",
		ScheduleRule: `() => ({scheduledDateTime: '2030-03-10T04:30:00Z'})`, MessageRule: `x`})
}

func TestUnvoidedSubjectBringsBackAllUnderIt(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	m := o.mother()
	m.evaluate()
	m.expect("at first", true, true, true, true)
	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.Individual, m.subject)
	m.expect("voided", false, false, false, false)
	m.upkeep()
	if o.inbox() != 0 {
		t.Errorf("%d changes are back although the subject is voided", o.inbox())
	}
	m.do(m.avni.UnvoidSubject, m.subject)
	m.upkeep()
	m.work()
	m.expect("there again", true, true, true, true)
	o.expectLog(cdc.ProgramEncounter, m.visit, "603 scheduled", "603 restored")
	if n := o.count(`select count(*) from messenger.withdrawal`); n != 0 {
		t.Errorf("%d withdrawals are left", n)
	}
}

func TestUnvoidedEnrolmentBringsBackItsVisits(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	m := o.mother()
	m.evaluate()
	m.do(m.avni.VoidEnrolment, m.enrolment)
	o.saved(cdc.ProgramEnrolment, m.enrolment)
	m.expect("enrolment voided", true, false, false, true)
	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.Individual, m.subject)
	m.expect("subject voided", false, false, false, false)
	m.do(m.avni.UnvoidSubject, m.subject)
	m.upkeep()
	m.work()
	m.expect("subject there again", true, false, false, true)
	m.unvoidEnrolment()
	m.upkeep()
	m.work()
	m.expect("enrolment there again", true, true, true, true)
}

// The rules decide on the data of then, a delivered message is left alone, and what was
// due too long ago does not come back.
func TestWhatDoesNotComeBack(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	m := o.mother()
	m.evaluate()
	exec(t, o.avni.Pool(), `update message_request_queue set delivered_date_time = now(), delivery_status = 'Sent' where message_rule_id = 604 and entity_id = $1`, m.encounter)
	exec(t, o.avni.Pool(), `update message_request_queue set scheduled_date_time = now() - interval '5 days' where message_rule_id = 602 and entity_id = $1`, m.enrolment)
	delivered := o.request(604, m.encounter)
	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.Individual, m.subject)
	if err := o.avni.CompleteVisit(t.Context(), m.visit, march, nil); err != nil {
		t.Fatal(err)
	}
	m.do(m.avni.UnvoidSubject, m.subject)
	m.upkeep()
	m.work()
	m.expect("there again", true, false, false, true)
	if r := o.request(604, m.encounter); r != delivered {
		t.Errorf("the delivered request is %+v, was %+v", r, delivered)
	}
	o.expectLog(cdc.ProgramEncounter, m.visit, "603 scheduled", "603 skipped")
}

// A visit is first looked at while its subject is voided.
func TestVisitThatNoRuleWasRunFor(t *testing.T) {
	o := openOffice(t, Write)
	m := o.mother()
	m.do(m.avni.VoidSubject, m.subject)
	o.created(cdc.ProgramEncounter, m.visit)
	o.expectLog(cdc.ProgramEncounter, m.visit, "0 skipped")
	m.do(m.avni.UnvoidSubject, m.subject)
	m.upkeep()
	m.work()
	if r := o.request(603, m.visit); r.Voided {
		t.Errorf("request %+v", r)
	}
	// What is voided itself, is of a type without rules, or is only compared, is not remembered.
	m.do(m.avni.VoidVisit, m.visit)
	exec(t, o.db.Pool(), `delete from message_request_queue where entity_id = $1`, m.visit)
	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.ProgramEncounter, m.visit)
	o.dir.treat(101, Compare)
	o.saved(cdc.Encounter, m.encounter)
	if n := o.count(`select count(*) from messenger.withdrawal`); n != 0 {
		t.Errorf("%d withdrawals are remembered", n)
	}
}

// Nobody runs while the subject is un-voided, and two look for it afterwards.
func TestUnvoidedWhileNobodyRan(t *testing.T) {
	o := openOffice(t, Write)
	o.always602()
	m := o.mother()
	m.evaluate()
	m.do(m.avni.VoidSubject, m.subject)
	o.saved(cdc.Individual, m.subject)
	m.do(m.avni.UnvoidSubject, m.subject)
	o.run(o.newWorker(o.db.Pool()))
	o.run(o.newWorker(o.db.Pool()))
	o.eventually("all is there again", func() bool {
		return o.count(`select count(*) from message_request_queue where not is_voided and (entity_id, message_rule_id) in (($1, 601), ($2, 602), ($3, 603), ($4, 604))`,
			m.subject, m.enrolment, m.visit, m.encounter) == 4
	})
}
