package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// sendNow makes a sample rule due at once, and its text tell one message from another.
func (p *program) sendNow(ruleID int64, name, entityType string, typeID int64, receiver, template, parameters string) {
	p.t.Helper()
	_, err := p.avni.SaveRule(p.t.Context(), avnitest.RuleFields{
		ID: ruleID, Name: name, EntityType: entityType, EntityTypeID: typeID, ReceiverType: receiver, TemplateID: template,
		ScheduleRule: `({params, imports}) => ({ scheduledDateTime: new Date(), shouldSend: true });`,
		MessageRule:  `({params, imports}) => ({ parameters: [` + parameters + `] });`,
	})
	p.must(err)
}

// From SQL to the phone, for each of the five entity types, with the rows that Avni
// reads afterwards.
func TestEveryEntityTypeReachesThePhone(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	ctx := t.Context()
	p.start()

	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, params.entity.lowestAddressLevel.name`)
	mother, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Sunita", LastName: "Rathod", Phone: "9812345678"})
	p.must(err)
	enrolment, err := p.avni.Enrol(ctx, mother, 401, time.Date(2026, 5, 4, 6, 0, 0, 0, time.UTC), nil)
	p.must(err)
	earliest := time.Now() // whatever the hour in Kolkata: the day before at ten is past, and within four days
	visit, err := p.avni.ScheduleVisit(ctx, enrolment, 501, "ANC 1", earliest, earliest.AddDate(0, 0, 7))
	p.must(err)
	encounter, err := p.avni.ScheduleEncounter(ctx, mother, 502, "Home visit", time.Now(), time.Now().AddDate(0, 0, 2))
	p.must(err)
	p.must(p.avni.CompleteEncounter(ctx, encounter, time.Now(), map[string]any{symptoms: []string{fever}}))
	user, err := p.avni.CreateUser(ctx, avnitest.UserFields{Username: "kavita@asha", Phone: "+919823456789"})
	p.must(err)
	child, err := p.avni.RegisterSubject(ctx, avnitest.SubjectFields{OrganisationID: avnitest.SevaNepal, FirstName: "Aarav"})
	p.must(err)

	kolkata, err := time.LoadLocation("Asia/Kolkata")
	p.must(err)
	want := map[string]int{
		message("919812345678", 7001, "Sunita", "Kevadia"):                                           1,
		message("919876543210", 7002, "Sunita Rathod", "04/05/2026"):                                 1,
		message("919812345678", 7003, "Sunita", "ANC 1", earliest.In(kolkata).Format("02 Jan 2006")): 1,
		message("919812345678", 7004, "Sunita", "Fever"):                                             1,
		message("919823456789", 7005, "kavita@asha"):                                                 1,
		message("9779841234567", 8002, "Aarav"):                                                      1,
		message("919876543210", 7009, "Meena Kumari", "camp on Sunday"):                              1, // waits in the sample data
	}
	p.eventually(avnitest.Patience, func() string { return cmp.Diff(want, p.messages()) })

	for _, row := range []struct {
		rule   int
		entity int64
	}{{601, mother}, {602, enrolment}, {603, visit}, {604, encounter}, {605, user}, {612, child}} {
		p.eventually(avnitest.Patience, func() string {
			if p.count(`select count(*) from message_request_queue where message_rule_id = $1 and entity_id = $2
				and delivery_status = 'Sent' and delivered_date_time is not null and not is_voided`, row.rule, row.entity) == 1 {
				return ""
			}
			return fmt.Sprintf("rule %d has no sent request for %d", row.rule, row.entity)
		})
	}
	p.stop()
	if left := p.count(`select count(*) from messenger.inbox`); left != 0 {
		t.Errorf("%d changes are left in the inbox", left)
	}
}

// Killed ten times at random moments while field workers go on saving, the program has
// in the end delivered every message exactly once.
func TestNothingIsLostOrDoubledWhenKilled(t *testing.T) {
	const subjects, kills = 300, 10
	p := newProgram(t, glifictest.Options{AnswerTime: 20 * time.Millisecond})
	p.sendNow(601, "Welcome subject", "Subject", 301, "Subject", "7001", `params.entity.firstName, 'home'`)
	p.sendNow(602, "Tell worker of enrolment", "ProgramEnrolment", 401, "User", "7002", `params.entity.individual.firstName, 'today'`)
	p.start()

	want := map[string]int{message("919876543210", 7009, "Meena Kumari", "camp on Sunday"): 1}
	saving, explain := p.saveMeanwhile(subjects, want)
	defer explain()
	for range kills {
		pause := time.Duration(200+rand.IntN(900)) * time.Millisecond
		select {
		case <-time.After(pause): // the random moment is the point of the test
		case <-t.Context().Done():
		}
		p.now.kill()
		p.start()
	}
	saving.Wait()
	p.eventually(4*time.Minute, func() string {
		if left := p.count(`select count(*) from messenger.inbox`); left > 0 {
			return fmt.Sprintf("%d changes are left in the inbox", left)
		}
		return missing(want, p.messages())
	})
	if diff := cmp.Diff(want, p.messages()); diff != "" {
		t.Errorf("messages (-want +got):\n%s", diff)
	}
	p.eventually(avnitest.Patience, func() string {
		open := p.count(`select count(*) from message_request_queue
			where delivery_status <> 'Sent' and not is_voided and scheduled_date_time < now()`)
		if open > 0 {
			return fmt.Sprintf("%d requests are not marked Sent", open)
		}
		return ""
	})
	if n := p.count(`select count(*) from messenger.delivery where state <> 'accepted'`); n != 0 {
		t.Errorf("%d deliveries are not settled", n)
	}
	p.stop()
}

// saveMeanwhile saves subjects beside the test, and adds the messages that must come of
// it to want, which may be read after saving.Wait. explain, to be deferred, says where
// each message came from if the test has failed.
func (p *program) saveMeanwhile(subjects int, want map[string]int) (saving *sync.WaitGroup, explain func()) {
	origins, saving := map[string]origin{}, new(sync.WaitGroup)
	saving.Go(func() {
		err := saveSubjects(p.t.Context(), p.avni, subjects, func(message string, from origin) {
			want[message], origins[message] = 1, from
		})
		if err != nil {
			p.t.Error(err)
		}
	})
	return saving, func() {
		saving.Wait()
		if p.t.Failed() {
			p.explain(want, origins)
		}
	}
}

// saveSubjects registers and enrols subjects as several field workers would, and notes
// the messages that must come of it.
func saveSubjects(ctx context.Context, avni *avnitest.Avni, n int, note func(message string, from origin)) error {
	for i := range n {
		phone, name := fmt.Sprintf("98765%05d", i), fmt.Sprintf("Subject%03d", i)
		subject, err := avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: name, Phone: phone})
		if err != nil {
			return err
		}
		note(message("91"+phone, 7001, name, "home"), origin{"individual", subject, 601})
		if i%3 == 0 {
			enrolment, err := avni.Enrol(ctx, subject, 401, time.Time{}, nil)
			if err != nil {
				return err
			}
			note(message("919876543210", 7002, name, "today"), origin{"program_enrolment", enrolment, 602})
		}
		select {
		case <-time.After(40 * time.Millisecond): // people do not save at full speed
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// missing says how many messages have not come yet.
func missing(want, got map[string]int) string {
	n := 0
	for m := range want {
		if got[m] == 0 {
			n++
		}
	}
	if n > 0 {
		return fmt.Sprintf("%d of %d messages are missing", n, len(want))
	}
	return ""
}
