//go:build monitoring

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
)

// monitored is the program, watched by a real Prometheus, on a PostgreSQL of its own.
type monitored struct {
	*program
	t     *testing.T
	prom  *prometheusServer
	story *demo
	fired map[string]bool // alerts that have fired
}

func newMonitored(t *testing.T) *monitored {
	t.Helper()
	p, story := newStory(t, "MESSENGER_RETRY_BASE=1s", fmt.Sprintf("MESSENGER_STORM_LIMIT=%d", stormLimit))
	return &monitored{program: p, t: t, story: story, fired: map[string]bool{}, prom: startPrometheus(t, shortenedRules(t))}
}

func (m *monitored) exec(sql string, args ...any) {
	m.t.Helper()
	_, err := m.avni.Pool().Exec(m.t.Context(), sql, args...)
	m.must(err)
}

// begin starts the program and has it scraped.
func (m *monitored) begin() {
	m.t.Helper()
	m.start()
	m.prom.target(m.now.address)
	m.await("the program is scraped", func() bool {
		up, err := m.prom.instant(`up == 1 and on () messenger_postgres_up == 1`)
		return err == nil && len(up) == 1
	})
}

func (m *monitored) await(what string, holds func() bool) {
	m.t.Helper()
	m.eventually(alertPatience, func() string { return unless(holds(), "not so: "+what) })
}

// fires waits until the alert fires, with these labels.
func (m *monitored) fires(alerts ...string) {
	m.t.Helper()
	for _, alert := range alerts {
		began := time.Now()
		m.eventually(alertPatience, func() string {
			firing := m.prom.firing()
			return unless(slices.Contains(firing, alert), fmt.Sprintf("%s does not fire, only %v", alert, firing))
		})
		name, _, _ := strings.Cut(alert, " ")
		m.fired[name] = true
		m.t.Logf("%s fires, after %.0f s", alert, time.Since(began).Seconds())
	}
}

// quiet waits until these alerts do not fire.
func (m *monitored) quiet(alerts ...string) {
	m.t.Helper()
	began := time.Now()
	m.eventually(alertPatience, func() string {
		firing := m.prom.firing()
		for _, alert := range alerts {
			if slices.Contains(firing, alert) {
				return alert + " fires"
			}
		}
		return ""
	})
	m.t.Logf("%v quiet, after %.0f s", alerts, time.Since(began).Seconds())
}

// shows waits until a panel that shows one figure shows it.
func (m *monitored) shows(title string, want float64) {
	m.t.Helper()
	m.eventually(avnitest.Patience, func() string {
		got := m.prom.figure(m.t, title)
		return unless(got == want, fmt.Sprintf("%s shows %v, not %v", title, got, want))
	})
}

// figures is what the program says of itself.
func (m *monitored) figures() string {
	m.t.Helper()
	code, body, err := m.now.get(m.t.Context(), "/metrics")
	if err != nil || code != http.StatusOK {
		m.t.Fatalf("/metrics: %d %v", code, err)
	}
	return body
}

// Every board and every alert, on a real Prometheus: what is shown is there, each alert
// fires when its cause is made, and clears when that is mended.
func TestBoardsAndAlerts(t *testing.T) {
	m := newMonitored(t)
	m.begin()
	fromTheStart := counters(m.figures())
	ctx, cancel := context.WithTimeout(t.Context(), alertPatience)
	defer cancel()
	m.must(m.story.tell(ctx))
	m.calm("nothing is wrong")

	m.failMessagesAndRules()
	m.holdBack()
	m.loseGlific()
	m.breakColumns()
	m.loseSlot()
	m.losePostgres()
	m.endsWithoutNewCounters(fromTheStart)
	m.countsRightly()
	m.stopAndShadow()

	m.calm("all is mended")
	for name := range m.prom.rules() {
		if !m.fired[name] {
			t.Errorf("nothing made %s fire", name)
		}
	}
	m.prom.provesBoards(t)
	m.besideAnother()
	m.tellsNothingPersonal()
	m.leavesOrganisationsOut()
}

// calm waits until no alert fires.
func (m *monitored) calm(moment string) {
	m.t.Helper()
	m.eventually(alertPatience, func() string {
		firing := m.prom.firing()
		return unless(len(firing) == 0, fmt.Sprintf("%s, but there are %v", moment, firing))
	})
}

// besideAnother has a second process run on the database: nothing fires because of it, and
// the boards show what both tell once.
func (m *monitored) besideAnother() {
	m.t.Helper()
	alone, first := m.prom.told(m.t), m.now
	m.start()
	m.prom.target(first.address, m.now.address)
	m.await("both are scraped, and one reads", func() bool {
		both, err := m.prom.instant(`count(messenger_postgres_up == 1) == 2 and on () sum(messenger_cdc_up) == 1`)
		return err == nil && len(both) == 1
	})
	m.calm("two run")
	m.eventually(avnitest.Patience, func() string { return cmp.Diff(alone, m.prom.told(m.t)) })
	m.stop()
	m.now = first
	m.prom.target(first.address)
}

// leavesOrganisationsOut: where the label is switched off, the board of messages shows the sums.
func (m *monitored) leavesOrganisationsOut() {
	m.t.Helper()
	m.stop()
	m.program.extra = append(m.program.extra, "MESSENGER_METRICS_ORGANISATIONS=off")
	m.begin()
	m.shows("messages: Organisations served", 1)
	if figures := m.figures(); strings.Contains(figures, "asha_gramin") {
		m.t.Error("/metrics names an organisation")
	}
}

// counters are the series that only ever grow, without their values.
func counters(figures string) map[string]bool {
	found := map[string]bool{}
	for line := range strings.Lines(figures) {
		series, _, _ := strings.Cut(line, " ")
		name, _, _ := strings.Cut(series, "{")
		if strings.HasPrefix(name, "messenger_") && (strings.HasSuffix(name, "_total") || ofHistogram.MatchString(name)) {
			found[series] = true
		}
	}
	return found
}

// endsWithoutNewCounters: what begins with the first event hides that event.
func (m *monitored) endsWithoutNewCounters(before map[string]bool) {
	m.t.Helper()
	for series := range counters(m.figures()) {
		name, _, _ := strings.Cut(series, "{")
		if _, later := comesLater[name]; !before[series] && !later {
			m.t.Errorf("%s was not there at the start", series)
		}
	}
}

// countsRightly holds two figures of a board against the database, before the program ends:
// what happens between the last scrape and that is never known.
func (m *monitored) countsRightly() {
	m.t.Helper()
	for title, query := range map[string]string{
		"messages: Accepted by Glific": `select count(*) from messenger.delivery where state = 'accepted'`,
		"messages: Reached a phone":    `select count(*) from messenger.receipt where status in ('delivered', 'read')`,
	} {
		m.eventually(avnitest.Patience, func() string {
			want, got := float64(m.count(query)), m.prom.figure(m.t, title)
			return unless(want >= 5 && got > 0.9*want && got < 1.1*want, // increase() is not exact
				fmt.Sprintf("%s shows %v, the database has %v", title, got, want))
		})
	}
}

// tellsNothingPersonal: no number and no name of anybody, nor the uuid of anything.
func (m *monitored) tellsNothingPersonal() {
	m.t.Helper()
	figures := m.figures()
	rows, err := m.db.Pool().Query(m.t.Context(), `select phone from messenger.delivery where phone <> '' union select right(phone, 10) from messenger.delivery where phone <> ''
		union select first_name from individual union select username from users union select uuid from individual union select uuid from message_rule union select name from message_rule`)
	m.must(err)
	defer rows.Close()
	looked := 0
	for rows.Next() {
		var secret string
		m.must(rows.Scan(&secret))
		if looked++; len(secret) > 3 && strings.Contains(figures, secret) {
			m.t.Errorf("/metrics has %q in it", secret)
		}
	}
	if m.must(rows.Err()); looked < 20 {
		m.t.Errorf("only %d numbers, names and uuids were looked for", looked)
	}
}
