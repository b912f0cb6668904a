package rules

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReadScheduledDateTime(t *testing.T) {
	at := func(text string) time.Time {
		parsed, err := time.Parse(time.RFC3339Nano, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed.UTC()
	}
	for _, test := range []struct {
		value string
		want  time.Time
	}{
		{`"2024-05-01T04:30:00.000Z"`, at("2024-05-01T04:30:00Z")},
		{`"2024-05-01T10:00:00+05:30"`, at("2024-05-01T04:30:00Z")},
		{`"2024-05-01T10:00:00+0530"`, at("2024-05-01T04:30:00Z")},
		{`"2024-05-01T10:00:00-04"`, at("2024-05-01T14:00:00Z")},
		{`"2024-05-01T10:00:00"`, at("2024-05-01T10:00:00Z")},
		{`"2024-05-01T10:00"`, at("2024-05-01T10:00:00Z")},
		{`"2024-05-01T10"`, at("2024-05-01T10:00:00Z")},
		{`"2024-05-01T10:00:00.1239"`, at("2024-05-01T10:00:00.123Z")},
		{`"2024-05-01T10:00.5"`, at("2024-05-01T10:00:30Z")},
		{`"2024-05-01T10:00:00Z[Asia/Kolkata]"`, at("2024-05-01T10:00:00Z")},
		{`" 2024-05-01 "`, at("2024-05-01T00:00:00Z")},
		{`"2024-05-01"`, at("2024-05-01T00:00:00Z")},
		{`"2024-05"`, at("2024-05-01T00:00:00Z")},
		{`"2024"`, at("2024-01-01T00:00:00Z")},
		{`"2024-W18-3"`, at("2024-05-01T00:00:00Z")},
		{`"2021-W01"`, at("2021-01-04T00:00:00Z")},
		{`"2024-122"`, at("2024-05-01T00:00:00Z")},
		{`1714537800000`, at("2024-05-01T04:30:00Z")},
		{`0`, at("1970-01-01T00:00:00Z")},
		{`null`, time.Time{}},
		{`""`, time.Time{}},
		{`"  "`, time.Time{}},
	} {
		got, err := readSchedule(`{"scheduledDateTime":` + test.value + `}`)
		if err != nil {
			t.Errorf("%s: %v", test.value, err)
			continue
		}
		if diff := cmp.Diff(Schedule{Send: true, At: test.want}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.value, diff)
		}
	}
	if got, err := readSchedule(`{}`); err != nil || !got.At.IsZero() || !got.Send {
		t.Errorf("an empty answer gives %v, %v", got, err)
	}
}

func TestReadScheduledDateTimeFailures(t *testing.T) {
	for _, value := range []string{
		`"2024-05-01 10:00:00"`, `"01-05-2024"`, `"05/05/2024"`, `"Wed May 01 2024 10:00:00 GMT+0530"`, `"Invalid date"`, `"1714557600000"`,
		`"20240505"`, `"2024-02-30"`, `"2024-05-01T25:00"`, `"T10:00"`, `1714557600000.5`, `1e+21`, `true`, `{}`, `[]`, `"9999999-01-01"`, `-99999999999999`,
	} {
		_, err := readSchedule(`{"scheduledDateTime":` + value + `}`)
		failureOf(t, err, FailedResult)
	}
}

func TestReadShouldSend(t *testing.T) {
	for value, want := range map[string]bool{
		`true`: true, `"true"`: true, `"True"`: true, `1`: true, `2`: true, `-1`: true, `null`: true, `""`: true, `" "`: true,
		`false`: false, `"false"`: false, `"FALSE"`: false, `0`: false,
	} {
		got, err := readSchedule(`{"shouldSend":` + value + `}`)
		if err != nil || got.Send != want {
			t.Errorf("%s: %v, %v; want %v", value, got.Send, err, want)
		}
	}
	for _, value := range []string{`"yes"`, `1.5`, `1.0`, `1e0`, `{}`, `[]`, `"0"`} {
		_, err := readSchedule(`{"shouldSend":` + value + `}`)
		failureOf(t, err, FailedResult)
	}
}

func TestReadParameters(t *testing.T) {
	for answer, want := range map[string][]string{
		`{}`:                  {},
		`{"parameters":null}`: {},
		`{"parameters":[]}`:   {},
		`{"parameters":["a",1,2.50,-0,1e+21,true,null,"",".","\u0939\n\"q\""]}`: {"a", "1", "2.50", "-0", "1e+21", "true", "null", "", ".", "ह\n\"q\""},
		`{"Parameters":["x"]}`: {},
	} {
		got, err := readParameters(answer)
		if err != nil {
			t.Errorf("%s: %v", answer, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", answer, diff)
		}
	}
	for _, answer := range []string{``, `null`, `"x"`, `5`, `true`, `[]`, `{"parameters":"a"}`, `{"parameters":{}}`, `{"parameters":["a",{}]}`, `{"parameters":[["a"]]}`} {
		_, err := readParameters(answer)
		failureOf(t, err, FailedResult)
	}
}
