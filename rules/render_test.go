package rules

import (
	"bytes"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// desk is a renderer with all that it works on.
type desk struct {
	*testing.T
	avni *avnitest.Avni
	db   *avnitest.DB
	dir  *fakeDirectory
	log  bytes.Buffer
	late time.Duration // by which the renderer's clock is ahead
	*Renderer
}

func openDesk(t *testing.T) *desk {
	t.Helper()
	db := avnitest.New(t)
	d := &desk{T: t, db: db, avni: db.Avni(), dir: seedDirectory(Write)}
	engine, err := sharedEngine()
	if err != nil {
		t.Fatal(err)
	}
	d.Renderer = NewRenderer(RendererOptions{Pool: db.Pool(), Catalogue: loadedCatalogue(t, db, d.dir), Engine: engine, Directory: d.dir,
		Loader: NewLoader(db.Pool()), Log: slog.New(slog.NewTextHandler(&d.log, nil)), Metrics: unregistered(),
		Now: func() time.Time { return time.Now().Add(d.late) }})
	return d
}

func (d *desk) failures() (n int) {
	d.Helper()
	if err := d.db.Pool().QueryRow(d.Context(), `select count(*) from rule_failure_log where entity_type = 'Rules : messageExecute'`).Scan(&n); err != nil {
		d.Fatal(err)
	}
	return n
}

func TestParametersOfEachEntityType(t *testing.T) {
	d := openDesk(t)
	for _, test := range []struct {
		render   Render
		want     []string
		template string
	}{
		{Render{101, 601, 1001}, []string{"Asha", "Kevadia"}, "7001"},
		{Render{101, 602, 1001}, []string{"Asha Sharma", "15/01/2024"}, "7002"},
		{Render{101, 603, 1001}, []string{"Asha", "ANC 2", "01 Mar 2030"}, "7003"},
		{Render{101, 604, 1002}, []string{"Asha", "Headache"}, "7004"},
		{Render{101, 605, 202}, []string{"meena@asha"}, "7005"},
		{Render{103, 611, 1101}, []string{"Maya"}, "8001"},
	} {
		got, template, err := d.Parameters(t.Context(), test.render)
		if err != nil {
			t.Errorf("rule %d: %v", test.render.RuleID, err)
			continue
		}
		if diff := cmp.Diff(test.want, got); diff != "" || template != test.template {
			t.Errorf("rule %d, template %s: %s", test.render.RuleID, template, diff)
		}
	}
}

func TestParametersAreOfTheMoment(t *testing.T) {
	d := openDesk(t)
	render := Render{101, 601, 1001}
	if _, _, err := d.Parameters(t.Context(), render); err != nil {
		t.Fatal(err)
	}
	exec(t, d.avni.Pool(), `update individual set first_name = 'Usha' where id = 1001`)
	exec(t, d.avni.Pool(), `update message_rule set message_template_id = '7999', message_rule = '({params}) => ({parameters: [params.entity.firstName]})' where id = 601`)
	got, template, err := d.Parameters(t.Context(), render) // the catalogue has not heard of it
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"Usha"}, got); diff != "" || template != "7999" {
		t.Errorf("template %s: %s", template, diff)
	}
}

func TestActingUserOfMessageIsTheSystemUser(t *testing.T) {
	d := openDesk(t)
	exec(t, d.avni.Pool(), `update message_rule set message_rule = '({params}) => ({parameters: [params.user ? params.user.username : "none"]})' where id = 601`)
	got, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"admin@asha"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWithdrawn(t *testing.T) {
	for _, test := range []struct {
		name, sql string
		render    Render
		want      string
	}{
		{"rule voided", `update message_rule set is_voided = true where id = 603`, Render{101, 603, 1001}, "message rule 603 is voided"},
		{"rule of another organisation", ``, Render{101, 611, 1101}, "message rule 611 does not exist in the organisation"},
		{"no such rule", ``, Render{101, 9, 1001}, "message rule 9 does not exist in the organisation"},
		{"no such entity", ``, Render{101, 603, 9}, "ProgramEncounter 9 does not exist in the organisation"},
		{"entity of another organisation", ``, Render{101, 603, 1101}, "ProgramEncounter 1101 does not exist in the organisation"},
		{"entity voided", ``, Render{101, 603, 1004}, "ProgramEncounter 1004 is voided"},
		{"enrolment voided", `update program_enrolment set is_voided = true where id = 1001`, Render{101, 603, 1001}, "ProgramEnrolment 1001 is voided"},
		{"subject voided", `update individual set is_voided = true where id = 1001`, Render{101, 603, 1001}, "Subject 1001 is voided"},
		{"user voided", `update users set is_voided = true where id = 202`, Render{101, 605, 202}, "User 202 is voided"},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := openDesk(t)
			if test.sql != "" {
				exec(t, d.avni.Pool(), test.sql)
			}
			_, _, err := d.Parameters(t.Context(), test.render)
			var withdrawn *Withdrawn
			if !errors.As(err, &withdrawn) || withdrawn.What != test.want {
				t.Errorf("error is %v", err)
			}
			if n := d.failures(); n != 0 {
				t.Errorf("%d rule failures", n)
			}
		})
	}
}

func TestFailedMessageRule(t *testing.T) {
	d := openDesk(t)
	exec(t, d.avni.Pool(), `update message_rule set message_rule = '({params}) => { throw new Error("no " + params.entity.firstName) }' where id = 601`)
	fail := func() {
		t.Helper()
		_, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
		failureOf(t, err, FailedThrow)
	}
	fail()
	fail()
	if n := d.failures(); n != 1 {
		t.Errorf("%d rows for one failure in an hour", n)
	}
	d.late += failureInterval
	fail()
	if n := d.failures(); n != 2 {
		t.Errorf("%d rows an hour later", n)
	}
	if log := d.log.String(); strings.Contains(log, "Asha") || strings.Count(log, "rule failed") != 2 ||
		!strings.Contains(log, `organisation=asha_gramin rule=601 name="Welcome subject" phase=message reason=throw entity_type=Subject entity=1001 err="Error with a text that may be personal (line 1, column`) ||
		!strings.Contains(log, "messenger.delivery") {
		t.Errorf("log is:\n%s", log)
	}
	d.dir.treat(101, Compare)
	d.late += failureInterval
	fail()
	if n := d.failures(); n != 2 {
		t.Errorf("shadow writes to rule_failure_log")
	}
}

func TestRuleAboutUnknownEntityType(t *testing.T) {
	d := openDesk(t)
	exec(t, d.avni.Pool(), `update message_rule set entity_type = 'ChecklistItem' where id = 601`)
	_, _, err := d.Parameters(t.Context(), Render{101, 601, 1001})
	failureOf(t, err, FailedLoad)
}

func TestUnknownOrganisationIsTriedAgain(t *testing.T) {
	d := openDesk(t)
	_, _, err := d.Parameters(t.Context(), Render{999, 601, 1001})
	var failure *Failure
	var withdrawn *Withdrawn
	if err == nil || errors.As(err, &failure) || errors.As(err, &withdrawn) {
		t.Errorf("error is %v", err)
	}
}
