package dispatch

import (
	"context"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
)

func TestNoLookDuringAPause(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	s.setPassword("not it")
	f := s.follower(func(o *Options) { o.Settings.LongPause = time.Hour })
	s.lookAfter(f, firstLook) // finds it out
	if p, on := f.brake.holds(s.clock.Now()); !on || p.reason != WrongPassword {
		t.Fatalf("the pause is %+v", p)
	}
	asked := len(s.glific.Requests())
	s.lookAfter(f, 30*time.Minute)
	s.lookAfter(f, 29*time.Minute)
	if n := len(s.glific.Requests()); n != asked {
		t.Errorf("Glific was asked %d times during the pause", n-asked)
	}
	if lines := s.log.lines(t, "deliveries are paused"); len(lines) != 1 {
		t.Errorf("the pause is told by %v", lines)
	}
	s.setPassword("glific-asha-pw")
	s.lookAfter(s.follower(), 0)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
}

func TestPauseOfSendsIsNoneForLooks(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	f := s.follower()
	f.pause(verdict{outcome: waiting, reason: OrganisationSuspended, retryAfter: 24 * time.Hour})
	s.lookAfter(f, firstLook)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
	if _, on := f.brake.holds(s.clock.Now()); !on {
		t.Error("the look has ended the pause of sends")
	}
}

func TestUnreachableGlificIsLeftAlone(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	right := s.organisations[0].Glific.BaseURL
	s.organisations[0].Glific.BaseURL = "http://127.0.0.1:1/asha"
	s.execOwn(`update messenger.receipt set site = $1`, s.organisations[0].Glific.Site())
	f := s.follower()
	for range 5 {
		s.lookAfter(f, receiptLease)
	}
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	if lines := s.log.lines(t, "deliveries are paused"); len(lines) != 1 || lines[0]["reason"] != string(Unreachable) {
		t.Errorf("it is told by %v", lines)
	}
	if lines := s.log.lines(t, "does not tell"); len(lines) != 0 {
		t.Errorf("it is told twice: %v", lines)
	}
	s.organisations[0].Glific.BaseURL = right
	s.execOwn(`update messenger.receipt set site = $1`, s.organisations[0].Glific.Site())
	s.lookAfter(s.follower(), receiptLease)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
}

func TestTroubleWithOneMessageHoldsUpNoOther(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	ids := s.acceptedAll(3)
	bad := s.row(ids[1]).Message
	failure := &glific.Error{Operation: "message", Outcome: glific.Uncertain, Code: glific.Unexpected, Text: "Something unexpected has happened"}
	f := s.follower(func(o *Options) {
		o.connect = func(a glific.Account) sender {
			client := glific.NewClient(a, o.Glific)
			return &mute{client, func(ctx context.Context, ids []string) (map[string]glific.Receipt, error) {
				answers, err := client.Receipts(ctx, ids)
				if _, among := answers[bad]; among {
					delete(answers, bad)
					err = failure
				}
				return answers, err
			}}
		}
	})
	s.lookAfter(f, firstLook)
	for _, id := range []int64{ids[0], ids[2]} {
		s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
	}
	s.wantReceipt(ids[1], receiptRow{Status: "pending", Open: true, Looked: true})
	for range len(receiptLooks) {
		s.lookAfter(f, 24*time.Hour)
	}
	s.wantReceipt(ids[1], receiptRow{Status: "pending", Looked: true})
	if lines := s.log.lines(t, "does not tell"); len(lines) != 1 || !strings.Contains(lines[0]["err"].(string), "Something unexpected") {
		t.Errorf("it is told by %v", lines)
	}
	if _, on := f.brake.holds(s.clock.Now()); on {
		t.Error("sends are paused")
	}
}

func TestOwnRateLimitPausesNobody(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	f := s.follower(func(o *Options) {
		o.connect = func(glific.Account) sender {
			return &mute{receipts: func(context.Context, []string) (map[string]glific.Receipt, error) {
				return nil, &glific.Error{Outcome: glific.NotExecuted, Code: glific.Cancelled}
			}}
		}
	})
	s.lookAfter(f, firstLook)
	if _, on := f.brake.holds(s.clock.Now()); on {
		t.Error("sends are paused")
	}
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	s.lookAfter(s.follower(), receiptLease)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
}

func TestSendsGoFirst(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	f := s.follower()
	f.sending.Add(1)
	f.asked = time.Now()
	s.lookAfter(f, firstLook)
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	f.asked = time.Now().Add(-yieldFor) // even then they get their share
	s.lookAfter(f, 0)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
}

func TestDryRunLooksAtNothing(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	s.clock.Advance(firstLook)
	s.follower(func(o *Options) { o.Settings.DryRun = true }).follow(t.Context())
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
}
