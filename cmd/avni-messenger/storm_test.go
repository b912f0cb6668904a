package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// later has rule 601 welcome new subjects at a time to come.
func (p *program) later() {
	p.t.Helper()
	_, err := p.avni.SaveRule(p.t.Context(), avnitest.RuleFields{ID: 601, Name: "Welcome subject", EntityType: "Subject", EntityTypeID: 301, ReceiverType: "Subject",
		TemplateID: "7001", ScheduleRule: `() => ({scheduledDateTime: '2035-01-01T00:00:00Z'})`, MessageRule: `() => ({parameters: ['x', 'y']})`})
	p.must(err)
}

// imports saves subjects in one transaction, so long ago by their times.
func (p *program) imports(subjects int, ago time.Duration) {
	p.t.Helper()
	at := time.Now().Add(-ago)
	_, err := p.avni.Pool().Exec(p.t.Context(), `
		insert into individual (uuid, version, first_name, observations, date_of_birth_verified, organisation_id, subject_type_id, registration_date,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select uuid_generate_v4()::text, 0, 'Imported', '{}', false, 101, 301, now(), 202, 202, $2::timestamptz, $2 from generate_series(1, $1::int)`, subjects, at)
	p.must(err)
}

// second starts another process beside the one that runs.
func (p *program) second() *sidecar {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), time.Minute)
	defer cancel()
	other, err := startSidecar(ctx, p.log, "MESSENGER_DATABASE_URL="+p.db.URL(), "MESSENGER_MODE=full")
	p.must(err)
	p.t.Cleanup(other.kill)
	p.must(other.await(ctx, "/health", http.StatusOK))
	return other
}

const madeSQL = `select count(*) from message_request_queue q join individual i on i.id = q.entity_id and i.first_name = 'Imported' where q.message_rule_id = 601`

// An import of many subjects in one transaction makes as many messages as may be, through
// the death of one of two processes; the others wait until somebody releases them.
func TestImportIsHeldUntilReleased(t *testing.T) {
	const subjects, limit = 3000, 500
	p := newProgram(t, glifictest.Options{})
	p.later()
	p.start()
	other := p.second()
	p.imports(subjects, 0)
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.held`); n < 100 {
			return fmt.Sprintf("%d are held", n)
		}
		return ""
	})
	p.now.kill()
	if n := p.count(`select count(*) from messenger.inbox`); n == 0 {
		t.Log("all was evaluated before the process was killed")
	}
	p.eventually(2*avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.inbox`); n > 0 {
			return fmt.Sprintf("%d changes are in the inbox", n)
		}
		return ""
	})
	made, held := p.count(madeSQL), p.count(`select count(*) from messenger.held where state = 'held' and rule_id = 601`)
	if made < limit || made > limit+7 || made+held != subjects { // each of two processes writes up to four at the same time
		t.Errorf("%d are made, %d are held", made, held)
	}
	p.eventually(avnitest.Patience, func() string {
		_, body, err := other.get(t.Context(), "/health")
		want := counted(int(held), "message is", "messages are") + " held since "
		if err != nil || !strings.Contains(body, want) {
			return fmt.Sprintf("health says %s %v", body, err)
		}
		_, figures, err := other.get(t.Context(), "/metrics")
		if want := fmt.Sprintf("messenger_rules_held %d\n", held); err != nil || !strings.Contains(figures, want) {
			return "no metric " + want
		}
		return ""
	})
	environ := []string{"MESSENGER_DATABASE_URL=" + p.db.URL()}
	code, list, stderr := command(t, environ, "release")
	if code != exitOK || !strings.Contains(list, "601 Welcome subject") || !strings.Contains(list, fmt.Sprintf("held   %d ", held)) || !strings.Contains(list, "meena@asha") {
		t.Errorf("release lists %d %s%s", code, list, stderr)
	}
	code, stdout, stderr := command(t, environ, "release", "--rule", "601")
	if want := counted(int(held), "message", "messages") + " of rule 601: released; "; code != exitOK || !strings.HasPrefix(stdout, want) {
		t.Fatalf("release ended with %d: %s%s", code, stdout, stderr)
	}
	p.eventually(2*avnitest.Patience, func() string {
		if n := p.count(madeSQL); n != subjects {
			return fmt.Sprintf("%d of %d are made", n, subjects)
		}
		if n := p.count(`select count(*) from messenger.held`) + p.count(`select count(*) from messenger.inbox`); n > 0 {
			return fmt.Sprintf("%d rows are left", n)
		}
		return ""
	})
	if n := p.count(`select count(*) from (select entity_id from message_request_queue where message_rule_id = 601 group by 1 having count(*) > 1) twice`); n > 0 {
		t.Errorf("%d subjects have two requests", n)
	}
}

// What the slot has missed obeys the activation and the limit; what somebody looks up by
// hand does not.
func TestCatchUpByItselfAndByHand(t *testing.T) {
	const old, missed, limit = 30, 40, 10
	p := newProgram(t, glifictest.Options{}, "MESSENGER_STORM_LIMIT="+fmt.Sprint(limit))
	p.later()
	p.start()
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.activation where organisation_id = 101 and rule_id in (0, 601)`); n != 2 {
			return fmt.Sprintf("%d rows of activation", n)
		}
		return ""
	})
	p.stop()
	execAs(t, p.db.URL(), `select pg_drop_replication_slot('avni_messenger')`)
	p.imports(old, 10*time.Minute) // as a restore would: within what a search by time looks through
	p.imports(missed, 0)
	p.start()
	evaluated := func(outcome string) int {
		return p.count(`select count(*) from messenger.trigger_log t join individual i on i.id = t.entity_id and i.first_name = 'Imported'
			where t.rule_id = 601 and t.source_table = 'individual' and t.outcome = $1`, outcome)
	}
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.gap where finished_at is not null`); n != 1 {
			return fmt.Sprintf("%d repairs are finished", n)
		}
		if n := evaluated("scheduled") + evaluated("held"); n != missed {
			return fmt.Sprintf("%d of %d are evaluated", n, missed)
		}
		return ""
	})
	if n := evaluated("scheduled"); n < limit || n > limit+3 || evaluated("before_activation") != old {
		t.Errorf("%d are made, %d were saved before, %d are held", n, evaluated("before_activation"), evaluated("held"))
	}
	held := p.count(`select count(*) from messenger.held`)
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + p.db.URL(), "MESSENGER_MODE=full", "MESSENGER_STORM_LIMIT=" + fmt.Sprint(limit)}, "catch-up", "--since", "1h")
	if code != exitOK || !strings.Contains(stdout, "these are more than MESSENGER_STORM_LIMIT (10)") {
		t.Fatalf("catch-up ended with %d: %s%s", code, stdout, stderr)
	}
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(madeSQL); n != old+missed-held {
			return fmt.Sprintf("%d are made, want %d", n, old+missed-held)
		}
		return ""
	})
	p.awaitInbox()
	if n := p.count(`select count(*) from messenger.held where state = 'held'`); n != held {
		t.Errorf("%d of %d are held", n, held)
	}
}

func (p *program) awaitInbox() {
	p.t.Helper()
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.inbox`); n > 0 {
			return fmt.Sprintf("%d changes are in the inbox", n)
		}
		return ""
	})
}

// What was saved before the organisation is served makes no message, whether or not it is
// read afterwards; what it saves while it is held back does.
func TestNothingSavedBeforeTheStartIsSent(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	p.later()
	p.must(p.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true))
	p.start() // held back, since avni-server evaluates
	p.imports(1, time.Minute)
	p.imports(2, 0)
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.inbox i join individual s on s.id = i.entity_id and s.first_name = 'Imported'`); n != 3 {
			return fmt.Sprintf("%d changes wait", n)
		}
		return ""
	})
	p.must(p.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	p.awaitInbox()
	if n := p.count(madeSQL); n != 2 {
		t.Errorf("%d messages are made, want 2", n)
	}
}
