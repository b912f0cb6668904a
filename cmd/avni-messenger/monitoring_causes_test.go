//go:build monitoring

package main

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"avni-messenger/dispatch/glific/glifictest"
	"avni-messenger/internal/avnitest"
)

const (
	households = 302 // the subject type that no other rule is about
	stormLimit = 20
	imported   = 60 // as many failures pause a rule
)

// failMessagesAndRules makes deliveries fail, here and on WhatsApp, and rules, and has one
// rule make too many messages at once.
func (m *monitored) failMessagesAndRules() {
	m.t.Helper()
	ctx := m.t.Context()
	broken, many := m.importWithRules()
	for i := range 6 {
		_, err := m.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: fmt.Sprintf("Unreachable %d", i), Phone: "12345"})
		m.must(err)
	}
	asha := m.glific.Organisation(ashaGlific)
	asha.InjectProvider(glifictest.ProviderFault{Times: 6, Kind: glifictest.CallbackFails, Code: glifictest.CodeFrequency, Reason: "too many of late"})
	for i := range 6 {
		m.write(fmt.Sprintf("failing %d", i), time.Now())
	}
	m.glific.Inject(glifictest.Fault{Organisation: ashaGlific, Operation: "contactByPhone", Times: 3, Kind: glifictest.AnswerInstead, Status: http.StatusInternalServerError}) // is tried again
	_, err := m.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Tried again", Phone: "98123 45672"})
	m.must(err)
	m.write("too late", time.Now().AddDate(0, 0, -5)) // is given up
	m.fires("MessengerDeliveriesFailing organisation=asha_gramin", "MessengerRulesFailing phase=schedule", "MessengerRulePaused phase=schedule", "MessengerMessagesHeld")
	m.shows("messages: Held: too many at once", float64(m.count(`select count(*) from messenger.held where state = 'held'`)))
	m.shows("messages: Paused rule scripts", 1)
	m.await("all have been accepted that WhatsApp fails", func() bool {
		return m.count(`select count(*) from messenger.delivery where state = 'accepted' and phone = $1`, motherPhone) >= 6
	})
	// The first look is due after 2 minutes, and an error is final after 2 more.
	_, err = m.db.Pool().Exec(ctx, `update messenger.receipt set next_look_at = now(), error_at = now() - interval '1 hour' where next_look_at is not null`)
	m.must(err)
	m.fires("MessengerFailsOnWhatsApp organisation=asha_gramin")

	m.saveRule(broken, "Broken", `() => ({shouldSend: false})`)
	environ := []string{"MESSENGER_DATABASE_URL=" + m.db.URL()}
	if code, stdout, stderr := command(m.t, environ, "cancel", "--rule", strconv.FormatInt(many, 10)); code != exitOK {
		m.t.Fatalf("cancel ended with %d: %s%s", code, stdout, stderr)
	}
	m.quiet("MessengerRulePaused phase=schedule", "MessengerMessagesHeld")
}

// importWithRules saves households in one transaction, about which one rule throws, and
// breaks its runtime once, and another makes messages that are due in years.
func (m *monitored) importWithRules() (broken, many int64) {
	m.t.Helper()
	broken = m.saveRule(0, "Broken", `({params}) => { console.log('here'); const deep = () => deep() + 1; if (params.entity.firstName === 'House 1') deep(); throw new Error('broken'); }`)
	many = m.saveRule(0, "Many", `() => ({scheduledDateTime: '2035-01-01T00:00:00Z'})`)
	m.await("the rules are known", func() bool {
		return m.count(`select count(*) from messenger.activation where rule_id in ($1, $2)`, broken, many) == 2
	})
	m.exec(`insert into individual (uuid, version, first_name, observations, date_of_birth_verified, organisation_id, subject_type_id, registration_date,
			created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
		select uuid_generate_v4()::text, 0, 'House ' || i, '{}', false, 101, $1, now(), 202, 202, now(), now() from generate_series(1, $2::int) i`, households, imported)
	return broken, many
}

func (m *monitored) saveRule(id int64, name, schedule string) int64 {
	m.t.Helper()
	id, err := m.avni.SaveRule(m.t.Context(), avnitest.RuleFields{ID: id, Name: name, EntityType: "Subject", EntityTypeID: households, TemplateID: "7001",
		ScheduleRule: schedule, MessageRule: `() => ({parameters: ['x', 'y']})`})
	m.must(err)
	return id
}

// write has a manager write to the mother of the story, by hand.
func (m *monitored) write(text string, at time.Time) {
	m.t.Helper()
	to := avnitest.Receiver{Type: "Subject", ID: m.story.cast.mother}
	_, err := m.avni.QueueManual(m.t.Context(), avnitest.AshaGramin, to, "7009", []string{"@name", text}, at)
	m.must(err)
}

// holdBack has avni-server's messaging switched on, and then has it write a request.
func (m *monitored) holdBack() {
	m.t.Helper()
	ctx := m.t.Context()
	m.quiet("MessengerOrganisationHeld organisation=asha_gramin", "MessengerChangesWait")
	m.must(m.avni.SetMessagingEnabled(ctx, avnitest.AshaGramin, true))
	_, err := m.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Waiting", Phone: "98123 45670"})
	m.must(err)
	m.fires("MessengerOrganisationHeld organisation=asha_gramin", "MessengerChangesWait")
	m.shows("messages: Held or paused", 1)
	m.must(m.avni.SetMessagingEnabled(ctx, avnitest.AshaGramin, false))
	m.quiet("MessengerOrganisationHeld organisation=asha_gramin", "MessengerChangesWait")

	_, err = m.avni.QueueRule(ctx, welcomeRule, 1001, avnitest.Receiver{Type: "Subject", ID: 1001}, time.Now().AddDate(1, 0, 0))
	m.must(err)
	m.fires("MessengerOrganisationHeld organisation=asha_gramin")
	environ := []string{"MESSENGER_DATABASE_URL=" + m.db.URL(), "MESSENGER_MODE=full"}
	if code, stdout, stderr := command(m.t, environ, "release", "asha_gramin"); code != exitOK || !strings.Contains(stdout, "asha_gramin is released") {
		m.t.Fatalf("release ended with %d: %s%s", code, stdout, stderr)
	}
	m.quiet("MessengerOrganisationHeld organisation=asha_gramin")
}

// loseGlific has Avni name a Glific that is not there, and then the right one again.
func (m *monitored) loseGlific() {
	m.t.Helper()
	ctx := m.t.Context()
	m.quiet("MessengerGlificUnusable organisation=asha_gramin", "MessengerNotGoingOut organisation=asha_gramin", "MessengerLate organisation=asha_gramin")
	nobody, err := freeAddress()
	m.must(err)
	m.must(m.avni.SetGlific(ctx, avnitest.AshaGramin, "http://"+nobody+"/asha"))
	m.write("while Glific is away", time.Now())
	m.fires("MessengerGlificUnusable organisation=asha_gramin", "MessengerNotGoingOut organisation=asha_gramin", "MessengerLate organisation=asha_gramin")
	m.shows("messages: Held or paused", 1)
	m.must(m.avni.SetGlific(ctx, avnitest.AshaGramin, m.glific.URL(ashaGlific)))
	m.quiet("MessengerGlificUnusable organisation=asha_gramin", "MessengerNotGoingOut organisation=asha_gramin", "MessengerLate organisation=asha_gramin")
}

// breakColumns takes columns away that are read, of settings and of what rules are about,
// and gives them back.
func (m *monitored) breakColumns() {
	m.t.Helper()
	ctx := m.t.Context()
	m.quiet("MessengerCatalogueStale", "MessengerHandlerStuck")
	m.exec(`alter table account rename column region to area`)
	m.must(m.avni.SetMessagingEnabled(ctx, avnitest.AshaGramin, false)) // has the settings read again
	m.fires("MessengerCatalogueStale", "MessengerHandlerStuck")
	m.exec(`alter table account rename column area to region`)
	m.quiet("MessengerCatalogueStale")

	m.exec(`alter table gender rename column name to title`)
	_, err := m.avni.RegisterSubject(ctx, avnitest.SubjectFields{FirstName: "Put off", Phone: "98123 45671"})
	m.must(err)
	m.await("a change is put off", func() bool {
		put, err := m.prom.instant(`messenger_rules_retries_total > 0`)
		return err == nil && len(put) == 1
	})
	m.exec(`alter table gender rename column title to name`)
	m.quiet("MessengerHandlerStuck")
}

// asSuperuser returns what runs SQL as PostgreSQL's superuser.
func (m *monitored) asSuperuser() func(sql string) {
	admin := connect(m.t, m.db.SuperuserURL())
	return func(sql string) {
		m.t.Helper()
		_, err := admin.Exec(m.t.Context(), sql)
		m.must(err)
	}
}

// loseSlot takes the right to replicate away until PostgreSQL has given the slot up.
func (m *monitored) loseSlot() {
	m.t.Helper()
	run := m.asSuperuser()
	write := func(segments int) { // of 16 MB
		for range segments {
			run(`select pg_logical_emit_message(false, 'test', 'x'), pg_switch_wal()`)
		}
	}
	mended := func() {
		m.t.Helper()
		m.quiet("MessengerReplicationDisconnected", "MessengerSlotRetainsWAL slot=avni_messenger", "MessengerSlotNearlyLost slot=avni_messenger", "MessengerSlotLost slot=avni_messenger")
	}
	mended()
	run(`alter role avni_messenger noreplication`)
	run(`select pg_terminate_backend(pid) from pg_stat_replication`)
	m.fires("MessengerReplicationDisconnected")
	write(5)
	m.fires("MessengerSlotRetainsWAL slot=avni_messenger", "MessengerSlotNearlyLost slot=avni_messenger")
	write(8)
	run(`checkpoint`)
	m.fires("MessengerSlotLost slot=avni_messenger")
	run(`alter role avni_messenger replication`)
	mended()
}

// losePostgres has PostgreSQL turn the program away.
func (m *monitored) losePostgres() {
	m.t.Helper()
	run := m.asSuperuser()
	m.quiet("MessengerPostgresUnreadable", "MessengerReplicationDisconnected")
	run(`alter role avni_messenger nologin`)
	run(`select pg_terminate_backend(pid) from pg_stat_activity where usename = 'avni_messenger'`)
	m.fires("MessengerPostgresUnreadable", "MessengerReplicationDisconnected")
	run(`alter role avni_messenger login`)
	m.quiet("MessengerPostgresUnreadable", "MessengerReplicationDisconnected")
}

// stopAndShadow stops the program, and starts it with one organisation in shadow mode, for
// which avni-server then queues a message at another time than we would.
func (m *monitored) stopAndShadow() {
	m.t.Helper()
	ctx := m.t.Context()
	m.stop()
	m.fires("MessengerDown")
	m.program.extra = append(m.program.extra, "MESSENGER_ORGANISATIONS=seva_nepal=shadow")
	m.begin()
	m.fires("MessengerRestarting")
	m.quiet("MessengerDown")
	m.must(m.avni.SetMessagingEnabled(ctx, avnitest.SevaNepal, true))
	server := &avnitest.AvniServer{Avni: m.avni, Evaluate: func(context.Context, avnitest.ServerRule, avnitest.ServerEntity) (avnitest.ServerAnswer, error) {
		return avnitest.ServerAnswer{Send: true, At: time.Now().AddDate(0, 0, 3)}, nil
	}}
	id, err := server.Save(ctx, "Subject", func(avni *avnitest.Avni) (int64, error) {
		return avni.RegisterSubject(ctx, avnitest.SubjectFields{OrganisationID: avnitest.SevaNepal, FirstName: "Bina"})
	})
	m.must(err)
	m.fires("MessengerUnexplainedDifference organisation=seva_nepal")
	m.shows("messages: Unexplained differences", 1)
	_, err = m.db.Pool().Exec(ctx, `update message_request_queue q set scheduled_date_time = p.our_scheduled_for, last_modified_date_time = now()
		from messenger.parity p where p.entity_id = $1 and q.entity_id = p.entity_id and q.message_rule_id = p.rule_id`, id)
	m.must(err)
	m.quiet("MessengerUnexplainedDifference organisation=seva_nepal")
}
