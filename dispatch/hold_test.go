package dispatch

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/dispatch/glific"
	"avni-messenger/internal/avnitest"
)

func (s *stage) hold(organisation int32) {
	s.Helper()
	s.execOwn(`insert into messenger.hold (organisation_id, kind, request_id, detail) values ($1, 'foreign_sent', 1, 'somebody')`, organisation)
}

func (s *stage) releaseAll() {
	s.Helper()
	s.execOwn(`update messenger.hold set released_at = now()`)
}

// A dispatcher that has not heard of the hold does not send all the same, nor does it
// touch what waits.
func TestHeldOrganisationIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	s.hold(avnitest.AshaGramin)
	held := s.queueRule(welcomeRule, asha, "Subject", asha)
	before := s.row(held)
	other := s.queueRule(nepalRule, maya, "Subject", maya)
	s.start()
	s.awaitState(other, stateAccepted)
	if after := s.row(held); after != before {
		t.Errorf("the held organisation's request is %+v, was %+v", after, before)
	}
	s.releaseAll()
	s.awaitState(held, stateAccepted)
	s.wantOnce(held, ashaPhone)
}

// holding is a Glific during whose first answer the organisation is held: after the claim,
// before the send.
type holding struct {
	sender
	hold func()
}

func (h *holding) Template(ctx context.Context, id int) (glific.Template, bool, error) {
	h.hold()
	return h.sender.Template(ctx, id)
}

// What was claimed when the hold came is not sent: the statement before the send sees it.
func TestHoldComesBetweenClaimAndSend(t *testing.T) {
	t.Parallel()
	for name, queue := range map[string]func(*stage) (request int64, phones []string){
		"to one": func(s *stage) (int64, []string) {
			return s.queueRule(welcomeRule, asha, "Subject", asha), []string{ashaPhone}
		},
		"to a group": func(s *stage) (int64, []string) {
			f := s.contacts(2)
			return s.queuePlain(s.asha.AddGroup("camp", f.contacts...)), f.phones
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			id, phones := queue(s)
			held := make(chan struct{})
			hold := sync.OnceFunc(func() {
				s.hold(avnitest.AshaGramin)
				close(held)
			})
			s.start(func(o *Options) {
				o.connect = func(a glific.Account) sender {
					if a.Phone == s.organisations[0].Glific.Phone {
						return &holding{glific.NewClient(a, o.Glific), hold}
					}
					return glific.NewClient(a, o.Glific)
				}
			})
			<-held
			s.await("all claims are given back", func() bool {
				var open int
				s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.delivery where state in ('claimed', 'sending')`).Scan(&open))
				return open == 0
			})
			other := s.queueRule(nepalRule, maya, "Subject", maya)
			s.awaitState(other, stateAccepted)
			for _, phone := range phones {
				if got := s.bodies(phone); len(got) != 0 {
					t.Errorf("during the hold %q was sent", got)
				}
			}
			if r := s.row(id); r.State != string(stateWaiting) || r.Attempts != 0 {
				t.Errorf("during the hold the request is %+v", r)
			}
			s.releaseAll()
			s.awaitState(id, stateAccepted)
			s.broadcast()
			for _, phone := range phones {
				s.await("the message arrives", func() bool { return len(s.bodies(phone)) > 0 })
				if got := s.bodies(phone); len(got) != 1 {
					t.Errorf("%q was sent", got)
				}
			}
		})
	}
}

// So is what was claimed for the members of a group.
func TestHoldComesBetweenClaimAndSendToMembers(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	f := s.people(2)
	s.queueNamed(s.asha.AddGroup("camp", f.contacts...))
	w := newWorker(s.options().withDefaults(), s.organisations[0])
	deliverAll := func(before func()) {
		t.Helper()
		var claims []*claim
		s.await("something is claimed", func() bool { // a look that found nothing is not repeated at once
			more, err := w.queue.claim(t.Context(), time.Now())
			s.must(err)
			claims = append(claims, more...)
			return len(more) > 0
		})
		before()
		for _, c := range claims {
			w.deliver(t.Context(), nil, c)
		}
	}
	deliverAll(func() {}) // lists the members
	deliverAll(func() { s.hold(avnitest.AshaGramin) })
	var waiting int
	s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.delivery where request_id < 0 and state = 'waiting' and attempts = 0`).Scan(&waiting))
	if waiting != 2 || len(s.bodies(f.phones[0])) > 0 || len(s.bodies(f.phones[1])) > 0 {
		t.Errorf("during the hold %d of 2 members wait, and %q was sent", waiting, append(s.bodies(f.phones[0]), s.bodies(f.phones[1])...))
	}
	s.releaseAll()
	deliverAll(func() {})
	for i, phone := range f.phones {
		if diff := cmp.Diff([]string{f.body(i)}, s.bodies(phone)); diff != "" {
			t.Error(diff)
		}
	}
}
