package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// neighbours are avni-server's own messaging, on the database and the Glific that
// avni-messenger works with. Nothing is queued yet, and the one rule about subjects sends
// its message at once.
type neighbours struct {
	t      *testing.T
	db     *avnitest.DB
	avni   *avnitest.Avni
	glific *glifictest.Server
	server *avnitest.AvniServer

	mu     sync.Mutex
	answer avnitest.ServerAnswer // of the rule, as avni-server evaluates it
	client *glific.Client        // avni-server's
	sent   atomic.Int64          // by avni-server
}

func newNeighbours(t *testing.T) *neighbours {
	t.Helper()
	n := &neighbours{t: t, db: avnitest.New(t)}
	n.avni = n.db.Avni()
	var err error
	n.glific, err = startSampleGlific(t.Context(), n.avni, glifictest.Options{NoLimits: true})
	n.must(err)
	t.Cleanup(n.glific.Close)
	n.exec(`update message_request_queue set is_voided = true`)
	_, err = n.avni.SaveRule(t.Context(), avnitest.RuleFields{ID: 601, Name: "Welcome subject", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ScheduleRule: `() => ({ scheduledDateTime: new Date(), shouldSend: true });`,
		MessageRule:  `({params}) => ({ parameters: [params.entity.firstName, 'home'] });`})
	n.must(err)
	n.client = glific.NewClient(glific.Account{BaseURL: n.glific.URL(ashaGlific), Phone: "919999900001", Password: "glific-asha-pw"}, glific.Options{RequestsPerMinute: -1})
	n.server = &avnitest.AvniServer{Avni: n.avni, Send: n.send, Bugsnag: func(err error) { t.Log("avni-server swallowed:", err) },
		Evaluate: func(context.Context, avnitest.ServerRule, avnitest.ServerEntity) (avnitest.ServerAnswer, error) {
			n.mu.Lock()
			defer n.mu.Unlock()
			if n.answer.At.IsZero() {
				return avnitest.ServerAnswer{Send: true, At: time.Now()}, nil
			}
			return n.answer, nil
		}}
	return n
}

func (n *neighbours) must(err error) {
	n.t.Helper()
	if err != nil {
		n.t.Fatal(err)
	}
}

func (n *neighbours) exec(sql string, args ...any) {
	n.t.Helper()
	_, err := n.avni.Pool().Exec(n.t.Context(), sql, args...)
	n.must(err)
}

func (n *neighbours) count(sql string, args ...any) (count int) {
	n.t.Helper()
	n.must(n.db.Pool().QueryRow(n.t.Context(), sql, args...).Scan(&count))
	return count
}

// schedules makes avni-server's answer of the rule another time than now.
func (n *neighbours) schedules(at time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.answer = avnitest.ServerAnswer{Send: true, At: at}
}

// send is avni-server sending a message of the rule.
func (n *neighbours) send(ctx context.Context, m avnitest.ServerMessage) error {
	var name, phone string
	err := n.db.Pool().QueryRow(ctx, `select first_name, observations -> 'f0000000-0000-4000-8000-000000000701' ->> 'phoneNumber' from individual where id = $1`, m.EntityID).
		Scan(&name, &phone)
	if err != nil {
		return err
	}
	contact, err := n.client.OptinContact(ctx, "91"+phone, name)
	if err != nil {
		return err
	}
	_, err = n.client.Send(ctx, glific.Message{TemplateID: 7001, ContactID: contact.ID, Parameters: []string{name, "home"},
		SendAt: time.Date(2020, 1, 1, 0, 0, int(n.sent.Add(1)), 0, time.UTC)})
	return err
}

// subject is who is registered, and the message that comes of it.
type subject struct {
	id   int64
	text string // as messages counts it
}

func subjectFields(i int) (avnitest.SubjectFields, string) {
	name, phone := fmt.Sprintf("Subject%04d", i), fmt.Sprintf("98764%05d", i)
	return avnitest.SubjectFields{FirstName: name, Phone: phone}, message("91"+phone, 7001, name, "home")
}

// save is a save while avni-server's messaging does nothing about it.
func (n *neighbours) save(i int) subject {
	n.t.Helper()
	fields, text := subjectFields(i)
	id, err := n.avni.RegisterSubject(n.t.Context(), fields)
	n.must(err)
	return subject{id, text}
}

// saveThere is a save about which avni-server evaluates the rules.
func (n *neighbours) saveThere(i int) subject {
	n.t.Helper()
	fields, text := subjectFields(i)
	id, err := n.server.Save(n.t.Context(), "Subject", func(avni *avnitest.Avni) (int64, error) { return avni.RegisterSubject(n.t.Context(), fields) })
	n.must(err)
	return subject{id, text}
}

func (n *neighbours) copies(s subject) (copies int) {
	for _, d := range n.glific.Ledger() {
		if message(d.Phone, d.TemplateID, d.Parameters...) == s.text {
			copies++
		}
	}
	return copies
}

// awaitSent waits until the subjects' requests are Sent, and their messages arrived once.
func (n *neighbours) awaitSent(subjects ...subject) {
	n.t.Helper()
	for _, s := range subjects {
		avnitest.Eventually(n.t, avnitest.Patience, func() string {
			if n.count(`select count(*) from message_request_queue where entity_id = $1 and message_rule_id = 601 and delivery_status = 'Sent'`, s.id) == 1 {
				return ""
			}
			return fmt.Sprintf("the request of subject %d is not Sent", s.id)
		})
		if copies := n.copies(s); copies != 1 {
			n.t.Errorf("%s arrived %d times", s.text, copies)
		}
	}
}

// awaitQueued waits until the subject has a request.
func (n *neighbours) awaitQueued(s subject) {
	n.t.Helper()
	avnitest.Eventually(n.t, avnitest.Patience, func() string {
		if n.count(`select count(*) from message_request_queue where entity_id = $1`, s.id) == 1 {
			return ""
		}
		return fmt.Sprintf("subject %d has no request", s.id)
	})
}

// sendThere is one run of avni-server's sender. If the channels are there, it tells that it has
// read what is due, and waits before it sends.
func (n *neighbours) sendThere(reading chan<- struct{}, goOn <-chan struct{}) error {
	server := *n.server
	server.Send = func(ctx context.Context, m avnitest.ServerMessage) error {
		if reading != nil {
			close(reading)
			<-goOn
		}
		return n.send(ctx, m)
	}
	sent, err := server.SendDue(n.t.Context())
	if err == nil && sent != 1 {
		err = fmt.Errorf("avni-server has sent %d messages, want 1", sent)
	}
	return err
}

// held is the hold in force, "" if there is none.
func (n *neighbours) held() (kind string) {
	n.t.Helper()
	n.must(n.db.Pool().QueryRow(n.t.Context(), `select coalesce((select kind from messenger.hold where released_at is null), '')`).Scan(&kind))
	return kind
}

func (n *neighbours) awaitHeld(kind string) {
	n.t.Helper()
	avnitest.Eventually(n.t, avnitest.Patience, func() string {
		if got := n.held(); got != kind {
			return fmt.Sprintf("held for %q, not for %q", cmp.Or(got, "nothing"), kind)
		}
		return ""
	})
}

// release runs the command.
func (n *neighbours) release(want string, environ ...string) {
	n.t.Helper()
	code, stdout, stderr := command(n.t, append([]string{"MESSENGER_DATABASE_URL=" + n.db.URL()}, environ...), "release", "asha_gramin")
	if code != exitOK || !strings.Contains(stdout, want) {
		n.t.Errorf("release ended with %d: %s%s; want %q", code, stdout, stderr, want)
	}
}
