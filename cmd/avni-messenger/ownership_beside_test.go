package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// newNeighbourhood is the whole program as a process, beside an avni-server whose
// messaging is on.
func newNeighbourhood(t *testing.T, environ ...string) (*program, *neighbours) {
	t.Helper()
	n := newNeighbours(t)
	p := newProgramAt(t, n.db, glifictest.Options{}, environ...)
	n.glific = p.glific
	n.client = glific.NewClient(glific.Account{BaseURL: p.glific.URL(ashaGlific), Phone: "919999900001", Password: "glific-asha-pw"}, glific.Options{RequestsPerMinute: -1})
	p.must(p.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true))
	return p, n
}

// crowd are field workers who save, and avni-server's sender, all at the same time.
type crowd struct {
	n       *neighbours
	working sync.WaitGroup
	next    atomic.Int64
	refused atomic.Int64 // saves that failed because of what somebody else inserted

	mu    sync.Mutex
	saved []subject
}

// work lets so many field workers save, one subject after the other and each of them twice,
// until the context ends.
func (c *crowd) work(ctx context.Context, workers int) {
	for range workers {
		c.working.Go(func() {
			for ctx.Err() == nil {
				if err := c.saveOne(context.WithoutCancel(ctx)); err != nil {
					c.n.t.Error(err)
					return
				}
			}
		})
	}
}

// saveOne saves a new subject until it is saved, and then again: field workers synchronise
// what was refused once more.
func (c *crowd) saveOne(ctx context.Context) error {
	fields, text := subjectFields(int(c.next.Add(1)))
	s := subject{text: text}
	save := func(avni *avnitest.Avni) (int64, error) { return avni.RegisterSubject(ctx, fields) }
	for range 2 {
		for {
			id, err := c.n.server.Save(ctx, "Subject", save)
			var conflict *pgconn.PgError
			if errors.As(err, &conflict) && conflict.Code == "23505" {
				c.refused.Add(1)
				continue
			}
			if err != nil {
				return err
			}
			s.id = id
			break
		}
		save = func(avni *avnitest.Avni) (int64, error) { return s.id, avni.SaveSubject(ctx, s.id) }
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.saved = append(c.saved, s)
	return nil
}

// sendThere lets avni-server send what is due, again and again until the context ends, and
// then what is left.
func (c *crowd) sendThere(ctx context.Context) {
	c.working.Go(func() {
		for {
			ended := ctx.Err() != nil
			if _, err := c.n.server.SendDue(context.WithoutCancel(ctx)); err != nil {
				c.n.t.Error(err)
			}
			if ended {
				return
			}
		}
	})
}

func (c *crowd) all() []subject {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]subject(nil), c.saved...)
}

// awaitSaved waits until so many subjects more are saved.
func (c *crowd) awaitSaved(more int) {
	c.n.t.Helper()
	before := len(c.all())
	avnitest.Eventually(c.n.t, avnitest.Patience, func() string {
		if now := len(c.all()); now < before+more {
			return fmt.Sprintf("%d of %d subjects are saved", now-before, more)
		}
		return ""
	})
}

// check waits until every message has arrived, and returns the requests of those that arrived
// more than once.
func (c *crowd) check() (doubled map[int64]bool) {
	t := c.n.t
	t.Helper()
	subjects := c.all()
	copies := map[string]int{}
	avnitest.Eventually(t, avnitest.Patience, func() string {
		clear(copies)
		for _, d := range c.n.glific.Ledger() {
			copies[message(d.Phone, d.TemplateID, d.Parameters...)]++
		}
		missing := 0
		for _, s := range subjects {
			if copies[s.text] == 0 {
				missing++
			}
		}
		if missing > 0 {
			return fmt.Sprintf("%d of %d messages have not arrived", missing, len(subjects))
		}
		open := c.n.count(`select count(*) from message_request_queue where not is_voided and delivery_status <> 'Sent'`)
		if open > 0 {
			return fmt.Sprintf("%d requests are not Sent", open)
		}
		return ""
	})
	doubled = map[int64]bool{}
	for _, s := range subjects {
		if n := c.n.count(`select count(*) from message_request_queue where entity_id = $1 and message_rule_id = 601`, s.id); n != 1 {
			t.Errorf("subject %d has %d requests", s.id, n)
		}
		if copies[s.text] > 1 {
			doubled[int64(c.n.count(`select id from message_request_queue where entity_id = $1`, s.id))] = true
		}
	}
	return doubled
}

// ours is what we have done to the queue so far.
func (c *crowd) ours() [2]int {
	c.n.t.Helper()
	return [2]int{c.n.count(`select count(*) from messenger.attempt`), c.n.count(`select count(*) from messenger.trigger_log`)}
}

// Held back while enableMessaging is true, the program disturbs an avni-server that evaluates and
// sends in nothing; and when that is switched off, in the middle of everything, it takes over
// without losing or doubling a message.
func TestBesideAvniServerWhoseMessagingIsOn(t *testing.T) {
	p, n := newNeighbourhood(t, "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none")
	p.start()
	c := &crowd{n: n}
	ctx, stop := context.WithCancel(t.Context())
	c.sendThere(ctx)
	c.work(ctx, 4)
	c.awaitSaved(60)
	if did := c.ours(); did != [2]int{} {
		t.Errorf("held back, it has made %d attempts and %d outcomes", did[0], did[1])
	}
	p.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	c.awaitSaved(60)
	stop()
	c.working.Wait()
	if doubled := c.check(); len(doubled) > 0 {
		t.Errorf("%d messages arrived more than once", len(doubled))
	}
	if refused := c.refused.Load(); refused > 0 {
		t.Errorf("%d saves were refused", refused)
	}
	if n.held() != "" {
		t.Errorf("it is held for %s", n.held())
	}
	avnitest.Eventually(t, avnitest.Patience, func() string {
		if left := n.count(`select count(*) from messenger.inbox`); left > 0 {
			return fmt.Sprintf("%d changes wait in the inbox", left)
		}
		return ""
	})
	p.stop()
}

// With a MESSENGER_SOLE_OWNER that is not true, avni-server and the program evaluate and
// send at the same time. The program stops; from then on no save is refused because of it.
// Every message arrives, and one that arrives twice is named.
func TestBesideAvniServerThatWasSaidToBeOff(t *testing.T) {
	p, n := newNeighbourhood(t, "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none", "MESSENGER_SOLE_OWNER=true")
	p.start()
	c := &crowd{n: n}
	ctx, stop := context.WithCancel(t.Context())
	c.sendThere(ctx)
	c.work(ctx, 4)
	avnitest.Eventually(t, avnitest.Patience, func() string {
		if n.held() == "" {
			return "it is not held"
		}
		return ""
	})
	refusedBefore := c.refused.Load()
	c.awaitSaved(10) // what was under way when the hold came ends meanwhile
	before := c.ours()
	refused := c.refused.Load()
	c.awaitSaved(60)
	if after := c.ours(); after != before {
		t.Errorf("during the hold it went from %v attempts and outcomes to %v", before, after)
	}
	if now := c.refused.Load(); now != refused {
		t.Errorf("during the hold %d saves were refused", now-refused)
	}
	stop()
	c.working.Wait()
	p.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))

	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + n.db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=full", "MESSENGER_SOLE_OWNER=true"}, "release", "asha_gramin")
	if code != exitOK || !strings.Contains(stdout, "asha_gramin is released") {
		t.Errorf("release ended with %d: %s%s", code, stdout, stderr)
	}
	n.awaitSent(n.save(9001), n.save(9002))
	avnitest.Eventually(t, avnitest.Patience, func() string {
		if left := n.count(`select count(*) from messenger.inbox`); left > 0 {
			return fmt.Sprintf("%d changes wait in the inbox", left)
		}
		return ""
	})
	doubled := c.check()
	for id := range doubled {
		if !strings.Contains(stdout, fmt.Sprint(id)) {
			t.Errorf("request %d arrived twice, and release does not name it:\n%s", id, stdout)
		}
	}
	if n.held() != "" {
		t.Errorf("it is held again, for %s", n.held())
	}
	t.Logf("%d subjects; %d saves refused before the hold; %d requests arrived twice; %d of somebody else seen until the release",
		len(c.all()), refusedBefore, len(doubled), n.count(`select seen from messenger.hold`))
	p.stop()
}
