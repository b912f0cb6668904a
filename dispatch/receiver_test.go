package dispatch

import (
	"errors"
	"fmt"
	"testing"

	"avni-messenger/internal/avnitest"
)

func phoneOf(s *stage, organisation Organisation, subject int64) (Phone, error) {
	s.Helper()
	r, err := loadReceiver(s.Context(), s.db.Pool(), organisation, receiverRef{kind: receiverSubject, id: subject})
	s.must(err)
	return r.phone(organisation.Region)
}

func TestPhoneIsTheFirstValidNumberInOrder(t *testing.T) {
	s := newStage(t)
	here, nepal := s.organisations[0], s.organisations[1]
	concept := func(id, organisation int, kind, keys string, void bool) string {
		uuid := fmt.Sprintf("f0000000-0000-4000-8000-000000000%d", id)
		s.exec(`insert into concept(id, uuid, name, data_type, version, organisation_id, key_values, is_voided, created_by_id, last_modified_by_id, created_date_time, last_modified_date_time)
			values ($1, $2, $2, $3, 0, $4, $5::jsonb, $6, 1, 1, now(), now())`, id, uuid, kind, organisation, keys, void)
		return uuid
	}
	mobile, alternate := "f0000000-0000-4000-8000-000000000701", "f0000000-0000-4000-8000-000000000702"
	second := concept(791, 101, "PhoneNumber", "[]", false)
	old := concept(690, 101, "PhoneNumber", "[]", true)
	primary := concept(792, 101, "Text", `[{"key":"primary_contact","value":"yes"}]`, false)
	unmarked := concept(793, 101, "Text", `[{"key":"primary_contact","value":"no"}]`, false)
	voidText := concept(794, 101, "Text", `[{"key":"primary_contact","value":"yes"}]`, true)
	parents, own := "f0000000-0000-4000-8000-000000000751", concept(795, 103, "PhoneNumber", "[]", false)

	number := func(n string) map[string]any { return map[string]any{"phoneNumber": n, "verified": false} }
	for name, test := range map[string]struct {
		organisation Organisation
		observations map[string]any
		want         Phone
		reason       Reason
	}{
		"oldest concept first":      {here, map[string]any{mobile: number("9876500011"), second: number("9876500012")}, "919876500011", ""},
		"an invalid one is passed":  {here, map[string]any{mobile: number("12"), second: number("9876500012")}, "919876500012", ""},
		"voided after those in use": {here, map[string]any{old: number("9876500013"), second: number("9876500012")}, "919876500012", ""},
		"voided rather than none":   {here, map[string]any{old: number("9876500013")}, "919876500013", ""},
		"number before text":        {here, map[string]any{alternate: "9876500014", second: number("9876500012")}, "919876500012", ""},
		"text of either mark":       {here, map[string]any{primary: "9876500015"}, "919876500015", ""},
		"international text":        {here, map[string]any{alternate: "+977 984-1000011"}, "9779841000011", ""},
		"other texts do not count":  {here, map[string]any{unmarked: "9876500016", voidText: "9876500017"}, "", NoPhone},
		"empty is none":             {here, map[string]any{mobile: number(" "), alternate: ""}, "", NoPhone},
		"null is none":              {here, map[string]any{mobile: map[string]any{"phoneNumber": nil}, alternate: nil}, "", NoPhone},
		"odd shapes are none":       {here, map[string]any{mobile: []string{"9876500018"}, alternate: 9876500018}, "", NoPhone},
		"bare string of a number":   {here, map[string]any{mobile: "9876500019"}, "919876500019", ""},
		"any text makes it wrong":   {here, map[string]any{mobile: number("call me"), second: number("")}, "", InvalidPhone},
		"own before the parent's":   {nepal, map[string]any{parents: number("9841000021"), own: number("9841000022")}, "9779841000022", ""},
		"the parent's":              {nepal, map[string]any{parents: number("9841000021")}, "9779841000021", ""},
		"of another organisation":   {nepal, map[string]any{mobile: number("9841000021")}, "", NoPhone},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := s.avni.RegisterSubject(t.Context(), avnitest.SubjectFields{
				OrganisationID: test.organisation.ID, FirstName: "Asha", Observations: test.observations})
			s.must(err)
			got, err := phoneOf(s, test.organisation, id)
			var refusal *Refusal
			errors.As(err, &refusal)
			if string(got) != string(test.want) || test.reason != "" && (refusal == nil || refusal.Reason != test.reason) || test.reason == "" && err != nil {
				t.Errorf("got %q, %v; want %q, %q", string(got), err, string(test.want), test.reason)
			}
		})
	}
}

func TestReceiverNames(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for id, want := range map[int64]string{asha: "Asha Devi Sharma", ramesh: "Ramesh Kumar"} {
		r, err := loadReceiver(t.Context(), s.db.Pool(), s.organisations[0], receiverRef{kind: receiverSubject, id: id})
		s.must(err)
		if r.name != want {
			t.Errorf("subject %d is %q, want %q", id, r.name, want)
		}
	}
	_, err := loadReceiver(t.Context(), s.db.Pool(), s.organisations[1], receiverRef{kind: receiverSubject, id: asha})
	var refusal *Refusal
	if !errors.As(err, &refusal) || refusal.Reason != Withdrawn {
		t.Errorf("a subject of another organisation: %v", err)
	}
}
