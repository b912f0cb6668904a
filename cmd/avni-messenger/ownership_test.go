package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"avni-messenger/cdc"
	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// alone is full mode although enableMessaging is true: a promise that avni-server's
// messaging is off.
var alone = []string{"MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none", "MESSENGER_SOLE_OWNER=true", "MESSENGER_MESSAGES_PER_SECOND=1000", "MESSENGER_REQUESTS_PER_MINUTE=100000"}

// judgeAll looks at every row of the queue, as the stream and a sweep would, whatever the
// process's own watcher has come to.
func (r *runningApp) judgeAll() {
	r.t.Helper()
	rows, _ := r.pool.Query(r.t.Context(), `select id from message_request_queue`)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[int64])
	if err != nil {
		r.t.Fatal(err)
	}
	if err := newWatcher(r.app, prometheus.NewRegistry()).look(r.t.Context(), ids, true, true); err != nil {
		r.t.Fatal(err)
	}
}

// start starts the process and waits until it reads what is saved.
func (n *neighbours) start(environ ...string) *runningApp {
	n.t.Helper()
	r := startApp(n.t, n.db.URL(), environ...)
	within(n.t, func() string {
		state := r.reader.Status().State
		return unless((state == cdc.Streaming || state == cdc.Standby) && !r.directory.settling(), "the stream is "+string(state))
	})
	return r
}

// awaitTreatment waits until the process treats Asha Gramin so.
func (r *runningApp) awaitTreatment(want rules.Treatment) {
	r.t.Helper()
	within(r.t, func() string {
		if org, _ := r.directory.Organisation(avnitest.AshaGramin); org.Treatment != want {
			return fmt.Sprintf("treatment is %v, not %v", org.Treatment, want)
		}
		return ""
	})
}

// A request of a rule that avni-server inserts holds the organisation at once, although
// MESSENGER_SOLE_OWNER says that it does not, until it is released.
func TestForeignRequestHoldsUntilReleased(t *testing.T) {
	n := newNeighbours(t)
	early := n.saveThere(0) // queued before: to be delivered, and no offence
	r := n.start(alone...)
	r.awaitTreatment(rules.Write)
	n.awaitSent(early, n.save(1))
	replica := n.start(append([]string{"MESSENGER_DISPATCH=off"}, alone...)...)
	replica.awaitTreatment(rules.Write)

	n.schedules(time.Now().Add(time.Hour))
	foreign := n.saveThere(2)
	n.awaitHeld("foreign_request")
	r.awaitTreatment(rules.Wait)
	replica.awaitTreatment(rules.Wait)
	waiting := n.save(3)
	r.awaitHealth(http.StatusOK, "{Name:organisation asha_gramin Status:warning Detail:mode full, held back: somebody else, most likely avni-server, writes requests of rules too (request ",
		fmt.Sprintf(" of rule 601 for entity %d was inserted by user 202); held since ", foreign.id), "Then run `avni-messenger release asha_gramin`")
	within(t, func() string { // whichever has noticed it counts it
		_, body := r.get("/metrics")
		_, other := replica.get("/metrics")
		const counted = `messenger_organisation_foreign_writes_total{kind="foreign_request",organisation="asha_gramin"} 1`
		return unless(strings.Contains(body, `messenger_organisation_held{organisation="asha_gramin"} 1`) && strings.Contains(body, counted) != strings.Contains(other, counted),
			"the metrics do not tell of the hold")
	})
	if told := strings.Count(r.log.String(), `msg="organisation is held back: nothing is written or sent for it"`); told != 1 {
		t.Errorf("the log tells %d times of the hold", told)
	}
	within(t, func() string {
		if n.count(`select count(*) from messenger.inbox where entity_id = $1`, waiting.id) != 1 {
			return "the change does not wait in the inbox"
		}
		return ""
	})
	if n.copies(waiting) != 0 || n.count(`select count(*) from message_request_queue where entity_id = $1`, waiting.id) != 0 {
		t.Error("something was written or sent during the hold")
	}
	n.release("asha_gramin is released; it was held since ", alone...)
	replica.awaitTreatment(rules.Write)
	n.awaitSent(waiting, n.save(4))
	n.release("asha_gramin is not held for another writer: nothing to do\nenableMessaging of asha_gramin is true still", alone...)
	r.judgeAll()
	if n.held() != "" {
		t.Error("what was written before the release holds it again")
	}
	n.saveThere(5)
	n.awaitHeld("foreign_request")
}

// A request that avni-server marks Sent holds the organisation, in either mode in which we
// send; and where both have sent it, it is named.
func TestForeignSentHolds(t *testing.T) {
	for _, mode := range []Mode{ModeFull, ModeDispatch} {
		t.Run(string(mode), func(t *testing.T) {
			n := newNeighbours(t)
			environ := []string{"MESSENGER_ORGANISATIONS=asha_gramin=" + string(mode) + ",seva_nepal=none", "MESSENGER_SOLE_OWNER=true", "MESSENGER_MESSAGES_PER_SECOND=1000"}
			queue := n.save
			if mode == ModeDispatch {
				queue = n.saveThere
			}
			before := n.saveThere(0)
			n.must(n.sendThere(nil, nil)) // before it is ours
			r := n.start(append([]string{"MESSENGER_DISPATCH=off"}, environ...)...)
			n.awaitSent(before)

			alone := queue(1)
			n.awaitQueued(alone)
			n.must(n.sendThere(nil, nil))
			n.awaitHeld("foreign_sent")
			n.awaitSent(alone)
			var marked time.Time
			n.must(n.db.Pool().QueryRow(t.Context(), `select q.delivered_date_time from messenger.hold h join message_request_queue q on q.id = h.request_id`).Scan(&marked))
			r.awaitHealth(http.StatusOK, "held back: somebody else, most likely avni-server, sends messages too (request ", " was marked Sent at "+clock(marked)+" by user ", "avni-messenger release asha_gramin")
			n.release("asha_gramin is released", environ...)

			// avni-server has read what is due, and is slower than we are.
			both := queue(2)
			n.awaitQueued(both)
			reading, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
			go func() { ended <- n.sendThere(reading, goOn) }()
			<-reading
			sender := n.start(environ...)
			n.awaitSent(both)
			close(goOn)
			n.must(<-ended)
			n.awaitHeld("foreign_sent")
			if copies := n.copies(both); copies != 2 {
				t.Errorf("the message arrived %d times, want the two that cannot be prevented", copies)
			}
			within(t, func() string {
				return unless(strings.Contains(r.log.String()+sender.log.String(), `msg="messages may have been sent twice: by us and by somebody else"`), "the log does not name what was sent twice")
			})
			request := n.count(`select id from message_request_queue where entity_id = $1`, both.id)
			n.release(fmt.Sprintf("may have been sent twice, by us and by somebody else; look at their contacts in Glific: requests %d\n", request), environ...)
			n.awaitSent(queue(3))
		})
	}
}

// Only what somebody else inserts or marks Sent is held against them.
func TestNothingElseHolds(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	environ := append([]string{"MESSENGER_DATABASE_URL=" + n.db.URL()}, alone...)
	early := n.saveThere(0)
	r := n.start(alone...)
	r.awaitTreatment(rules.Write)
	replica := n.start(alone...)
	replica.awaitTreatment(rules.Write)
	n.awaitSent(early)

	// What Avni's web app writes, and what people mend by hand.
	_, err := n.avni.QueueManual(ctx, avnitest.AshaGramin, avnitest.Receiver{Type: "Subject", ID: early.id}, "7009", []string{"@name", "soon"}, time.Now())
	n.must(err)
	mended := n.save(1)
	n.awaitSent(mended)
	n.exec(`update message_request_queue set is_voided = true where entity_id = $1`, mended.id)
	n.exec(`update message_request_queue set is_voided = false, scheduled_date_time = now() where entity_id = $1`, mended.id)
	n.must(n.avni.SaveSubject(ctx, early.id))

	// What we do ourselves, by another command, and did in an earlier version.
	n.exec(`update message_rule set schedule_rule = '() => ({ scheduledDateTime: new Date(Date.now() + 3600e3), shouldSend: true })' where id = 601`)
	within(t, func() string {
		later := n.save(100 + n.count(`select count(*) from individual`))
		n.awaitQueued(later)
		return unless(n.count(`select count(*) from message_request_queue where entity_id = $1 and scheduled_date_time > now()`, later.id) == 1, "the rule is still the old one")
	})
	request := fmt.Sprint(n.count(`select id from message_request_queue where delivery_status = 'NotSent' and scheduled_date_time > now() order by id desc limit 1`))
	for _, args := range [][]string{{"cancel", request}, {"requeue", request}, {"requeue", request, "--due-now"}, {"catch-up", "--since", "1h"}} {
		if code, stdout, stderr := command(t, environ, args...); code != exitOK {
			t.Errorf("%v ended with %d: %s%s", args, code, stdout, stderr)
		}
	}
	n.exec(`update message_request_queue set uuid = md5(random()::text) where id = $1`, request) // as logged, but not marked
	within(t, func() string {
		if n.count(`select count(*) from message_request_queue where id = $1 and delivery_status = 'Sent'`, request) == 1 {
			return ""
		}
		// What follows the changed rule, or the catch-up, may have put it off again.
		n.exec(`update message_request_queue set scheduled_date_time = now(), last_modified_date_time = now() where id = $1 and scheduled_date_time > now() and delivery_status = 'NotSent'`, request)
		return "the requeued request is not Sent"
	})
	r.judgeAll()
	replica.judgeAll()
	execAs(t, n.db.URL(), `delete from messenger.trigger_log where request_id <> `+request) // is pruned after a while
	r.judgeAll()

	// Both stop, and one comes back.
	r.end()
	replica.end()
	r = n.start(alone...)
	r.awaitTreatment(rules.Write)
	r.judgeAll()
	if n.held() != "" || n.count(`select count(*) from messenger.foreign_write`) != 0 {
		t.Errorf("held for %s, %d requests are somebody else's", n.held(), n.count(`select count(*) from messenger.foreign_write`))
	}
	for _, a := range []*runningApp{r, replica} {
		if text := a.log.String(); strings.Contains(text, "level=WARN") && strings.Contains(text, "held back") {
			t.Errorf("the log tells of a hold:\n%s", text)
		}
	}
}

func unless(holds bool, complaint string) string {
	if holds {
		return ""
	}
	return complaint
}
