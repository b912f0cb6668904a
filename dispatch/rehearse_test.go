package dispatch

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRehearse has a request say what it would, or why nothing would be sent, by the
// checks of a delivery, without Glific and whatever the settings hold back.
func TestRehearse(t *testing.T) {
	s := newStage(t)
	d := NewDispatcher(Options{Pool: s.db.Pool(), Renderer: s.render, Settings: Settings{DryRun: true, TestNumbers: []Phone{"910000000000"}}})
	rehearse := func(rendered Rendered, err error, kind string, id int64) (Rehearsal, error) {
		d.options.Renderer = renderFunc(func(context.Context, Request) (Rendered, error) { return rendered, err })
		request := Request{ID: 1, OrganisationID: s.organisations[0].ID, RuleID: welcomeRule, EntityID: asha}
		return d.Rehearse(t.Context(), s.organisations[0], request, kind, id)
	}
	welcome := sample[welcomeRule]
	for name, row := range map[string]struct {
		rendered Rendered
		err      error
		kind     string
		id       int64
		reason   Reason // "": it would be sent
		want     Rendered
	}{
		"sent":                  {rendered: welcome, kind: receiverSubject, id: asha, want: welcome},
		"to a user":             {rendered: welcome, kind: receiverUser, id: meena, want: welcome},
		"no number":             {rendered: welcome, kind: receiverSubject, id: noPhone, reason: NoPhone, want: welcome},
		"an invalid number":     {rendered: welcome, kind: receiverSubject, id: badPhone, reason: InvalidPhone, want: welcome},
		"a voided receiver":     {rendered: welcome, kind: receiverSubject, id: voided, reason: Withdrawn},
		"an empty parameter":    {rendered: Rendered{[]string{"Asha", " "}, "7001"}, kind: receiverSubject, id: asha, reason: BadParameter},
		"an expansion":          {rendered: Rendered{[]string{"@global.x"}, "7001"}, kind: receiverSubject, id: asha, reason: ParameterExpands},
		"a template of no id":   {rendered: Rendered{[]string{"Asha"}, "seven"}, kind: receiverSubject, id: asha, reason: TemplateInvalid, want: Rendered{Parameters: []string{"Asha"}}},
		"a rule that fails":     {err: refuse(RuleFailed, "throw"), kind: receiverSubject, id: asha, reason: RuleFailed},
		"what it is about gone": {err: refuse(Withdrawn, "Subject 1001 is voided"), kind: receiverSubject, id: asha, reason: Withdrawn},
	} {
		got, err := rehearse(row.rendered, row.err, row.kind, row.id)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(row.want, got.Rendered); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
		if (got.Refusal == nil) != (row.reason == "") || got.Refusal != nil && got.Refusal.Reason != row.reason {
			t.Errorf("%s: refused by %v, want %q", name, got.Refusal, row.reason)
		}
	}
	away := errors.New("the database is away")
	if _, err := rehearse(Rendered{}, away, receiverSubject, asha); !errors.Is(err, away) {
		t.Errorf("trouble is told as %v", err)
	}
	var deliveries int
	s.must(s.db.Pool().QueryRow(t.Context(), `select count(*) from messenger.delivery`).Scan(&deliveries))
	if deliveries != 0 || len(s.glific.Ledger()) != 0 {
		t.Error("something was written or sent")
	}
}
