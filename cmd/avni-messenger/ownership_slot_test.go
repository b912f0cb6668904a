package main

import (
	"net/http"
	"testing"
	"time"

	"avni-messenger/internal/avnitest"
	"avni-messenger/rules"
)

// owned is since when Asha Gramin is ours; zero: it is not.
func (n *neighbours) owned() (since time.Time) {
	n.t.Helper()
	n.must(n.db.Pool().QueryRow(n.t.Context(), `select coalesce((select since from messenger.ownership where organisation_id = 101), '0001-01-01Z')`).Scan(&since))
	return since.UTC()
}

// awaitNoted waits until so many processes are known to each other.
func (n *neighbours) awaitNoted(processes int) {
	n.t.Helper()
	within(n.t, func() string {
		return unless(n.count(`select count(*) from messenger.instance where jsonb_array_length(settings -> 'organisations') > 0`) == processes, "not all processes are noted")
	})
}

// A process of the slot with other settings does not end the watch that another one relies
// on, as long as that one runs.
func TestOwnershipOutlivesOtherSettings(t *testing.T) {
	full := "MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none"
	for name, row := range map[string]struct{ one, other []string }{
		"shadow":        {alone, []string{"MESSENGER_ORGANISATIONS=asha_gramin=shadow,seva_nepal=none"}},
		"none":          {alone, []string{"MESSENGER_ORGANISATIONS=asha_gramin=none,seva_nepal=shadow"}},
		"dispatch":      {alone, []string{"MESSENGER_ORGANISATIONS=asha_gramin=dispatch,seva_nepal=none"}},
		"no sole owner": {alone, []string{full}},
	} {
		t.Run(name, func(t *testing.T) {
			n := newNeighbours(t)
			r := n.start(row.one...)
			r.awaitTreatment(rules.Write)
			n.awaitNoted(1)
			since := n.owned()
			other := startApp(t, n.db.URL(), row.other...)
			n.awaitNoted(2)
			n.must(other.reloadOrganisations(t.Context()))
			if now := n.owned(); now != since || since.IsZero() {
				t.Errorf("it was ours since %s, now since %s", since, now)
			}
			if name == "dispatch" {
				other.awaitHealth(http.StatusOK, "held back: another process serves it in mode full", "Give all processes the same modes")
			}
			r.end()
			within(t, func() string {
				n.must(other.reloadOrganisations(t.Context()))
				return unless(n.owned() != since, "it is ours still")
			})
		})
	}
}

// Processes with the same settings end it at once, both of them.
func TestOwnershipEndsWithMessagingOn(t *testing.T) {
	n := newNeighbours(t)
	full := []string{"MESSENGER_ORGANISATIONS=asha_gramin=full,seva_nepal=none"}
	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, false))
	r, replica := n.start(full...), n.start(full...)
	r.awaitTreatment(rules.Write)
	n.awaitNoted(2)
	n.must(n.avni.SetMessagingEnabled(t.Context(), avnitest.AshaGramin, true))
	for _, a := range []*runningApp{r, replica} {
		a.awaitTreatment(rules.Wait)
	}
	if since := n.owned(); !since.IsZero() {
		t.Errorf("it is ours since %s", since)
	}
}

// Whose organisation another process disowns hears of it, and owns it again.
func TestDisownedIsHeardOf(t *testing.T) {
	n := newNeighbours(t)
	r := n.start(alone...)
	r.awaitTreatment(rules.Write)
	n.awaitNoted(1)
	since := n.owned()
	other := startApp(t, n.db.URL(), "MESSENGER_ORGANISATIONS=asha_gramin=shadow,seva_nepal=none")
	n.awaitNoted(2)
	within(t, func() string {
		execAs(t, n.db.URL(), `delete from messenger.instance where settings -> 'organisations' -> 0 ->> 'mode' = 'full'`) // as before it was noted
		n.must(other.reloadOrganisations(t.Context()))
		now := n.owned()
		return unless(now != since && !now.IsZero(), "it is not ours anew")
	})
}
