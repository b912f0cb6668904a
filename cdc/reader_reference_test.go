package cdc

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// Rules that a transaction changes decide about the transactions after it, even when
// all arrive together, and do not decide about their own.
func TestReferenceIsToldBeforeTheNextTransaction(t *testing.T) {
	f := newFixture(t)
	f.setup()
	f.register(f.avni) // no rule yet
	var inside int64
	err := f.avni.InTx(f.ctx, func(tx *avnitest.Avni) error {
		if err := f.saveRule(tx); err != nil {
			return err
		}
		inside = f.register(tx)
		if _, err := tx.RegisterSubject(f.ctx, avnitest.SubjectFields{OrganisationID: avnitest.SevaNepal, FirstName: "Maya"}); err != nil {
			return err
		}
		return f.saveRule(tx)
	})
	if err != nil {
		t.Fatal(err)
	}
	after := f.register(f.avni)

	var rules bool // only the reader's goroutine touches it
	told := make(chan []Change, 10)
	f.startStreaming(func(r *Reader) {
		r.options.Keep = func(c Change) bool { return rules && c.OrganisationID == avnitest.AshaGramin }
		r.options.Reference = func(_ context.Context, changes []Change) error {
			rules = true
			told <- changes
			return nil
		}
	})
	f.take(subject(inside))
	f.take(subject(after))
	if got := f.inbox(); len(got) != 0 {
		t.Errorf("inbox holds %+v", got)
	}
	changes := <-told
	for i := range changes {
		changes[i].ID = 0
	}
	want := []Change{{Table: MessageRule, Op: Insert, OrganisationID: avnitest.AshaGramin}}
	if diff := cmp.Diff(want, changes); diff != "" {
		t.Errorf("told (-want +got):\n%s", diff)
	}
}

func (f *fixture) saveRule(a *avnitest.Avni) error {
	_, err := a.SaveRule(f.ctx, avnitest.RuleFields{Name: fmt.Sprint("rule ", time.Now().UnixNano()), EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ScheduleRule: "() => ({})", MessageRule: "() => ({})"})
	return err
}

// A handler's error is logged and counted; the stream goes on, and later changes are
// handed over.
func TestReferenceErrorDoesNotStopTheStream(t *testing.T) {
	f := newFixture(t)
	told := make(chan Table, 10)
	r := f.startStreaming(func(r *Reader) {
		r.options.Reference = func(_ context.Context, changes []Change) error {
			told <- changes[0].Table
			return errors.New("no")
		}
	})
	if err := f.saveRule(f.avni); err != nil {
		t.Fatal(err)
	}
	id := f.register(f.avni)
	f.take(subject(id))
	if _, err := f.avni.QueueRule(f.ctx, 601, id, avnitest.Receiver{Type: "Subject", ID: id}, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []Table{MessageRule, MessageRequestQueue} {
		if got := <-told; got != want {
			t.Errorf("told of %s, want %s", got, want)
		}
	}
	if s := r.Status(); s.State != Streaming {
		t.Errorf("state %s: %s", s.State, s.Detail)
	}
}
