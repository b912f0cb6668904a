package avnitest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5/pgconn"
)

// newAvniServer answers for every rule what answer holds at the moment.
func newAvniServer(t *testing.T, db *DB, answer *ServerAnswer) *AvniServer {
	t.Helper()
	return &AvniServer{
		Avni:     db.Avni(),
		Evaluate: func(context.Context, ServerRule, ServerEntity) (ServerAnswer, error) { return *answer, nil },
		Send:     func(context.Context, ServerMessage) error { return nil },
		Bugsnag:  func(err error) { t.Log("swallowed:", err) },
	}
}

func register(f SubjectFields) func(*Avni) (int64, error) {
	return func(avni *Avni) (int64, error) { return avni.RegisterSubject(context.Background(), f) }
}

const requestOfSubject = `select q.scheduled_date_time at time zone 'UTC' as at, q.delivered_date_time is not null as delivered, q.delivery_status, q.is_voided, q.version,
	q.created_by_id, q.last_modified_by_id, q.organisation_id, r.receiver_type, r.receiver_id, q.message_rule_id, r.is_voided as receiver_voided
	from message_request_queue q join message_receiver r on r.id = q.message_receiver_id where q.message_rule_id = 601 and q.entity_id = $1`

func TestAvniServerQueuesMovesAndVoids(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	at := time.Now().UTC().Truncate(time.Second).Add(time.Hour)
	answer := &ServerAnswer{Send: true, At: at}
	server := newAvniServer(t, db, answer)
	id := must[int64](t)(server.Save(ctx, "Subject", register(SubjectFields{FirstName: "Gita"})))
	want := map[string]any{
		"at": at, "delivered": false, "delivery_status": "NotSent", "is_voided": false, "version": int32(0), "created_by_id": int64(202), "last_modified_by_id": int64(202),
		"organisation_id": AshaGramin, "receiver_type": "Subject", "receiver_id": int32(id), "message_rule_id": int64(601), "receiver_voided": false,
	}
	save := func(do func(*Avni) error) {
		t.Helper()
		if _, err := server.Save(ctx, "Subject", func(avni *Avni) (int64, error) { return id, do(avni) }); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, row(t, db, requestOfSubject, id)); diff != "" {
			t.Errorf("request (-want +got):\n%s", diff)
		}
	}
	again := func(avni *Avni) error { return avni.SaveSubject(ctx, id) }
	save(again)

	answer.At, want["at"] = at.Add(time.Hour), at.Add(time.Hour)
	save(again)
	answer.Send = false // what is pending stays
	save(again)
	want["is_voided"], want["receiver_voided"] = true, true
	save(func(avni *Avni) error { return avni.VoidSubject(ctx, id) })
	*answer, want["at"], want["receiver_voided"] = ServerAnswer{Send: true, At: at}, at, true // moved, but voided for ever
	save(func(avni *Avni) error { return avni.UnvoidSubject(ctx, id) })
}

func TestAvniServerFailsTheSaveForWhatSomebodyElseInserts(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	server := newAvniServer(t, db, &ServerAnswer{})
	id := must[int64](t)(db.Avni().RegisterSubject(ctx, SubjectFields{FirstName: "Gita"}))
	other, err := db.Pool().Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Rollback(context.WithoutCancel(ctx)) }()
	_, err = other.Exec(ctx, `insert into message_receiver (uuid, receiver_type, receiver_id, organisation_id, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		values ('r', 'Subject', $1, 101, 0, 202, 202, now(), now())`, id)
	if err != nil {
		t.Fatal(err)
	}
	saved := make(chan error, 1)
	go func() {
		_, err := server.Save(ctx, "Subject", func(avni *Avni) (int64, error) { return id, avni.SetPhone(ctx, id, "9876500088") })
		saved <- err
	}()
	Eventually(t, Patience, func() string {
		if row(t, db, `select count(*) as waiting from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`)["waiting"] == int64(0) {
			return "the save does not wait for the other insert"
		}
		return ""
	})
	if err := other.Commit(ctx); err != nil {
		t.Fatal(err)
	}
	var refused *pgconn.PgError
	if err := <-saved; !errors.As(err, &refused) || refused.Code != "23505" {
		t.Errorf("the save ended with %v, want a violation of the unique key", err)
	}
	if n := row(t, db, `select count(*) from individual where id = $1 and observations::text like '%9876500088%'`, id)["count"]; n != int64(0) {
		t.Error("the failed save has saved something")
	}
}

func TestAvniServerSendsWhatIsDue(t *testing.T) {
	t.Parallel()
	ctx, db := t.Context(), New(t)
	if _, err := db.Avni().Pool().Exec(ctx, `update message_request_queue set is_voided = true`); err != nil {
		t.Fatal(err)
	}
	server := newAvniServer(t, db, &ServerAnswer{Send: true, At: time.Now().Add(-time.Minute)})
	mother := must[int64](t)(server.Save(ctx, "Subject", register(SubjectFields{FirstName: "Gita"})))
	failing := must[int64](t)(server.Save(ctx, "Subject", register(SubjectFields{FirstName: "Mira"})))
	var asked []int64
	server.Send = func(_ context.Context, m ServerMessage) error {
		asked = append(asked, m.EntityID)
		if m.EntityID == failing {
			return errors.New("Glific is away")
		}
		return nil
	}
	server.SinceDays = -1
	if n := must[int](t)(server.SendDue(ctx)); n != 0 || len(asked) > 0 {
		t.Errorf("switched off it has sent %d, to %v", n, asked)
	}
	server.SinceDays = 0
	for _, want := range []int{1, 0} { // Failed is tried again, Sent is not
		if n := must[int](t)(server.SendDue(ctx)); n != want {
			t.Errorf("it has sent %d, want %d", n, want)
		}
	}
	for id, want := range map[int64]string{mother: "Sent", failing: "Failed"} {
		got := row(t, db, requestOfSubject, id)
		if got["delivery_status"] != want || got["delivered"] != (want == "Sent") || got["last_modified_by_id"] != int64(201) {
			t.Errorf("request of %d is %v, want %s", id, got, want)
		}
	}
	if err := db.Avni().SetMessagingEnabled(ctx, AshaGramin, false); err != nil {
		t.Fatal(err)
	}
	before := len(asked)
	quiet := must[int64](t)(server.Save(ctx, "Subject", register(SubjectFields{FirstName: "Usha"})))
	if n := must[int](t)(server.SendDue(ctx)); n != 0 || len(asked) != before {
		t.Errorf("without messaging it has sent %d", n)
	}
	if n := row(t, db, `select count(*) from message_request_queue where entity_id = $1`, quiet)["count"]; n != int64(0) {
		t.Errorf("without messaging it has queued %d", n)
	}
}
