package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// settler is a directory whose organisation becomes ours look by look.
type settler struct {
	t  *testing.T
	db *avnitest.DB
	d  *directory
}

func newSettler(t *testing.T, db *avnitest.DB) *settler {
	t.Helper()
	d, _ := testDirectory(t, db, alone...)
	d.guard.Slot, d.own = "s", (&ownership{pool: db.Pool(), slot: "s"}).keep
	return &settler{t, db, d}
}

// look looks once more, and returns why Asha Gramin is held; "" once it is ours.
func (s *settler) look() string {
	s.t.Helper()
	if _, err := s.d.Load(s.t.Context()); err != nil {
		s.t.Fatal(err)
	}
	if org, _ := s.d.Organisation(avnitest.AshaGramin); (org.Treatment == rules.Write) == s.d.settling() {
		s.t.Errorf("treatment is %v, settling is %v", org.Treatment, s.d.settling())
	}
	return s.d.now.Load().byID[avnitest.AshaGramin].Held
}

// passLimit makes it longer ago that the organisation was noticed.
func (s *settler) passLimit() {
	s.t.Helper()
	execAs(s.t, s.db.URL(), fmt.Sprintf(`update messenger.ownership set noticed_at = noticed_at - interval '%d s'`, int(settleLimit.Seconds())+1))
}

func (s *settler) awaitOurs() {
	s.t.Helper()
	within(s.t, s.look)
}

// awaitNamed waits until it is said that a transaction is waited for.
func (s *settler) awaitNamed(want string) {
	s.t.Helper()
	within(s.t, func() string { return unless(strings.Contains(s.look(), want), want+" is not named: "+s.look()) })
}

// beginAs begins a transaction in a session of a role, with a statement.
func beginAs(t *testing.T, db *avnitest.DB, role, statement string) *pgx.Conn {
	t.Helper()
	conn := connect(t, asRole(db, role))
	if _, err := conn.Exec(t.Context(), `begin; `+statement); err != nil {
		t.Fatal(err)
	}
	return conn
}

func end(t *testing.T, conn *pgx.Conn, statement string) {
	t.Helper()
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatal(err)
	}
}

// An organisation waits for what was open before. Only what cannot be avni-server's, because
// it has neither written nor used the queue, is waited for no longer than the limit,
// whatever our role is shown of it.
func TestSettlingWaits(t *testing.T) {
	db := avnitest.New(t)
	execAs(t, db.SuperuserURL(), `create role avni_app login; grant openchs to avni_app`)
	const queue = `select count(*) from message_request_queue`
	for _, role := range []string{"openchs", "avni_app"} {
		for statement, limited := range map[string]bool{`select 1`: true, queue: false, `select txid_current()`: false} {
			t.Run(role+" "+statement, func(t *testing.T) {
				s := newSettler(t, db)
				execAs(t, db.URL(), `delete from messenger.ownership`)
				other := beginAs(t, db, role, statement)
				if s.look() == "" {
					t.Error("it does not wait")
				}
				later := beginAs(t, db, role, `select txid_current()`) // has seen that messaging is off
				s.passLimit()
				if held := s.look(); (held == "") != limited {
					t.Errorf("past the limit it is held for %q", held)
				}
				if !limited {
					s.awaitNamed(fmt.Sprintf("pid %d of role %s since ", other.PgConn().PID(), role))
					if statement != queue && strings.Contains(s.look(), fmt.Sprintf("pid %d ", later.PgConn().PID())) {
						t.Error("it waits for what began later")
					}
				}
				end(t, later, `rollback`)
				end(t, other, `rollback`)
				s.awaitOurs()
			})
		}
	}
}

// A transaction that was prepared to be committed by somebody else has no session.
func TestSettlingWaitsForPreparedTransactions(t *testing.T) {
	cluster, err := avnitest.StartCluster(t.Context(), avnitest.Options{Settings: map[string]string{"max_prepared_transactions": "2"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cluster.Stop() })
	db, err := cluster.CreateDatabase(t.Context(), "prepared")
	if err != nil {
		t.Fatal(err)
	}
	s := newSettler(t, db)
	conn := beginAs(t, db, "openchs", `update message_request_queue set version = version + 1`)
	if s.look() == "" {
		t.Error("it does not wait")
	}
	end(t, conn, `prepare transaction 'two-phase'`)
	s.passLimit()
	s.awaitNamed("prepared transaction 'two-phase' of role openchs since ")
	end(t, conn, `commit prepared 'two-phase'`)
	s.awaitOurs()
}

// avni-server reads once for which organisations it sends, and takes one after the other.
func TestSettlingWaitsForTheNextOrganisationOfTheSender(t *testing.T) {
	db := avnitest.New(t)
	s := newSettler(t, db)
	const queue = `select count(*) from message_request_queue`
	var before *pgx.Conn
	for i := range 3 {
		next := beginAs(t, db, "openchs", queue)
		if s.look() == "" {
			t.Errorf("it does not wait for organisation %d", i)
		}
		if before != nil {
			s.passLimit()
			s.awaitNamed(fmt.Sprintf("pid %d ", next.PgConn().PID()))
		}
		end(t, next, `commit`)
		before = next
	}
	s.awaitOurs()
}

// A run of avni-server's sender that takes longer than the limit is neither hurt nor doubled.
func TestSettlingWaitsForALongRunOfTheSender(t *testing.T) {
	n := newNeighbours(t)
	ctx := t.Context()
	r := startApp(t, n.db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none", "MESSENGER_MESSAGES_PER_SECOND=1000")
	r.awaitHealth(http.StatusOK, "held back: enableMessaging is true", "streaming slot")
	subjects := []subject{n.saveThere(0), n.saveThere(1)}
	reading, goOn, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	server, sends := *n.server, 0
	server.Send = func(ctx context.Context, m avnitest.ServerMessage) error {
		if sends++; sends == 2 {
			close(reading)
			<-goOn
		}
		return n.send(ctx, m)
	}
	go func() {
		_, err := server.SendDue(ctx)
		ended <- err
	}()
	<-reading
	n.must(n.avni.SetMessagingEnabled(ctx, avnitest.AshaGramin, false))
	r.awaitHealth(http.StatusOK, "held back: avni-server may not have finished yet what it had begun")
	(&settler{t: t, db: n.db}).passLimit()
	n.must(r.reloadOrganisations(ctx))
	r.awaitHealth(http.StatusOK, "held back: avni-server may not have finished yet what it had begun to write and send before: the transaction of pid ", " of role openchs since ")
	close(goOn)
	n.must(<-ended)
	r.awaitTreatment(rules.Write)
	n.awaitSent(append(subjects, n.save(2))...)
	r.judgeAll()
	if n.held() != "" {
		t.Errorf("held for %s", n.held())
	}
}

// What is waited for is told by what is known.
func TestAwaitedText(t *testing.T) {
	at := time.Date(2026, 3, 1, 6, 0, 0, 0, time.UTC)
	long := awaited{Who: "pid 7 of role openchs", Since: &at, Seen: at.Add(time.Hour), Long: true}
	hidden := awaited{Who: "pid 8 of role app", Seen: at, Long: true}
	for want, row := range map[string]ownedRow{
		"transactions of that time are still open":                                                                                    {},
		"the transaction of pid 7 of role openchs since " + clock(at):                                                                 {WaitsFor: []awaited{long}},
		"the transaction of pid 8 of role app since " + clock(at) + " or before (our role is not shown when: grant pg_monitor to it)": {WaitsFor: []awaited{hidden}},
	} {
		if got := row.waits(); !strings.Contains(got, want) {
			t.Errorf("%q does not say %q", got, want)
		}
	}
}
