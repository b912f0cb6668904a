package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// reader makes a role that may read Avni's tables, and do what it likes in schema
// messenger, and returns its URL.
func (p *program) reader(t *testing.T) string {
	t.Helper()
	code, stdout, stderr := command(t, []string{"MESSENGER_DATABASE_URL=" + p.db.URL()}, "setup") // publication, slot, indexes
	if code != exitOK {
		p.t.Fatalf("setup: %s%s", stdout, stderr)
	}
	admin, err := pgx.Connect(p.t.Context(), p.db.SuperuserURL())
	p.must(err)
	defer admin.Close(context.WithoutCancel(p.t.Context()))
	var role string
	p.must(admin.QueryRow(p.t.Context(), `select 'reader_of_' || current_database()`).Scan(&role))
	for _, statement := range []string{
		`create role ` + role + ` login replication bypassrls`,
		`grant select on all tables in schema public to ` + role,
		`grant all on schema messenger to ` + role,
		`grant all on all tables in schema messenger to ` + role,
		`grant all on all sequences in schema messenger to ` + role,
	} {
		_, err := admin.Exec(p.t.Context(), statement)
		p.must(err)
	}
	p.t.Cleanup(func() {
		admin, err := pgx.Connect(context.Background(), p.db.SuperuserURL())
		if err != nil {
			return
		}
		defer admin.Close(context.Background())
		_, _ = admin.Exec(context.Background(), `drop owned by `+role+`; drop role `+role)
	})
	return strings.Replace(p.db.URL(), "//avni_messenger@", "//"+role+"@", 1)
}

// avniTables returns a digest of every table of Avni's: of its rows, and of who wrote and
// locked them.
func (p *program) avniTables() map[string]string {
	p.t.Helper()
	rows, err := p.db.Pool().Query(p.t.Context(), `select c.relname from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind = 'r'`)
	p.must(err)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	p.must(err)
	digests := map[string]string{}
	for _, name := range names {
		var digest string
		p.must(p.db.Pool().QueryRow(p.t.Context(), fmt.Sprintf(`select coalesce(md5(string_agg(concat_ws(' ', t.ctid, t.xmin, t.xmax, t), e'\n' order by t.ctid)), '')
			from public.%s t`, pgx.Identifier{name}.Sanitize())).Scan(&digest))
		digests[name] = digest
	}
	return digests
}

// compared waits until nothing waits to be evaluated or compared, and returns how many
// comparisons of a rule there are with the verdict.
func (p *program) compared(rule int64, verdict string, want int) {
	p.t.Helper()
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select (select count(*) from messenger.inbox) + (select count(*) from messenger.parity where verdict = 'waiting')`); n != 0 {
			return fmt.Sprintf("%d changes and comparisons wait", n)
		}
		if n := p.count(`select count(*) from messenger.parity where rule_id = $1 and verdict = $2`, rule, verdict); n != want {
			return fmt.Sprintf("of rule %d %d comparisons are %s, want %d", rule, n, verdict, want)
		}
		return ""
	})
}

// TestShadowWritesNothingToAvni runs the whole program in shadow mode, beside an
// avni-server that evaluates and sends, as a role that may only read Avni's tables.
func TestShadowWritesNothingToAvni(t *testing.T) {
	p := newProgram(t, glifictest.Options{})
	ctx := t.Context()
	p.extra = []string{"MESSENGER_DATABASE_URL=" + p.reader(t), "MESSENGER_MODE=shadow"}
	due := time.Now().Add(-time.Hour).UTC().Truncate(time.Second)
	for _, organisation := range []int32{avnitest.AshaGramin, avnitest.SevaNepal} {
		p.must(p.avni.SetMessagingEnabled(ctx, organisation, true))
	}
	_, err := p.avni.SaveRule(ctx, avnitest.RuleFields{ID: 601, Name: "Welcome", EntityType: "Subject", EntityTypeID: 301, TemplateID: "7001",
		ScheduleRule: `({params}) => ({ scheduledDateTime: '` + due.Format(time.RFC3339) + `', shouldSend: params.entity.firstName !== 'Nobody' });`,
		MessageRule:  `({params}) => ({ parameters: [params.entity.firstName, 'home'] });`})
	p.must(err)
	server := &avnitest.AvniServer{Avni: p.avni, Send: func(context.Context, avnitest.ServerMessage) error { return nil },
		Bugsnag: func(err error) { t.Log("avni-server:", err) },
		Evaluate: func(_ context.Context, rule avnitest.ServerRule, _ avnitest.ServerEntity) (avnitest.ServerAnswer, error) {
			return avnitest.ServerAnswer{Send: rule.ID == 601, At: due}, nil
		}}
	save := func(do func(*avnitest.Avni) (int64, error)) int64 {
		t.Helper()
		id, err := server.Save(ctx, "Subject", do)
		p.must(err)
		return id
	}
	register := func(name string) int64 {
		return save(func(a *avnitest.Avni) (int64, error) {
			return a.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: name, Phone: "9876500077"})
		})
	}

	p.start()
	first, second := register("Gita"), register("Mira")
	p.compared(601, "same", 2)
	save(func(a *avnitest.Avni) (int64, error) { return second, a.VoidSubject(ctx, second) })
	p.compared(601, "same", 2)
	_, err = server.SendDue(ctx)
	p.must(err)
	p.eventually(avnitest.Patience, func() string {
		var parameters []string
		err := p.db.Pool().QueryRow(ctx, `select d.parameters from messenger.parity_sending d join message_request_queue q on q.id = d.request_id
			where q.entity_id = $1 and d.reason is null and d.template_id = '7001'`, first).Scan(&parameters)
		if err != nil {
			return err.Error()
		}
		return cmp.Diff([]string{"Gita", "home"}, parameters)
	})
	p.stop()

	// What happens while it is stopped is evaluated, and nothing of it touched.
	third := register("Usha")
	register("Nobody") // a request that we would not have made
	p.must(p.avni.VoidVisit(ctx, 1001))
	user, err := p.avni.CreateUser(ctx, avnitest.UserFields{Name: "New", Phone: "+919823456789"})
	p.must(err)
	encounter, err := p.avni.ScheduleEncounter(ctx, third, 502, "fails", time.Now(), time.Now()) // rule 607
	p.must(err)
	_, err = server.SendDue(ctx)
	p.must(err)
	before := p.avniTables()
	p.start()
	p.compared(601, "same", 3)
	p.compared(601, "different", 1)
	p.compared(605, "different", 1)
	p.compared(607, "different", 1)
	if n := p.count(`select count(*) from messenger.trigger_log where source_table = 'encounter' and entity_id = $1 and outcome = 'would_fail'`, encounter); n != 1 {
		t.Errorf("the failing rule was run %d times", n)
	}
	if n := p.count(`select count(*) from messenger.parity where entity_id = $1 and cause = 'user_created'`, user); n != 1 {
		t.Error("the new user is not compared")
	}
	code, stdout, stderr := command(t, append(p.extra, "MESSENGER_TIMEZONE=Asia/Kolkata"), "catch-up", "--since", "48h")
	if code != exitOK {
		t.Errorf("catch-up: %s%s", stdout, stderr)
	}
	p.compared(601, "different", 1)
	p.eventually(avnitest.Patience, func() string {
		if n := p.count(`select count(*) from messenger.parity_sending where reason is null`); n != 2 {
			return fmt.Sprintf("%d messages would have been sent, want 2", n)
		}
		if n := p.count(`select count(*) from messenger.parity_sending where reason = 'no_request'`); n != 1 {
			return fmt.Sprintf("%d messages would not have been queued, want 1", n)
		}
		return ""
	})
	if diff := cmp.Diff(before, p.avniTables()); diff != "" {
		t.Errorf("Avni's tables were touched (-before +after):\n%s", diff)
	}
	p.stop()
	if diff := cmp.Diff(before, p.avniTables()); diff != "" {
		t.Errorf("Avni's tables were touched at the end (-before +after):\n%s", diff)
	}
	log, err := os.ReadFile(p.log.Name())
	p.must(err)
	if strings.Contains(string(log), "permission denied") {
		t.Error("it has tried to write")
	}
	if code, stdout, _ := command(t, append(p.extra, "MESSENGER_TIMEZONE=Asia/Kolkata"), "parity", "--organisation", "asha_gramin"); code != exitTrouble ||
		!strings.Contains(stdout, "asha_gramin: not ready:") || !strings.Contains(stdout, "1 user_created: ") {
		t.Errorf("parity: code %d, %s", code, stdout)
	}
	if n := len(p.messages()); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
}
