package dispatch

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
)

func TestReplicasShareTheLooks(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	ids := s.acceptedAll(60)
	for range 2 {
		pool := s.pool()
		s.start(s.clocked, func(o *Options) { o.Pool = pool })
	}
	s.clock.Advance(firstLook)
	s.await("all have arrived", func() bool {
		var delivered int
		s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.receipt where status = 'delivered'`).Scan(&delivered))
		return delivered == len(ids)
	})
	if n := s.asked(); n != len(ids) {
		t.Errorf("Glific was asked about %d messages, want each of %d once", n, len(ids))
	}
}

func TestLostReceiptClaimWritesNothing(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	book, now := s.follower().book, s.clock.Now().Add(firstLook)
	claimed, first, err := book.claim(t.Context(), now, 10)
	s.must(err)
	if again, _, err := book.claim(t.Context(), now, 10); err != nil || len(claimed) != 1 || len(again) != 0 {
		t.Fatalf("claimed %d, then %d, %v; want 1 and none", len(claimed), len(again), err)
	}
	now = now.Add(receiptLease)
	again, second, err := book.claim(t.Context(), now, 10)
	if err != nil || len(again) != 1 {
		t.Fatalf("after the lease %d can be claimed, %v", len(again), err)
	}
	write := func(holder uuid.UUID, status glific.ReceiptStatus) int {
		written, err := book.write(t.Context(), now, holder, []receipt{claimed[0].seen(glific.Receipt{Status: status}, now)})
		s.must(err)
		return len(written)
	}
	if n := write(first, glific.ReceiptGone); n != 0 {
		t.Error("the holder of a lost claim has written")
	}
	if n := write(second, glific.ReceiptRead); n != 1 {
		t.Error("the claim's holder has not written")
	}
	s.wantReceipt(id, receiptRow{Status: "read", Looked: true})
}

func TestCrashBetweenAskingAndWriting(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	s.asha.NotOnWhatsApp(ashaPhone)
	id := s.accepted()
	pool := s.pool()
	dying := s.follower(func(o *Options) {
		o.Pool = pool
		o.connect = func(a glific.Account) sender {
			client := glific.NewClient(a, o.Glific)
			return &mute{client, func(ctx context.Context, ids []string) (map[string]glific.Receipt, error) {
				answers, err := client.Receipts(ctx, ids)
				pool.Close()
				return answers, err
			}}
		}
	})
	s.lookAfter(dying, firstLook)
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	next := s.follower()
	s.lookAfter(next, 0) // the claim still holds
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
	s.lookAfter(next, receiptLease)
	s.wantReceipt(id, receiptRow{Status: "pending", ErrorSeen: true, Open: true, Looked: true})
	restarted := s.follower() // what was seen before is not forgotten
	s.lookAfter(restarted, errorIsFinalAfter)
	s.wantReceipt(id, receiptRow{Status: "error", Reason: "not_on_whatsapp", Code: 1002, Detail: "Number Does Not Exists On WhatsApp", Looked: true})
}

func TestMessagesOfAnotherSiteAreNotAskedAbout(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	id := s.accepted()
	s.execOwn(`update messenger.receipt set site = 'https://api.elsewhere.glific.com'`)
	f := s.follower()
	s.lookAfter(f, firstLook)
	s.wantReceipt(id, receiptRow{Status: "pending", Reason: "account_changed"})
	if failures := f.status().ReceiptFailures; len(failures) != 0 {
		t.Errorf("the status shows %v as failures", failures)
	}
	if n := s.asked(); n != 0 {
		t.Errorf("Glific was asked about %d messages that are not its", n)
	}
}

func TestMessagesAreFollowedAgainWhenTheirSiteIsBack(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	ids := s.acceptedAll(2)
	s.execOwn(`update messenger.receipt set reason = 'account_changed', next_look_at = null`)
	s.execOwn(`update messenger.receipt set accepted_at = accepted_at - interval '4 days' where request_id = $1`, ids[1])
	s.lookAfter(s.follower(), firstLook)
	s.wantReceipt(ids[0], receiptRow{Status: "delivered", Open: true, Looked: true})
	s.wantReceipt(ids[1], receiptRow{Status: "pending", Reason: "account_changed"})
}

func TestMessageFoundAfterALostAnswerIsFollowed(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	s.glific.Inject(glifictest.Fault{Operation: "createAndSendMessage", Kind: glifictest.LoseAnswer})
	id := s.queueRule(welcomeRule, asha, "Subject", asha)
	s.start() // by real time: it waits out a grace
	s.awaitState(id, stateAccepted)
	s.wantReceipt(id, receiptRow{Status: "pending", Open: true})
}

func TestMessagesAcceptedBeforeTheUpgradeAreFollowed(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	ids := s.acceptedAll(2)
	refused := s.queueRule(welcomeRule, noPhone, "Subject", noPhone)
	s.execOwn(`insert into messenger.delivery (request_id, organisation_id, state) values ($1, 101, 'refused')`, refused)
	s.execOwn(`update messenger.delivery set accepted_at = now() - interval '4 days' where request_id = $1`, ids[1])
	migration, err := os.ReadFile("../internal/schema/00004_receipts.sql")
	s.must(err)
	s.execOwn(`drop table messenger.receipt`)
	_, err = s.db.Pool().Exec(t.Context(), string(migration), pgx.QueryExecModeSimpleProtocol)
	s.must(err)
	var followed []int64
	s.must(s.db.Pool().QueryRow(t.Context(), `select array_agg(request_id) from messenger.receipt`).Scan(&followed))
	if len(followed) != 1 || followed[0] != ids[0] {
		t.Errorf("followed are %v, want %v", followed, ids[:1])
	}
	s.lookAfter(s.follower(), firstLook+time.Minute)
	s.wantReceipt(ids[0], receiptRow{Status: "delivered", Open: true, Looked: true})
}

// TestDueLooksAreFoundByTheirIndex: among many that nothing more is expected of.
func TestDueLooksAreFoundByTheirIndex(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	s.execOwn(`insert into messenger.receipt (request_id, message_id, organisation_id, site, accepted_at, status, next_look_at)
		select n, n, 101, 'https://api.asha.glific.com', now(), 'read', case when n % 1000 = 0 then now() end from generate_series(1, 50000) n`)
	s.execOwn(`analyze messenger.receipt`)
	rows, _ := s.db.Pool().Query(t.Context(), "explain "+claimReceiptsSQL, pgx.NamedArgs{
		"organisation": 101, "site": "https://api.asha.glific.com", "now": time.Now(), "until": time.Now(), "size": 25, "holder": uuid.New(),
	})
	plan, err := pgx.CollectRows(rows, pgx.RowTo[string])
	s.must(err)
	text := strings.Join(plan, "\n")
	if !strings.Contains(text, "using receipt_due") || strings.Contains(text, "Seq Scan") || strings.Contains(text, "Sort") {
		t.Errorf("due receipts are looked for so:\n%s", text)
	}
}

func TestDatabaseInTroubleIsTold(t *testing.T) {
	t.Parallel()
	s := newReceiptStage(t)
	pool := s.pool()
	f := s.follower(func(o *Options) { o.Pool = pool })
	pool.Close()
	if rest := f.turn(t.Context()); rest < f.settings.PollInterval {
		t.Errorf("it tries again after %s", rest)
	}
	if f.status().Trouble == "" {
		t.Error("the status tells of no trouble")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if rest := f.turn(ctx); rest != 0 {
		t.Errorf("told to stop, it sleeps for %s", rest)
	}
}
