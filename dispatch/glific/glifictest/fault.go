package glifictest

import (
	"context"
	"slices"
	"time"
)

// Fault is a misbehaviour of the next requests that match.
type Fault struct {
	Organisation string // empty: any
	Operation    string // a root field such as createAndSendMessage, or "login"; empty: any
	Skip         int    // how many requests pass first
	Times        int    // then how many do not; 0: one; negative: until ClearFaults
	Kind         FaultKind
	Delay        time.Duration   // before executing; with AnswerLate after it, with SlowBody in the middle of the answer
	Until        <-chan struct{} // if set: wait until it is closed instead of Delay
	Hang         bool            // where the connection would be cut: say nothing until the client goes away
	Fields       int             // for CommitSome: how many root fields are executed
	Status       int             // for AnswerInstead and ExecuteThenFail: the HTTP status
	Body         string          // and the body; empty: an HTML page
	Text         string          // for Refuse: the error text; empty: that of an exception
}

// FaultKind says what goes wrong.
type FaultKind int

// The misbehaviours. A client that goes away during a delay before executing stops
// the execution.
const (
	OnlyDelay       FaultKind = iota // answer rightly, after Delay
	AnswerLate                       // execute at once, answer after Delay
	DropRequest                      // cut the connection without executing anything
	LoseAnswer                       // execute, then cut the connection
	AnswerInstead                    // execute nothing and answer Status with an HTML page
	ExecuteThenFail                  // execute, then answer Status with an HTML page
	Unauthenticated                  // 401 as for an expired token, which indeed expires
	Refuse                           // execute nothing; HTTP 200 with Text as top-level error of every root field
	FailAfterwards                   // execute, then answer like Refuse
	CommitSome                       // execute the first Fields root fields, then cut the connection
	CommitLate                       // cut the connection at once, and execute after Delay (on the server's clock) or Until
	RowWithoutJob                    // store messages without a job, so that nothing ever comes of them, then cut the connection
	TruncateBody                     // execute, then cut the connection in the middle of the answer
	SlowBody                         // execute, and stop for Delay in the middle of the answer
)

// cuts reports whether the client gets no answer.
func (k FaultKind) cuts() bool {
	return k == DropRequest || k == LoseAnswer || k == CommitSome || k == CommitLate || k == RowWithoutJob
}

// Inject adds a fault; faults apply in the order of injection, one per request.
func (s *Server) Inject(f Fault) {
	if f.Times == 0 {
		f.Times = 1
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = append(s.faults, &f)
}

// ClearFaults forgets all faults.
func (s *Server) ClearFaults() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.faults = nil
}

// fault is the first fault that matches a request, used up by one.
func (s *Server) fault(r *Request) Fault {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i, f := range s.faults {
		if f.Organisation != "" && f.Organisation != r.Organisation {
			continue
		}
		if f.Operation != "" && !slices.Contains(r.Operations, f.Operation) {
			continue
		}
		if f.Skip > 0 {
			f.Skip--
			continue
		}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				s.faults = slices.Delete(s.faults, i, i+1)
			}
		}
		return *f
	}
	return Fault{}
}

// wait waits for Until, or Delay. It reports whether the client is still there.
func (f Fault) wait(ctx context.Context) bool {
	if f.Until == nil {
		return wait(ctx, f.Delay)
	}
	select {
	case <-ctx.Done():
		return false
	case <-f.Until:
		return true
	}
}

// wait reports whether the time passed before the client went away.
func wait(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-timer.C:
		return true
	}
}
