package history_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"avni-messenger/internal/avnitest"
	"avni-messenger/internal/history"
)

// Of what is there and has led to nothing it is told why.
func TestWhyNothingCameOfIt(t *testing.T) {
	const of1003 = "No message and no answer of a rule is known about Subject 1003 (Nophone Bai), which was saved last at 2026-03-04 16:30:00 IST by meena@asha. "
	const rules = `Rules about it: 601 "Welcome subject". `
	for name, test := range map[string]struct {
		question string // "": subject 1003
		prepare  func(*stage)
		want     string
	}{
		"unknown": {want: of1003 + rules + "Changes from before the organisation or the rule was started here make no message, unless avni-messenger catch-up asks for them."},
		"before it was started": {
			prepare: func(s *stage) {
				s.exec(`insert into messenger.activation (organisation_id, rule_id, active_from) values (101, 0, ` + ago(48*time.Hour) + `), (101, 601, ` + ago(30*time.Minute) + `)`)
			},
			want: of1003 + rules + "They were started here at 2026-03-04 17:00:00 IST, after it was saved: what was saved before makes no message, unless avni-messenger catch-up asks for it."},
		"not read yet": {
			prepare: func(s *stage) {
				s.exec(`insert into messenger.position (slot, lsn, committed_at) values ('avni_messenger', '0/1', ` + ago(90*time.Minute) + `)`)
			},
			want: of1003 + rules + "The last change that was read was committed at 2026-03-04 16:00:00 IST, before it was saved: avni-messenger status tells how far changes have been read."},
		"avni-server runs the rules": {prepare: func(s *stage) { s.served[avnitest.AshaGramin] = history.Served{Mode: "dispatch"} },
			want: of1003 + "Organisation asha_gramin is in mode dispatch: avni-server runs its rules, and has made no request."},
		"not served": {prepare: func(s *stage) { delete(s.served, avnitest.AshaGramin) },
			want: of1003 + "Organisation asha_gramin is not served by avni-messenger as it is configured here: its changes are not kept."},
		"no rule": {question: "Subject:1004",
			want: "No message and no answer of a rule is known about Subject 1004 (Sharma household), which was saved last at 2024-01-12 10:30:00 IST by meena@asha. No message rule of asha_gramin is about a Subject of type Household."},
		"voided": {question: "Subject:1005",
			want: "No message and no answer of a rule is known about Subject 1005 (Voided  Person), which was saved last at 2024-01-13 10:30:00 IST by meena@asha. It is voided: no message is sent about it."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			s.options.Now = func() time.Time { return now }
			s.exec(`update individual set last_modified_date_time = ` + ago(time.Hour) + ` where id = 1003`)
			if test.question == "" {
				test.question = "Subject:1003"
			}
			if test.prepare != nil {
				test.prepare(s)
			}
			x := s.explain(test.question)
			if diff := cmp.Diff([]string{test.want}, x.Notes); diff != "" || !x.Known {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
