package dispatch

import (
	"testing"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
)

func TestMessageIsFollowedUntilItIsRead(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t, func(o *glifictest.Options) { o.BSPStatus = "READ" })
	s.asha.InjectProvider(glifictest.ProviderFault{Kind: glifictest.CallbacksReordered, Times: -1}) // READ comes first
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start(s.clocked)
	r := s.awaitState(id, stateAccepted)
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	s.clock.Advance(firstLook)
	s.await("it was looked at", func() bool { return s.receipt(id).Looked })
	s.wantReceipt(id, receiptRow{Status: "enqueued", Open: true, Looked: true})
	for _, callback := range []struct {
		status, want string
		age          time.Duration
	}{{"DELIVERED", "delivered", 5 * time.Minute}, {"SENT", "delivered", 6 * time.Hour}, {"READ", "read", 24 * time.Hour}} {
		if !s.asha.Callback(r.Message, callback.status, 0, "") {
			t.Fatal("Glific does not have the message")
		}
		asked := s.asked()
		s.clock.Advance(callback.age)
		s.await("it was looked at", func() bool { return s.asked() > asked })
		s.await("it is "+callback.want, func() bool { return s.receipt(id).Status == callback.want })
	}
	s.await("it is followed no more", func() bool { return !s.receipt(id).Open })
	if now := s.row(id); now.Status != "Sent" || now.LastWrite != r.LastWrite {
		t.Errorf("Avni's row has changed: %+v", now)
	}
}

func TestErrorIsFinalAfterTwoMinutes(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	s.asha.NotOnWhatsApp(ashaPhone)
	id := s.accepted()
	f := s.follower()
	s.lookAfter(f, firstLook)
	s.wantReceipt(id, receiptRow{Status: "pending", ErrorSeen: true, Open: true, Looked: true})
	if log := s.log.lines(t, "have failed"); len(log) != 0 {
		t.Errorf("an error that may pass is told of: %v", log)
	}
	s.lookAfter(f, errorIsFinalAfter)
	s.wantReceipt(id, receiptRow{Status: "error", Reason: "not_on_whatsapp", Code: 1002, Detail: "Number Does Not Exists On WhatsApp", Looked: true})
	if r := s.row(id); r.Status != "Sent" || r.State != "accepted" {
		t.Errorf("the request is %+v", r)
	}
	lines := s.log.lines(t, "have failed")
	if len(lines) != 1 || !lines[0].concerns(id) || lines[0]["level"] != "WARN" || lines[0]["reason"] != "not_on_whatsapp" || lines[0]["fix"] != NotOnWhatsApp.Advice() {
		t.Errorf("it is told by %v", lines)
	}
	asked := s.asked()
	for range 4 {
		s.lookAfter(f, lastLook)
	}
	if n := s.asked(); n != asked {
		t.Errorf("Glific was asked %d times about a message that has failed", n-asked)
	}
}

func TestErrorThatGlificMendsItselfIsNone(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t, func(o *glifictest.Options) { o.DeliverAfter = firstLook - 5*time.Second })
	s.asha.InjectProvider(glifictest.ProviderFault{Kind: glifictest.GupshupFails, Reason: "Internal Server Error"})
	id := s.accepted()
	f := s.follower()
	s.lookAfter(f, firstLook+5*time.Second) // between the failure and Glific's second try
	s.wantReceipt(id, receiptRow{Status: "pending", ErrorSeen: true, Open: true, Looked: true})
	s.lookAfter(f, errorIsFinalAfter)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
	if n := s.metric("receipts_total", "asha_gramin", "error") + s.metric("receipt_failures_total", "asha_gramin", "provider_trouble"); n != 0 {
		t.Errorf("%v failures are counted", n)
	}
	if got := s.bodies(ashaPhone); len(got) != 1 {
		t.Errorf("the phone got %q", got)
	}
}

func TestMessageThatIsGone(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	s.asha.RemoveMessage(s.row(id).Message)
	s.lookAfter(s.follower(), firstLook)
	s.wantReceipt(id, receiptRow{Status: "gone", Reason: "gone", Looked: true})
}

func TestStuckMessageIsReportedAndNotSentAgain(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t, func(o *glifictest.Options) { o.DeliverAfter = 2 * time.Hour })
	id := s.accepted()
	f := s.follower()
	for _, wait := range []time.Duration{2, 3, 10} {
		s.lookAfter(f, wait*time.Minute)
		s.wantReceipt(id, receiptRow{Status: "pending", Open: true, Looked: true})
	}
	for range 2 {
		s.lookAfter(f, 45*time.Minute)
		s.wantReceipt(id, receiptRow{Status: "pending", Reason: "stuck", Open: true, Looked: true})
	}
	if lines := s.log.lines(t, "have failed"); len(lines) != 1 || lines[0]["reason"] != "stuck" {
		t.Errorf("it is told by %v", lines)
	}
	s.lookAfter(f, 2*time.Hour)
	s.wantReceipt(id, receiptRow{Status: "delivered", Open: true, Looked: true})
	if n := s.calls("asha", "createAndSendMessage"); n != 1 {
		t.Errorf("it was sent %d times", n)
	}
}
