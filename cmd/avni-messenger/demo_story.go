package main

import (
	"context"
	"fmt"
	"time"

	"avni-messenger/internal/avnitest"
)

// The sample organisation's rows that the story needs (internal/avnitest/seed.sql).
const (
	pregnancy     = 401
	ancVisit      = 501
	homeVisit     = 502
	symptoms      = "f0000000-0000-4000-8000-000000000706"
	fever         = "f0000000-0000-4000-8000-000000000707"
	weight        = "f0000000-0000-4000-8000-000000000712"
	welcomeRule   = 601
	ancRule       = 603
	brokenRule    = 607
	motherPhone   = "919812345678"
	meenaPhone    = "919876543210"
	newWorker     = "919823456789"
	sitaPhone     = "9779841234567"
	invalidStatus = "NotSentInvalidPhoneNumberInAvni"

	lastSampleRequest = 925
)

// cast are the rows that later scenes come back to.
type cast struct {
	mother, enrolment int64
}

// arrival is a message that the story must deliver.
type arrival struct {
	phone    string
	template int
}

// story is what the demo plays, and what must come of it.
var story = []struct {
	title    string
	arrivals []arrival
	play     func(context.Context, *demo) error
}{
	{"A mother is registered", []arrival{{motherPhone, 7001}}, register},
	{"She is enrolled in the Pregnancy programme: her health worker hears of it", []arrival{{meenaPhone, 7002}}, enrol},
	{"An ANC visit is scheduled: she is reminded the day before", []arrival{{motherPhone, 7003}}, remind},
	{"The next visit is completed before its reminder is due: the reminder is withdrawn", nil, withdraw},
	{"A home visit is completed; one of its two rules is broken", []arrival{{motherPhone, 7004}}, visitHome},
	{"A manager writes to her by hand, in Avni's web app", []arrival{{motherPhone, 7009}}, write},
	{"A health worker is created", []arrival{{newWorker, 7005}}, hire},
	{"Somebody is registered with a phone number that cannot be", nil, misdial},
	{"Another organisation, another country: a child is registered in Nepal", []arrival{{sitaPhone, 8002}}, registerChild},
}

// writeRules makes two of the sample rules quick enough for a demo: what they wait for
// in days, they wait for in seconds.
func (d *demo) writeRules(ctx context.Context) error {
	_, err := d.avni.SaveRule(ctx, avnitest.RuleFields{
		ID: welcomeRule, Name: "Welcome subject", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ScheduleRule: `({params, imports}) => ({ scheduledDateTime: imports.moment().add(2, 'seconds').toDate(), shouldSend: !params.entity.voided });`,
		MessageRule:  `({params}) => ({ parameters: [params.entity.firstName, params.entity.lowestAddressLevel.name] });`,
	})
	if err != nil {
		return fmt.Errorf("write rule: %w", err)
	}
	_, err = d.avni.SaveRule(ctx, avnitest.RuleFields{
		ID: ancRule, Name: "ANC reminder", EntityType: "ProgramEncounter", EntityTypeID: ancVisit, TemplateID: "7003",
		ScheduleRule: `({params, imports}) => {
  const visit = params.entity;
  if (visit.encounterDateTime || visit.cancelDateTime || visit.voided) return { shouldSend: false };
  return { scheduledDateTime: imports.moment(visit.earliestVisitDateTime).subtract(1, 'day').toISOString() };
};`,
		MessageRule: `({params, imports}) => {
  const visit = params.entity;
  return { parameters: [visit.programEnrolment.individual.firstName, visit.name, imports.moment(visit.earliestVisitDateTime).format('D MMMM')] };
};`,
	})
	if err != nil {
		return fmt.Errorf("write rule: %w", err)
	}
	return nil
}

func register(ctx context.Context, d *demo) error {
	id, err := d.avni.RegisterSubject(ctx, avnitest.SubjectFields{
		FirstName: "Sunita", LastName: "Rathod", Phone: "98123 45678", DateOfBirth: time.Date(1998, 3, 1, 0, 0, 0, 0, time.UTC),
	})
	if err != nil {
		return err
	}
	d.cast.mother = id
	d.event(cyan, "Avni", fmt.Sprintf("Meena saves subject %d, Sunita Rathod", id))
	return d.awaitMessage(ctx, motherPhone, 7001)
}

func enrol(ctx context.Context, d *demo) error {
	id, err := d.avni.Enrol(ctx, d.cast.mother, pregnancy, time.Time{}, map[string]any{weight: 52.5})
	if err != nil {
		return err
	}
	d.cast.enrolment = id
	d.event(cyan, "Avni", fmt.Sprintf("Meena saves enrolment %d", id))
	return d.awaitMessage(ctx, meenaPhone, 7002)
}

func remind(ctx context.Context, d *demo) error {
	at := time.Now().Add(24*time.Hour + 2*time.Second)
	id, err := d.avni.ScheduleVisit(ctx, d.cast.enrolment, ancVisit, "ANC 1", at, at.AddDate(0, 0, 7))
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("visit %d, ANC 1, is scheduled for tomorrow", id))
	return d.awaitMessage(ctx, motherPhone, 7003)
}

func withdraw(ctx context.Context, d *demo) error {
	at := time.Now().AddDate(0, 0, 28)
	id, err := d.avni.ScheduleVisit(ctx, d.cast.enrolment, ancVisit, "ANC 2", at, at.AddDate(0, 0, 7))
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("visit %d, ANC 2, is scheduled for in four weeks", id))
	if err := d.awaitOutcome(ctx, ancRule, "program_encounter", id, "scheduled"); err != nil {
		return err
	}
	if err := d.avni.CompleteVisit(ctx, id, time.Now(), map[string]any{weight: 54}); err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("visit %d is completed today", id))
	return d.awaitOutcome(ctx, ancRule, "program_encounter", id, "voided")
}

func visitHome(ctx context.Context, d *demo) error {
	id, err := d.avni.ScheduleEncounter(ctx, d.cast.mother, homeVisit, "Home visit", time.Now(), time.Now().AddDate(0, 0, 2))
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("home visit %d is scheduled for today", id))
	if err := d.awaitOutcome(ctx, brokenRule, "encounter", id, "failed"); err != nil {
		return err
	}
	if err := d.avni.CompleteEncounter(ctx, id, time.Now(), map[string]any{symptoms: []string{fever}}); err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("home visit %d is completed", id))
	return d.awaitMessage(ctx, motherPhone, 7004)
}

func write(ctx context.Context, d *demo) error {
	to := avnitest.Receiver{Type: "Subject", ID: d.cast.mother}
	id, err := d.avni.QueueManual(ctx, avnitest.AshaGramin, to, "7009", []string{"@name", "immunisation camp on Sunday"}, time.Now())
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("request %d: template 7009 with @name and a text", id))
	return d.awaitMessage(ctx, motherPhone, 7009)
}

func hire(ctx context.Context, d *demo) error {
	id, err := d.avni.CreateUser(ctx, avnitest.UserFields{Username: "kavita@asha", Name: "Kavita Solanki", Phone: "+" + newWorker})
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("an administrator creates user %d, kavita@asha", id))
	return d.awaitMessage(ctx, newWorker, 7005)
}

func misdial(ctx context.Context, d *demo) error {
	id, err := d.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Kamla", LastName: "Bai", Phone: "12345"})
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("Meena saves subject %d, Kamla Bai, with phone number 12345", id))
	return d.awaitStatus(ctx, welcomeRule, id, invalidStatus)
}

func registerChild(ctx context.Context, d *demo) error {
	id, err := d.avni.RegisterSubject(ctx, avnitest.SubjectFields{OrganisationID: avnitest.SevaNepal, FirstName: "Aarav", LastName: "Rai"})
	if err != nil {
		return err
	}
	d.event(cyan, "Avni", fmt.Sprintf("Sita saves subject %d, Aarav Rai", id))
	return d.awaitMessage(ctx, sitaPhone, 8002)
}
