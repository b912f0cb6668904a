package dispatch

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"avni-messenger/dispatch/glific"
)

func TestRetryDelayDoublesUpToSixHours(t *testing.T) {
	for attempt, want := range map[int]time.Duration{1: time.Minute, 2: 2 * time.Minute, 5: 16 * time.Minute, 9: 256 * time.Minute, 10: 6 * time.Hour, 1000: 6 * time.Hour} {
		if got := retryDelay(time.Minute, attempt, 0.5); got != want {
			t.Errorf("attempt %d: %s, want %s", attempt, got, want)
		}
	}
	low, high := retryDelay(time.Hour, 1, 0), retryDelay(time.Hour, 1, 1)
	if low != 54*time.Minute || high != 66*time.Minute {
		t.Errorf("jitter from %s to %s, want 54m to 66m", low, high)
	}
	if got := retryDelay(time.Minute, 20, 1); got != 6*time.Hour {
		t.Errorf("with jitter %s, above the cap", got)
	}
}

func TestAskAgainDelay(t *testing.T) {
	for since, want := range map[time.Duration]time.Duration{
		0: time.Minute, 50 * time.Second: 10 * time.Second, time.Minute: time.Minute, time.Hour: time.Hour, 48 * time.Hour: 6 * time.Hour,
	} {
		if got := askAgainDelay(time.Minute, since); got != want {
			t.Errorf("%s after the send: %s, want %s", since, got, want)
		}
	}
}

func TestQuietHours(t *testing.T) {
	kolkata, err := time.LoadLocation("Asia/Kolkata")
	if err != nil {
		t.Fatal(err)
	}
	night := QuietHours{From: 21 * time.Hour, To: 8 * time.Hour, Location: kolkata}
	noon := QuietHours{From: 12 * time.Hour, To: 13*time.Hour + 30*time.Minute, Location: kolkata}
	for _, test := range []struct {
		quiet    QuietHours
		at, want string // local; want empty: not quiet
	}{
		{night, "2026-03-10 20:59:59", ""},
		{night, "2026-03-10 21:00:00", "2026-03-11 08:00:00"},
		{night, "2026-03-10 23:59:59", "2026-03-11 08:00:00"},
		{night, "2026-03-11 00:00:00", "2026-03-11 08:00:00"},
		{night, "2026-03-11 07:59:59", "2026-03-11 08:00:00"},
		{night, "2026-03-11 08:00:00", ""},
		{night, "2026-02-28 22:00:00", "2026-03-01 08:00:00"},
		{noon, "2026-03-10 11:59:59", ""},
		{noon, "2026-03-10 12:00:00", "2026-03-10 13:30:00"},
		{noon, "2026-03-10 13:30:00", ""},
		{QuietHours{}, "2026-03-10 00:00:00", ""},
	} {
		at, err := time.ParseInLocation(time.DateTime, test.at, kolkata)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if end, quiet := test.quiet.End(at.UTC()); quiet {
			got = end.In(kolkata).Format(time.DateTime)
		}
		if got != test.want {
			t.Errorf("%v at %s ends %q, want %q", test.quiet, test.at, got, test.want)
		}
	}
}

func TestQuietHoursEndInAnHourThatStrikesTwice(t *testing.T) {
	for zone, second := range map[string]time.Time{ // when the hour strikes for the second time
		"Europe/Berlin":    time.Date(2026, 10, 25, 1, 0, 0, 0, time.UTC), // two o'clock
		"America/New_York": time.Date(2026, 11, 1, 6, 0, 0, 0, time.UTC),  // one o'clock
	} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		to := time.Duration(second.In(location).Hour())*time.Hour + 30*time.Minute
		quiet := QuietHours{From: 21 * time.Hour, To: to, Location: location}
		for at := second.Add(-2 * time.Hour); at.Before(second.Add(30 * time.Minute)); at = at.Add(5 * time.Minute) {
			if end, on := quiet.End(at); on && !end.After(at) {
				t.Errorf("the quiet hours of %s are over at %s", at.In(location), end)
			}
		}
		if _, on := quiet.End(second.Add(30 * time.Minute)); on {
			t.Errorf("%s: it is quiet after the second half past", zone)
		}
	}
}

func TestPaceOfDeliveries(t *testing.T) {
	for perSecond, want := range map[float64][3]int{ // burst, side by side, claimed at once
		0.05: {5, 2, 10}, 2: {5, 2, 10}, 2.5: {5, 3, 12}, 5: {3, 5, 20}, 8: {1, 8, 32}, 40: {1, 40, 160}, 1000: {1, 64, 256}, -1: {5, 64, 256},
	} {
		s := Settings{MessagesPerSecond: perSecond}.withDefaults()
		if got := [3]int{s.burst(), s.InFlight, s.ClaimSize}; got != want {
			t.Errorf("at %v messages per second: %v, want %v", perSecond, got, want)
		}
	}
}

func TestParsePhone(t *testing.T) {
	for _, test := range []struct{ text, region, want string }{
		{"9876500001", "IN", "919876500001"},
		{"+919876500001", "IN", "919876500001"},
		{"09876500001", "IN", "919876500001"},
		{" 98765 00001 ", "IN", "919876500001"},
		{"९८७६५००००१", "IN", "919876500001"},
		{"+੯੧ ૯૮૭૬૫ ০০০০১", "IN", "919876500001"},
		{"9841000011", "NP", "9779841000011"},
		{"9779841000011", "IN", ""},
		{"12345", "IN", ""},
		{"", "IN", ""},
		{"call me", "IN", ""},
		{"9876500001", "", ""},
	} {
		got, err := ParsePhone(test.text, test.region)
		if string(got) != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q in %s: %q, %v; want %q", test.text, test.region, string(got), err, test.want)
		}
	}
}

func TestPhoneFaultShowsNoNumber(t *testing.T) {
	for _, test := range []struct{ text, region, want string }{
		{"12345", "IN", "has 5 digits; a mobile number of region IN has 10"},
		{"98-76 50 00 01 23", "IN", "has 12 digits; a mobile number of region IN has 10"},
		{"5550000000", "IN", "has as many digits (10) as a mobile number of region IN, but none there begins like it"},
		{"१२३४५", "NP", "has 5 digits; a mobile number of region NP has 10"},
		{"+999 9876500001", "IN", "has 13 digits with its country code, and there is no such number"},
		{"call me", "IN", "has no digits"},
		{"9876500001", "Bharat", `has 10 digits and no country code, and "Bharat", the region of Avni's account, is no country`},
	} {
		if _, err := ParsePhone(test.text, test.region); err == nil {
			t.Errorf("%q is valid", test.text)
		}
		if got := phoneFault(test.text, test.region); got != test.want {
			t.Errorf("%q in %s %s; want %s", test.text, test.region, got, test.want)
		}
	}
}

func TestPhonePrintsItsLastDigitsOnly(t *testing.T) {
	phone := Phone(ashaPhone)
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("", "phone", phone)
	for _, text := range []string{phone.String(), fmt.Sprintf("%v %s %+v %#v %q", phone, phone, phone, phone, phone), log.String(), Phone("1").String()} {
		if strings.Contains(text, "50000") || !strings.Contains(text, "…") {
			t.Errorf("printed as %q", text)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	for parameter, want := range map[string]Reason{
		"Asha": "", "0": "", "nullify": "", "@name": "", "a@contact.example": ParameterExpands, "@GLOBAL.key": ParameterExpands, "on @calendar.today": ParameterExpands,
		"": BadParameter, " \t": BadParameter, "null": BadParameter, " undefined ": BadParameter, "NaN": BadParameter, "a\x00b": BadParameter, "a\xffb": BadParameter,
		"Invalid date": BadParameter, "Invalid Date": BadParameter, "[object Object]": BadParameter,
		"on Invalid date": BadParameter, "a, [object Object]": BadParameter, "Infinity": BadParameter, "\u200b\ufeff": BadParameter,
		"क्\u200dष": "", "Undefined": "", "Null Kumar": "", "false": "",
	} {
		var refusal *Refusal
		err := checkParameters([]string{"fine", parameter})
		errors.As(err, &refusal)
		if want == "" && err != nil || want != "" && (refusal == nil || refusal.Reason != want) {
			t.Errorf("%q: %v, want %q", parameter, err, want)
		}
	}
}

func TestEveryReasonIsExplained(t *testing.T) {
	for reason, meaning := range reasons {
		if meaning.class == "" || meaning.text == "" || meaning.advice == "" {
			t.Errorf("%s has class %q, text %q and advice %q", reason, meaning.class, meaning.text, meaning.advice)
		}
	}
	for code, reason := range glificReasons {
		if reason.Class() == "" {
			t.Errorf("code %s means %q, which is not explained", code, reason)
		}
	}
	for _, outcome := range []glific.Outcome{glific.Refused, glific.Wait, glific.NotExecuted, glific.Uncertain} {
		f, ok := glificFailure(&glific.Error{Outcome: outcome, Code: "new"})
		if !ok || f.reason.Class() == "" || f.outcome != outcome {
			t.Errorf("an unknown code with outcome %s is %+v", outcome, f)
		}
	}
}

func TestTroubleOfAllBlamesNoRequest(t *testing.T) {
	for _, e := range []*glific.Error{
		{Operation: glific.OpSend, Code: glific.ConnectFailed, Outcome: glific.NotExecuted},
		{Operation: glific.OpSend, Code: glific.Cancelled, Outcome: glific.NotExecuted},
		{Operation: glific.OpLogin, Code: glific.ServerError, Outcome: glific.NotExecuted},
		{Operation: glific.OpLogin, Code: glific.WrongPassword, Outcome: glific.Wait},
		{Operation: glific.OpTemplate, Code: glific.ConnectionLost, Outcome: glific.Uncertain},
		{Operation: glific.OpFindSent, Code: glific.ConnectionLost, Outcome: glific.Uncertain},
		{Operation: glific.OpReceipts, Code: glific.ConnectionLost, Outcome: glific.Uncertain},
	} {
		f, ok := glificFailure(fmt.Errorf("find contact: %w", e))
		if !ok || f.outcome != glific.Wait || f.reason.Class() != ClassOrganisation {
			t.Errorf("%v is %+v", e, f)
		}
	}
}

// A message that may have got through is in doubt, whoever has cut the connection.
func TestCutSendStaysInDoubt(t *testing.T) {
	for _, op := range []glific.Operation{glific.OpSend, glific.OpSendToGroup} {
		f, ok := glificFailure(&glific.Error{Operation: op, Code: glific.ConnectionLost, Outcome: glific.Uncertain})
		if !ok || f.outcome != glific.Uncertain || f.reason != LostAnswer {
			t.Errorf("a cut %s is %+v", op, f)
		}
	}
}
