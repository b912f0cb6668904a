package rules

import (
	"context"
	"strings"
	"testing"
)

// TestLocales checks that rules may speak other languages, that the next rule speaks English
// again, and that no rule changes a language for another. testdata/corpus/edges.js has what
// they say.
func TestLocales(t *testing.T) {
	inZone(t, "Asia/Kolkata")
	e := testEngine(t)
	in := readInput(t, "subject")
	say := func(name, want string) {
		t.Helper()
		rule := `({imports: {moment}}) => { moment.locale('` + name + `'); return {parameters: [moment('2024-05-12').format('D MMMM, dddd')]}; }`
		got, err := e.Parameters(context.Background(), asha, rule, in)
		if answer := strings.Join(got, ","); err != nil || answer != want {
			t.Errorf("in %q: %s, %v; want %s", name, answer, err, want)
		}
	}
	const hindi, marathi = "१२ मई, रविवार", "१२ मे, रविवार"
	say("hi", hindi)
	runtime := e.pool.seat(asha).runtime
	for range 2 {
		say("", "12 May, Sunday")
		say("mr", marathi)
		say("hi", hindi)
	}
	if e.pool.seat(asha).runtime != runtime {
		t.Error("a language ended the runtime")
	}
	for _, spoil := range []string{
		`({imports: {moment}}) => { moment.localeData('hi')._months[4] = 'spoilt'; return {parameters: []}; }`,
		`({imports: {moment}}) => { moment.localeData('hi').postformat = () => 'spoilt'; return {parameters: []}; }`,
		`({imports: {moment}}) => { moment.updateLocale('hi', {months: Array(12).fill('spoilt')}); return {parameters: []}; }`,
		`({imports: {moment}}) => { moment.defineLocale('mr', {months: Array(12).fill('spoilt')}); return {parameters: []}; }`,
	} {
		if _, err := e.Parameters(context.Background(), asha, spoil, in); err != nil {
			t.Fatal(err)
		}
		say("hi", hindi)
		say("mr", marathi)
	}
}
