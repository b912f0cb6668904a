package dispatch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// fate is what becomes of the request to Glific in which a replica is hit.
type fate string

const (
	notDone  fate = "not done"
	done     fate = "done"
	doneLate fate = "done after it was given up"
)

var fates = []fate{notDone, done, doneLate}

// fault leaves a request without an answer.
func (f fate) fault(operation string, let <-chan struct{}) glifictest.Fault {
	fault := glifictest.Fault{Operation: operation, Hang: true}
	switch f {
	case notDone:
		fault.Kind = glifictest.DropRequest
	case done:
		fault.Kind = glifictest.LoseAnswer
	case doneLate:
		fault.Kind, fault.Until = glifictest.CommitLate, let
	}
	return fault
}

// hit is a place where a replica is hit: in which of the requests that lead to a message,
// by a connection that goes dead or by its own death, and whether it is alone.
type hit struct {
	operation string
	fate      fate
	killed    bool
	replicas  int
}

func (h hit) String() string {
	how := "black hole"
	if h.killed {
		how = "killed"
	}
	return fmt.Sprintf("%s in %s, %s, replicas %d", how, h.operation, h.fate, h.replicas)
}

// sends are the requests that make messages.
var sends = []string{"createAndSendMessage", "createAndSendMessageToGroup"}

// reads are those that leave nothing behind.
var reads = []string{"login", "sessionTemplate", "contactByPhone", "contactGroups", "organization"}

func hits() (all []hit) {
	for _, operation := range slices.Concat(reads, []string{"optinContact", "search"}, sends) {
		for _, f := range fates {
			if f != notDone && slices.Contains(reads, operation) {
				continue
			}
			for _, replicas := range []int{1, 2} {
				all = append(all, hit{operation, f, false, replicas}, hit{operation, f, true, replicas})
			}
		}
	}
	return all
}

// Whatever step of a send a replica is hit in, whatever Glific makes of that step, and
// whoever goes on: each phone gets its message once.
func TestHitAtAnyStepLeadsToOneMessageEach(t *testing.T) {
	for _, h := range hits() {
		t.Run(h.String(), func(t *testing.T) {
			t.Parallel()
			newStage(t).strike(h)
		})
	}
}

func (s *stage) strike(h hit) {
	let := make(chan struct{})
	lost := h.operation
	if h.operation == "search" { // which is what follows on a lost answer
		lost = "createAndSendMessage"
		s.glific.Inject(glifictest.Fault{Operation: "search", Kind: glifictest.DropRequest, Hang: true})
	}
	s.glific.Inject(h.fate.fault(lost, let))
	c := s.play(2)
	kill := s.victim(patient)
	s.await("the replica is in "+h.operation, func() bool {
		s.ask()
		return s.asked(h.operation) > 0 && (h.fate != done || s.executed(c, lost))
	})
	if h.replicas == 2 {
		s.beside(patient)
	}
	if h.killed {
		kill()
	}
	if h.killed && h.replicas == 1 {
		s.beside(patient)
	}
	if h.fate == doneLate {
		s.await("it is given up", func() bool {
			s.ask()
			if slices.Contains(sends, h.operation) {
				return s.inState(stateUncertain) > 0
			}
			return s.asked(h.operation) > 1
		})
		close(let)
		s.await("it is done nevertheless", func() bool { return s.executed(c, lost) })
	}
	s.end(c)
}

// A replica dies between two requests to Glific, while another runs.
func TestCrashBesideAnotherReplicaLeadsToOneMessageEach(t *testing.T) {
	for _, step := range []string{
		"render", "before contact_by_phone", "after optin_contact", "before send", "after send", "before find_sent", "after find_sent",
		"before send_to_group", "after send_to_group", "before find_sent_to_group", "after find_sent_to_group", "after group_members",
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			if strings.Contains(step, "find_sent") {
				for _, operation := range sends {
					s.glific.Inject(glifictest.Fault{Operation: operation, Kind: glifictest.LoseAnswer})
				}
			}
			c, pool := s.play(2), s.pool()
			dead := s.startMortalAfter(step, 1, func() {
				s.start(patient, func(o *Options) { o.Pool = pool })
			})
			select {
			case <-dead:
			case <-time.After(avnitest.Patience):
				t.Fatalf("the step was never reached\n%s", s.log)
			}
			s.end(c)
		})
	}
}
