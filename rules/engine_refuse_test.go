package rules

import (
	"context"
	"slices"
	"strings"
	"testing"
)

// TestRefusedChangeIsNotKept checks that a rule which sees that a change to what rules share was
// refused, and would go on, is run again where it is not. Nothing in these tells that before.
func TestRefusedChangeIsNotKept(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	const shared = `const shared = Object.getPrototypeOf([]); `
	for name, body := range map[string]string{
		"caught":               `try { shared.mine = 'done'; } catch (e) { return {parameters: ['refused']}; }`,
		"caught unlooked at":   `try { shared.mine = 'done'; } catch { return {parameters: ['refused']}; }`,
		"caught in parts":      `try { shared.mine = 'done'; } catch ({message, name: [first]}) { return {parameters: [message, first]}; }`,
		"by Reflect.set":       `if (!Reflect.set(shared, 'mine', 'done')) return {parameters: ['refused']};`,
		"by defineProperty":    `if (!Reflect.defineProperty(shared, 'mine', {value: 'done', configurable: true})) return {parameters: ['refused']};`,
		"in lodash's attempt":  `if (imports.lodash.isError(imports.lodash.attempt(() => { shared.mine = 'done'; }))) return {parameters: ['refused']};`,
		"in a promise":         `return Promise.resolve().then(() => { shared.mine = 'done'; return {parameters: [[].mine]}; }).catch(() => ({parameters: ['refused']}));`,
		"in a promise, second": `return Promise.reject(1).catch(() => { shared.mine = 'done'; }).then(() => ({parameters: [[].mine]}), () => ({parameters: ['refused']}));`,
	} {
		rule := `({imports}) => { ` + shared + body + ` return {parameters: [[].mine]}; }`
		for range 2 {
			got, err := e.Parameters(context.Background(), asha, rule, in)
			if err != nil || !slices.Equal(got, []string{"done"}) {
				t.Errorf("%s: %q, %v", name, got, err)
			}
		}
		got, err := e.Parameters(context.Background(), asha, `() => ({parameters: [typeof [].mine]})`, in)
		if err != nil || got[0] != "undefined" {
			t.Errorf("%s: the next rule sees %q, %v", name, got, err)
		}
	}
}

// TestCaughtErrorsAreTheRules checks that other errors stay with the rule that catches them.
func TestCaughtErrorsAreTheRules(t *testing.T) {
	e := testEngine(t)
	rule := `({params}) => {
  const caught = [];
  for (const f of [() => null.x, () => { throw new TypeError('mine'); }, () => { throw {message: 'not extensible'}; }, () => { throw null; }, () => nothing]) {
    try { f(); } catch (e) { caught.push(e && e.constructor.name); }
  }
  return {parameters: caught};
}`
	got, err := e.Parameters(context.Background(), asha, rule, readInput(t, "subject"))
	if want := []string{"TypeError", "TypeError", "Object", "null", "ReferenceError"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("caught are %q, %v; want %q", got, err, want)
	}
	if e.rules.compile(rule).spoils.Load() {
		t.Error("the rule was run in a runtime of its own")
	}
}

// TestConsoleOfARuleThatRunsTwice checks that what a rule prints is passed on once.
func TestConsoleOfARuleThatRunsTwice(t *testing.T) {
	var lines []string
	e := engineWith(t, EngineOptions{Console: func(line string) { lines = append(lines, line) }})
	rule := `() => { console.log('before'); Object.getPrototypeOf([]).mine = 1; console.log('after'); return {parameters: []}; }`
	for range 2 {
		lines = nil
		if _, err := e.Parameters(context.Background(), asha, rule, readInput(t, "subject")); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(lines, []string{"before", "after"}) {
			t.Errorf("printed are %q", lines)
		}
	}
}

// TestRuleThatGojaCannotRun checks that a failure of the JavaScript engine itself is told as the
// rule's, and that the runtime is not used again.
func TestRuleThatGojaCannotRun(t *testing.T) {
	e := testEngine(t)
	in := readInput(t, "subject")
	if _, err := e.Parameters(context.Background(), asha, `() => ({parameters: []})`, in); err != nil {
		t.Fatal(err)
	}
	before := e.pool.seat(asha).runtime
	rule := `() => { const {proxy, revoke} = Proxy.revocable(() => 1, {}); revoke(); return {parameters: [Function.prototype.toString.call(proxy)]}; }`
	_, err := e.Parameters(context.Background(), asha, rule, in)
	if failure := failureOf(t, err, FailedThrow); !strings.HasPrefix(failure.Message, "TypeError: this JavaScript engine cannot do what the rule does here") {
		t.Errorf("the failure is %v", failure)
	}
	if after := e.pool.seat(asha).runtime; after != nil || before == nil {
		t.Errorf("the runtime was %p and is %p, want another", before, after)
	}
}
