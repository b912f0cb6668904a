package glific_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"

	"github.com/google/go-cmp/cmp"
)

// A caller that gives up while its call waits is not in the document.
func TestCallGivenUpBeforeItLeft(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.messages(3)
	p := s.party(glific.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	var group sync.WaitGroup
	for i := range m {
		callers := []context.Context{t.Context(), ctx, t.Context()}
		start(callers[i], &group, func(ctx context.Context) {
			_, err := p.Send(ctx, m[i])
			switch {
			case i == 1:
				wantError(t, err, glific.NotExecuted, glific.Cancelled)
				close(p.login)
			case err != nil:
				t.Errorf("message %d: %v", i, err)
			}
		})
	}
	cancel()
	group.Wait()
	if d := cmp.Diff(map[string]int{phoneOf(0): 1, phoneOf(2): 1}, delivered(s.server)); d != "" {
		t.Error(d)
	}
}

// A caller that gives up while its document is under way does not know, at once, and
// spoils nothing for the others. The last one takes the connection with it.
func TestCallGivenUpUnderWay(t *testing.T) {
	stopping, stop := context.WithCancel(t.Context())
	goOn := make(chan struct{})
	s := newSetup(t, glifictest.Options{OnDelivery: func(d glifictest.Delivery) {
		if d.Phone == phoneOf(0) {
			stop()
			<-goOn
		}
	}})
	m := s.messages(3)
	p := s.party(glific.Options{})
	p.together([]context.Context{t.Context(), stopping, t.Context()}, func(ctx context.Context, i int) {
		_, err := p.Send(ctx, m[i])
		switch {
		case i == 1:
			wantError(t, err, glific.Uncertain, glific.Timeout)
			close(goOn)
		case err != nil:
			t.Errorf("message %d: %v", i, err)
		}
	})
	if n := len(s.server.Ledger()); n != 3 {
		t.Errorf("%d messages were delivered, want 3", n)
	}
}

// Nothing leaves after the time that any call of a document has: it ends with the first.
func TestDocumentEndsWithTheFirstDeadline(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	s.server.Inject(glifictest.Fault{Kind: glifictest.AnswerLate, Delay: time.Hour, Operation: "createAndSendMessage"})
	m := s.messages(2)
	short, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	long, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	p := s.party(glific.Options{})
	p.together([]context.Context{long, short}, func(ctx context.Context, i int) {
		_, err := p.Send(ctx, m[i])
		wantError(t, err, glific.Uncertain, glific.Timeout)
	})
	if d := cmp.Diff([]int{2}, sizes(s.server, "createAndSendMessage")); d != "" {
		t.Error(d)
	}
	if long.Err() != nil {
		t.Error("the document lasted longer than its first call allowed")
	}
}

// A call with little time left would leave the others in doubt: it goes apart.
func TestHurriedCallGoesApart(t *testing.T) {
	s := newSetup(t, glifictest.Options{})
	m := s.messages(4)
	short, cancel := context.WithTimeout(t.Context(), 9*time.Second)
	defer cancel()
	p := s.party(glific.Options{})
	p.together([]context.Context{t.Context(), short, t.Context(), t.Context()}, func(ctx context.Context, i int) {
		if _, err := p.Send(ctx, m[i]); err != nil {
			t.Errorf("message %d: %v", i, err)
		}
	})
	got := sizes(s.server, "createAndSendMessage")
	slices.Sort(got)
	if d := cmp.Diff([]int{1, 3}, got); d != "" {
		t.Error(d)
	}
}
