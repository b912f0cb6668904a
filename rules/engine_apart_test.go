package rules

import (
	"context"
	"strings"
	"testing"
)

// TestRulesAreApart lets a rule spoil all that it can reach.
func TestRulesAreApart(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	spoil := `({params, imports}) => {
  const {moment, lodash} = imports;
  Array.prototype.map = () => ['spoilt'];
  Object.prototype.firstName = 'spoilt';
  Object.getPrototypeOf(params.entity).findObservation = () => { throw new Error('spoilt'); };
  moment.fn.format = () => 'spoilt';
  moment.updateLocale('en', {months: Array(12).fill('spoilt')});
  lodash.get = () => 'spoilt';
  JSON.stringify = () => '{"parameters":["spoilt"]}';
  globalThis._ = undefined;
  globalThis.leaked = 'spoilt';
  Date.now = () => 0;
  return {parameters: ['done']};
}`
	probe := `({params, imports}) => ({parameters: [
  [1].map(x => x + 1)[0], ({}).firstName === undefined, params.entity.getObservationReadableValue('Weight'),
  imports.moment('2024-05-01').format('D MMMM'), imports.lodash.get({a: 1}, 'a'), JSON.stringify([1]), typeof _, typeof leaked, Date.now() > 0,
]})`
	want := "2,true,52.5,1 May,1,[1],function,undefined,true"
	for _, organisationID := range []int32{asha, nepal} {
		if got, err := e.Parameters(context.Background(), organisationID, probe, in); err != nil || strings.Join(got, ",") != want {
			t.Fatalf("before: %q, %v", got, err)
		}
	}
	if _, err := e.Parameters(context.Background(), asha, spoil, in); err != nil {
		t.Fatal(err)
	}
	for _, organisationID := range []int32{asha, nepal} {
		if got, err := e.Parameters(context.Background(), organisationID, probe, in); err != nil || strings.Join(got, ",") != want {
			t.Errorf("organisation %d then sees %q, %v", organisationID, got, err)
		}
	}
}

// TestRuleThatExtendsTheLanguage checks that a rule may change what rules share, each time it
// runs, and that it does so on its own.
func TestRuleThatExtendsTheLanguage(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	look := `({imports}) => ({parameters: [typeof ''.shout, typeof [].last, typeof imports.lodash.twice, typeof imports.moment.fn.year2, typeof mine]})`
	for name, rule := range map[string]string{
		"plainly":              `() => { String.prototype.shout = function () { return this + '!'; }; return {parameters: ['a'.shout()]}; }`,
		"where it is caught":   `() => { try { Array.prototype.last = function () { return this[this.length - 1]; }; } catch (e) { return {parameters: ['refused']}; } return {parameters: [['b', 'a!'].last()]}; }`,
		"by defineProperty":    `() => { Object.defineProperty(String.prototype, 'shout', {value() { return this + '!'; }}); return {parameters: ['a'.shout()]}; }`,
		"by lodash":            `({imports}) => { imports.lodash.mixin({twice: (x) => x + x}); imports.lodash.extend(imports.moment.fn, {year2() { return 'a!'; }}); return {parameters: [imports.moment().year2()]}; }`,
		"in a promise":         `async ({imports}) => { await null; imports.moment.fn.year2 = () => 'a!'; return {parameters: [imports.moment().year2()]}; }`,
		"by a global variable": `() => { globalThis.mine = 'a!'; return {parameters: [mine]}; }`,
	} {
		for range 2 {
			got, err := e.Parameters(context.Background(), asha, rule, in)
			if err != nil || len(got) != 1 || got[0] != "a!" {
				t.Errorf("%s: %q, %v", name, got, err)
			}
			got, err = e.Parameters(context.Background(), asha, look, in)
			if answer := strings.Join(got, ","); err != nil || answer != "undefined,undefined,undefined,undefined,undefined" {
				t.Errorf("%s: the next rule sees %s, %v", name, answer, err)
			}
		}
	}
}

// TestOwnMembers checks that what rules share, frozen as it is, keeps no rule from giving its
// own objects members of the same names.
func TestOwnMembers(t *testing.T) {
	e := testEngine(t)
	rule := `({params}) => {
  const o = {}, e = new TypeError('x');
  o.toString = () => 'o'; o.constructor = 1; o.hasOwnProperty = 2; e.name = 'Mine'; e.message = 'y';
  Object.freeze(params);
  return {parameters: [String(o), o.constructor, Object.keys(o).length, String(e)]};
}`
	got, err := e.Parameters(context.Background(), asha, rule, readInput(t, "subject"))
	if answer := strings.Join(got, ","); err != nil || answer != "o,1,3,Mine: y" {
		t.Errorf("got %s, %v", answer, err)
	}
	if rule := e.rules.compile(rule); rule.spoils.Load() {
		t.Error("the rule was run in a runtime of its own")
	}
}

// TestEvaluationLeavesNothing checks what one evaluation can see of the one before it.
func TestEvaluationLeavesNothing(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	leave := `({params, imports}) => { imports.moment.locale('x-pseudo'); imports.mine = 1; params.entity.firstName = 'Changed'; setTimeout(() => { throw new Error('late'); }, 10); var x = 1; return {parameters: []}; }`
	look := `({params, imports}) => new Promise(done => setTimeout(() => done({parameters: [imports.moment.locale(), imports.mine === undefined, params.entity.firstName]}), 1000))`
	for range 2 {
		if _, err := e.Parameters(context.Background(), asha, leave, in); err != nil {
			t.Fatal(err)
		}
		got, err := e.Parameters(context.Background(), asha, look, in)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(got, ","); got != "en,true,Asha" {
			t.Errorf("the next evaluation sees %s", got)
		}
	}
}

// TestVariablesOfABlockRule checks the one way of writing a rule whose variables would be
// global.
func TestVariablesOfABlockRule(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	if _, err := e.Parameters(context.Background(), asha, `var mine = 1; if (mine) { () => ({parameters: []}) }`, in); err != nil {
		t.Fatal(err)
	}
	got, err := e.Parameters(context.Background(), asha, `() => ({parameters: [typeof mine]})`, in)
	if err != nil || got[0] != "undefined" {
		t.Errorf("the next rule sees %q, %v", got, err)
	}
}
