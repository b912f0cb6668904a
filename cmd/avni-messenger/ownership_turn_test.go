package main

import (
	"context"
	"net/http"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// Who writes while we are stopped is found at the start.
func TestForeignWriterWhileStopped(t *testing.T) {
	n := newNeighbours(t)
	r := n.start(alone...)
	n.awaitSent(n.save(0))
	r.end()
	n.schedules(time.Now().Add(time.Hour))
	n.saveThere(1)
	r = n.start(append([]string{"MESSENGER_DISPATCH=off"}, alone...)...)
	n.awaitHeld("foreign_request")
	n.release("asha_gramin is released", alone...)
	r.awaitTreatment(rules.Write)
	r.end()
	n.exec(`update message_request_queue set scheduled_date_time = now() where delivery_status = 'NotSent'`)
	n.must(n.sendThere(nil, nil))
	n.start(alone...)
	n.awaitHeld("foreign_sent")
}

// While the organisation is avni-server's, as its settings or our mode say, avni-server
// may do what it likes; also later, about what was written and sent then.
func TestAvniServerMayWriteWhileItIsItsTurn(t *testing.T) {
	n := newNeighbours(t)
	full := []string{"MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none", "MESSENGER_MESSAGES_PER_SECOND=1000"}
	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	r := n.start(full...)
	n.awaitSent(n.save(0))

	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true))
	r.awaitTreatment(rules.Wait)
	theirs := n.saveThere(1)
	n.must(n.sendThere(nil, nil))
	left := n.saveThere(2)
	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	r.awaitTreatment(rules.Write)
	n.awaitSent(theirs, left, n.save(3))
	r.judgeAll()
	r.end()

	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true))
	r = n.start("MESSENGER_ORGANISATIONS=asha_gramin=shadow,seva_nepal=none")
	r.awaitTreatment(rules.Compare)
	shadowed := n.saveThere(4)
	n.must(n.sendThere(nil, nil))
	r.end()
	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	r = n.start(full...)
	r.awaitTreatment(rules.Write)
	n.awaitSent(shadowed, n.save(5))
	r.judgeAll()
	if n.held() != "" {
		t.Errorf("held for %s", n.held())
	}
}

// What avni-server had begun before its messaging was switched off is waited for, and is
// no offence.
func TestWhatAvniServerHasUnderWayIsWaitedFor(t *testing.T) {
	n := newNeighbours(t)
	full := []string{"MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none", "MESSENGER_MESSAGES_PER_SECOND=1000"}
	r := n.start(full...)
	r.awaitHealth(http.StatusOK, "held back: enableMessaging is true")

	evaluate := n.server.Evaluate
	n.server.Evaluate = func(ctx context.Context, rule avnitest.ServerRule, e avnitest.ServerEntity) (avnitest.ServerAnswer, error) {
		if err := n.avni.SetMessagingEnabled(ctx, avnitest.AshaGramin, false); err != nil {
			return avnitest.ServerAnswer{}, err
		}
		r.awaitHealth(http.StatusOK, "held back: avni-server may not have finished yet what it had begun")
		return evaluate(ctx, rule, e)
	}
	slow := n.saveThere(0)
	r.awaitTreatment(rules.Write)
	n.awaitSent(slow, n.save(1))
	r.judgeAll()
	if n.held() != "" {
		t.Errorf("held for %s", n.held())
	}
}
