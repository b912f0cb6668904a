package rules

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlaceOfFailure(t *testing.T) {
	engine := must[*Engine](t)(sharedEngine())
	for name, row := range map[string]struct {
		script string
		want   Place
	}{
		"thrown":             {"({params}) => {\n  const é = 'ü'; return params.nothing.here;\n}", Place{2, 42, "  const é = 'ü'; return params.nothing.here;"}},
		"syntax":             {"({params}) => {\n  const x = {;\n}", Place{2, 14, "  const x = {;"}},
		"under a directive":  {"'use strict';\n() => { nowhere(); }", Place{2, 16, "() => { nowhere(); }"}},
		"behind a directive": {"'use strict'; () => { nowhere(); }", Place{1, 17, " () => { nowhere(); }"}},
		"carriage returns":   {"() => {\r\n  nowhere();\r\n}", Place{2, 10, "  nowhere();"}},
		"translated":         {"async () => {\n  for await (const x of [1]) nowhere();\n}", Place{Line: 1, Column: 1}}, // of the translation
	} {
		_, err := engine.Schedule(t.Context(), 101, row.script, Input{EntityType: Subject, Entity: &Record{}})
		var failed *Failure
		if !errors.As(err, &failed) {
			t.Fatalf("%s: %v", name, err)
		}
		got, ok := failed.Place(row.script)
		if row.want.Text == "" {
			got.Line, got.Column = row.want.Line, row.want.Column
		}
		if diff := cmp.Diff(row.want, got); diff != "" || !ok {
			t.Errorf("%s: %s (-want +got):\n%s", name, failed.Message, diff)
		}
	}
	if _, ok := (&Failure{Kind: FailedResult, Message: "nothing"}).Place("x"); ok {
		t.Error("a failure without a place has one")
	}
}

func TestSaid(t *testing.T) {
	for answer, want := range map[string]Said{
		`{}`: {"", "", "not given: no date, so nothing is sent", "not given: counts as true"},
		`{"scheduledDateTime":null,"shouldSend":null}`:                             {"null", "null", "null: no date, so nothing is sent", "null: counts as true"},
		`{"scheduledDateTime":" ","shouldSend":""}`:                                {`" "`, `""`, "an empty text: no date, so nothing is sent", "an empty text: counts as true"},
		`{"scheduledDateTime":1700000000000,"shouldSend":0}`:                       {"1700000000000", "0", "milliseconds since 1970", "counts as false"},
		`{"scheduledDateTime":"2030-03-01","shouldSend":"false"}`:                  {`"2030-03-01"`, `"false"`, "a day without time and zone, which Java takes for midnight in UTC", "counts as false"},
		`{"scheduledDateTime":"2030-03-01T10:00","shouldSend":true}`:               {`"2030-03-01T10:00"`, "true", "a time without a zone, which Java takes for UTC", ""},
		`{"scheduledDateTime":"2030-03-01T10:00:00.000Z","shouldSend":1}`:          {`"2030-03-01T10:00:00.000Z"`, "1", "a moment, with its zone", "counts as true"},
		`{"scheduledDateTime":"2030-03-01T10:00:00+05:30","shouldSend":"True"}`:    {`"2030-03-01T10:00:00+05:30"`, `"True"`, "a moment, with its zone", "counts as true"},
		`{"scheduledDateTime":"2030-W09-5T10","shouldSend":false,"something":"x"}`: {`"2030-W09-5T10"`, "false", "a time without a zone, which Java takes for UTC", ""},
	} {
		if _, err := readSchedule(answer); err != nil {
			t.Fatalf("%s: %v", answer, err)
		}
		if diff := cmp.Diff(want, readSaid(answer)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", answer, diff)
		}
	}
}

func TestParseEntityName(t *testing.T) {
	const uuid = "10000000-0000-4000-8000-00000000100a"
	for text, want := range map[string]EntityName{
		"1001":                                 {ID: 1001},
		"Subject:1001":                         {Type: Subject, ID: 1001},
		"programencounter:7":                   {Type: ProgramEncounter, ID: 7},
		uuid:                                   {UUID: uuid},
		"User:" + uuid:                         {Type: User, UUID: uuid},
		"10000000-0000-4000-8000-00000000100A": {UUID: uuid},
	} {
		if got, err := ParseEntityName(text); got != want || err != nil {
			t.Errorf("%s: %+v, %v; want %+v", text, got, err, want)
		}
	}
	for text, want := range map[string]string{
		"Household:1":        `"Household" is no entity type: it must be one of Subject, ProgramEnrolment, Encounter, ProgramEncounter and User`,
		":1":                 `"" is no entity type: it must be one of Subject, ProgramEnrolment, Encounter, ProgramEncounter and User`,
		"Subject:":           `"" is neither an id nor a uuid: it must be such as Subject:1001, 1001 or a uuid`,
		"12ab":               `"12ab" is neither an id nor a uuid: it must be such as Subject:1001, 1001 or a uuid`,
		"Subject:9876500001": `no id in Avni is greater than 2147483647, and 9876500001 is: it must be an id or a uuid, such as Subject:1001`,
		"-1":                 `"-1" is neither an id nor a uuid: it must be such as Subject:1001, 1001 or a uuid`,
	} {
		if _, err := ParseEntityName(text); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
}
