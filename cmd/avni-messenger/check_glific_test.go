package main

import (
	"crypto/x509"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

// What is wrong with Glific is told of.
func TestCheckGlific(t *testing.T) {
	db := avnitest.New(t)
	server, err := startSampleGlific(t.Context(), db.Avni(), glifictest.Options{NoLimits: true})
	must(t, err)
	t.Cleanup(server.Close)
	execAs(t, db.SuperuserURL(), `update message_rule set is_voided = id <> 601`)
	for _, row := range []struct {
		name  string
		spoil func(*testing.T, *avnitest.Avni, *glifictest.Organisation)
		grade grade
		what  string
		texts []string
	}{
		{"well", func(*testing.T, *avnitest.Avni, *glifictest.Organisation) {}, gradeOK, "Glific's API user", []string{"as …0001, role Manager, language en"}},
		{"wrong password", func(t *testing.T, a *avnitest.Avni, _ *glifictest.Organisation) {
			must(t, a.SetGlificPassword(t.Context(), 101, "wrong"))
		},
			gradeFailing, "Glific's API user", []string{"Glific does not accept the phone and password", "Correct them in Avni's Glific settings."}},
		{"no such host", func(t *testing.T, a *avnitest.Avni, _ *glifictest.Organisation) {
			must(t, a.SetGlific(t.Context(), 101, "https://glific.invalid"))
		},
			gradeFailing, "Glific's address", []string{"glific.invalid cannot be looked up: ", "Correct the base URL"}},
		{"nobody listens", func(t *testing.T, a *avnitest.Avni, _ *glifictest.Organisation) {
			must(t, a.SetGlific(t.Context(), 101, "http://127.0.0.1:1"))
		},
			gradeFailing, "Glific's API user", []string{"Glific cannot be reached", "connection refused"}},
		{"no TLS there", func(t *testing.T, a *avnitest.Avni, _ *glifictest.Organisation) {
			must(t, a.SetGlific(t.Context(), 101, "https://127.0.0.1:1"))
		},
			gradeFailing, "Glific's address", []string{"127.0.0.1:1: no TLS connection: connection refused"}},
		{"no such organisation", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.Deactivate(true) }, gradeFailing, "Glific's API user", []string{"Glific knows no active organisation at this base URL"}},
		{"account paused", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.Pause(true) }, gradeFailing, "Glific's API user", []string{"suspended or paused the organisation's account"}},
		{"staff", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.SetRole("Staff") }, gradeFailing, "Glific's API user", []string{"its role is Staff", "Manager"}},
		{"no access", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.SetRole("No access") }, gradeFailing, "Glific's API user", []string{"the API user may not do this"}},
		{"hindi", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.SetHindi(true) }, gradeFailing, "Glific's API user", []string{`its language is "hi"`, "Set its language to English in Glific."}},
		{"restricted", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.SetRestricted(true) }, gradeFailing, "Glific's API user", []string{"restricted to the contacts of its own collections"}},
		{"suspended", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.Suspend(true) }, gradeWarning, "Glific's organisation", []string{"Glific has suspended sending"}},
		{"template missing", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) { o.RemoveTemplate(7001) }, gradeFailing, "template 7001", []string{"Glific has no template with this id", "used by rule 601"}},
		{"template rejected", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) {
			o.AddTemplate(glifictest.Template{ID: 7001, Body: "{{1}} {{2}}", Status: "REJECTED"})
		}, gradeFailing, "template 7001", []string{"not approved by WhatsApp", "REJECTED"}},
		{"template switched off", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) {
			o.AddTemplate(glifictest.Template{ID: 7001, Body: "{{1}} {{2}}", Inactive: true})
		}, gradeFailing, "template 7001", []string{"the template is switched off"}},
		{"template with a picture", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) {
			o.AddTemplate(glifictest.Template{ID: 7001, Body: "{{1}} {{2}}", Media: true})
		}, gradeFailing, "template 7001", []string{"wants an attachment"}},
		{"other parameters", func(t *testing.T, a *avnitest.Avni, o *glifictest.Organisation) {
			o.AddTemplate(glifictest.Template{ID: 7001, Body: "{{1}} {{2}} {{3}}"})
		}, gradeFailing, "template 7001", []string{"it has 3 parameters, and rule 601 returns 2"}},
		{"no number", func(t *testing.T, a *avnitest.Avni, _ *glifictest.Organisation) {
			_, err := a.Pool().Exec(t.Context(), `update message_rule set message_template_id = 'welcome' where id = 601`)
			must(t, err)
		}, gradeFailing, "template welcome", []string{"the template's id is not a number; used by rule 601"}},
	} {
		t.Run(row.name, func(t *testing.T) {
			// The organisation as it was: a new one under the same name takes its place.
			asha := server.AddOrganisation(ashaGlific, "919999900001", "glific-asha-pw", glifictest.Template{ID: 7001, Body: "{{1}} {{2}}"})
			must(t, db.Avni().SetGlific(t.Context(), avnitest.AshaGramin, server.URL(ashaGlific)))
			must(t, db.Avni().SetGlificPassword(t.Context(), avnitest.AshaGramin, "glific-asha-pw"))
			row.spoil(t, db.Avni(), asha)
			c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), "MESSENGER_ORGANISATIONS=seva_nepal=none")
			c.proxy = func(*http.Request) (*url.URL, error) { return nil, nil }
			found := c.findings(t, "Organisation asha_gramin")
			wantFinding(t, found, row.grade, row.what, row.texts...)
			wantReadable(t, printed(found))
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestCheckOfGlificThatIsNotConfigured(t *testing.T) {
	db := avnitest.New(t)
	execSQL(t, db, `update external_system_config set config = config - 'password' where organisation_id = 101`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL(), "MESSENGER_MODE=full", "MESSENGER_SOLE_OWNER=true").findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeFailing, "settings in Avni", "held back: its Glific configuration (external_system_config 181) is unusable: password is missing", "Correct that in Avni's web app")
	wantFinding(t, found, gradeSkipped, "Glific", "there is no usable Glific configuration")
	found = newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeWarning, "settings in Avni", "password is missing")
}

// What is wanted fits what is found.
func TestCheckOfSettings(t *testing.T) {
	db := avnitest.New(t)
	const glific = "one Glific configuration that is not voided, with baseUrl, phone, password and avniSystemUser"
	for _, row := range []struct {
		name, sql   string
		environ     []string
		grade       grade
		found, want string
	}{
		{"shadow of nothing", `update organisation_config set settings = settings - 'enableMessaging' where organisation_id = 101`, nil, gradeWarning,
			"enableMessaging is not true, so that avni-server neither evaluates its rules nor sends: nobody does", "enableMessaging true in mode shadow: what avni-server queues is compared with"},
		{"in doubt", ``, []string{"MESSENGER_MODE=full", "MESSENGER_ORGANISATIONS=asha=shadow"}, gradeFailing,
			`held back: MESSENGER_ORGANISATIONS names "asha", which this database does not have`, "names of organisations of this database"},
		{"a user of nobody", `update external_system_config set config = jsonb_set(config, '{avniSystemUser}', '"nobody"') where organisation_id = 101`, nil, gradeWarning,
			`avniSystemUser "nobody" of its Glific configuration is no user of the organisation`, "the username of one of its users, for whom messages are written and sent"},
		{"two configurations", `insert into external_system_config (organisation_id, uuid, version, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time, system_name, config)
			select organisation_id, gen_random_uuid(), 0, 201, 201, now(), now(), system_name, config from external_system_config where organisation_id = 101`, nil, gradeWarning, "it has 2 Glific configurations", glific},
		{"none", `delete from external_system_config where organisation_id = 101`, []string{"MESSENGER_ORGANISATIONS=asha_gramin=shadow"}, gradeWarning, "it has no Glific configuration of its own", glific},
		{"voided", `update organisation set is_voided = true where id = 101`, []string{"MESSENGER_ORGANISATIONS=asha_gramin=shadow"}, gradeWarning,
			"the organisation is voided in Avni", "an organisation that is not voided"},
	} {
		t.Run(row.name, func(t *testing.T) {
			if row.sql != "" {
				execSQL(t, db, row.sql)
			}
			f := wantFinding(t, newCheck(t, append(row.environ, "MESSENGER_DATABASE_URL="+db.URL())...).findings(t, "Organisation asha_gramin"), row.grade, "settings in Avni", row.found)
			if f.Wanted != row.want {
				t.Errorf("%q is wanted, not %q", f.Wanted, row.want)
			}
		})
	}
}

func TestCheckOfGlificBehindAProxy(t *testing.T) {
	db := avnitest.New(t)
	c := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL())
	c.proxy = func(*http.Request) (*url.URL, error) { return url.Parse("http://user:secret@proxy.example.org:3128") }
	f := wantFinding(t, c.findings(t, "Organisation asha_gramin"), gradeOK, "Glific's address", "reached through the proxy proxy.example.org:3128")
	if strings.Contains(f.Found, "secret") {
		t.Errorf("the proxy's password is shown: %s", f.Found)
	}
}

func TestCheckOfTheRegion(t *testing.T) {
	db := avnitest.New(t)
	execSQL(t, db, `update account set region = 'India' where id = 2`)
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeFailing, "region", `"India", the region of Avni's account, is no country`, "column region")
}

func TestCheckOfCertificates(t *testing.T) {
	server := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(server.Close)
	db := avnitest.New(t)
	must(t, db.Avni().SetGlific(t.Context(), avnitest.AshaGramin, server.URL))
	found := newCheck(t, "MESSENGER_DATABASE_URL="+db.URL()).findings(t, "Organisation asha_gramin")
	wantFinding(t, found, gradeFailing, "Glific's address", "no TLS connection: its certificate is not accepted")

	account, now := glific.Account{BaseURL: "https://api.asha.example.org"}, time.Now()
	ends := func(in time.Duration) []*x509.Certificate { return []*x509.Certificate{{NotAfter: now.Add(in)}} }
	wantFinding(t, []finding{certificateFinding("address", account, ends(72*time.Hour), now)}, gradeWarning, "address", "the certificate of api.asha.example.org ends at ")
	wantFinding(t, []finding{certificateFinding("address", account, ends(720*time.Hour), now)}, gradeOK, "address", "with a valid certificate")
}
