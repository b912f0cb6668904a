package rules

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dlclark/regexp2/v2"
)

// TestHostileRules runs rules that must end, and end quickly, as failures, and leave the
// engine fit for the next rule.
func TestHostileRules(t *testing.T) {
	inZone(t, "Asia/Kolkata")
	const enough = 5 * time.Second                                                                     // for whatever ends by itself, on a slow machine
	const patience = 2 * maxMatching                                                                   // for backtracking, if an engine of another test has that limit
	impatient := engineWith(t, EngineOptions{Timeout: 400 * time.Millisecond, MaxHeapGrowth: 4 << 30}) // which is not what shall end them
	patient := engineWith(t, EngineOptions{Timeout: enough, MaxHeapGrowth: 64 << 20})
	in := readInput(t, "subject")
	for _, test := range []struct {
		name, body string
		kind       FailureKind
		message    string // how it starts
	}{
		{"endless loop", `while (true) {}`, FailedTimeout, "the rule ran for more than 400ms"},
		{"endless loop that catches", `for (;;) { try { for (;;) {} } catch (e) {} finally { continue; } }`, FailedTimeout, "the rule ran for more than 400ms"},
		{"endless promises", `const again = () => Promise.resolve().then(again); return again();`, FailedTimeout, "the rule ran for more than 400ms"},
		{"endless timers", `return new Promise(() => setInterval(() => {}, 1));`, FailedThrow, "the rule's promise never settles"},
		{"promise that never settles", `return new Promise(() => {});`, FailedThrow, "the rule's promise never settles"},
		{"backtracking", `/^(\w+\s?)*$(?!x)/.test('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'); return {};`, FailedTimeout, "the rule ran for more than 400ms"},
		{"recursion", `const f = () => f() + 1; return f();`, FailedThrow, "RangeError: Maximum call stack size exceeded"},
		{"recursion in natives", `const a = []; a[0] = a; const f = () => [1].map(f); return f();`, FailedThrow, "RangeError: Maximum call stack size exceeded"},
		{"recursion of natives alone", `const a = []; a[0] = Array.prototype.forEach.bind(a, Reflect.apply); a[0]();`, FailedThrow, "RangeError: Maximum call stack size exceeded"},
		{"recursion of getters alone", `const {get} = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(params.entity), 'firstName'); const o = Object.defineProperty({}, 'that', {get}); o.that;`, FailedThrow, "RangeError: Maximum call stack size exceeded"},
		{"loops of natives alone", `const a = new Array(1e6).fill(0); a.forEach(Array.prototype.includes.bind(a, 1));`, FailedTimeout, "the rule ran for more than 400ms"},
		{"sorting of a huge array", `const a = []; a.length = 2 ** 32 - 1; imports.lodash.sortBy(a, 'k');`, FailedThrow, "RangeError: Invalid array length"},
		{"models of a huge array", `const a = params.entity.that.observations; a.length = 2 ** 32 - 1; params.entity.observations;`, FailedThrow, "RangeError: Invalid array length"},
		{"observation of a huge array", `params.entity.that.observations.length = 2 ** 32 - 1; params.entity.findObservation('nobody');`, FailedThrow, "RangeError: Invalid array length"},
		{"models of nothing for ever", `const e = params.entity; e.that.observations = new Array(9999).fill(e.that.observations[0]); const find = e.findObservation.bind(e, 'nobody'); new Array(1e6).fill(0).forEach(() => find());`, FailedTimeout, "the rule ran for more than 400ms"},
		{"huge sparse array", `const a = []; a.length = 2 ** 32 - 1; a.reverse();`, FailedThrow, "RangeError: Invalid array length"},
		{"huge fill", `new Array(1e8).fill(0);`, FailedThrow, "RangeError: Invalid array length"},
		{"huge Array.from", `Array.from({length: 1e9});`, FailedThrow, "RangeError: Invalid array length"},
		{"huge array-like", `Array.prototype.forEach.call({length: 2 ** 53 - 1}, () => {});`, FailedThrow, "RangeError: Invalid array length"},
		{"huge repeat", `'x'.repeat(1e9);`, FailedThrow, "RangeError: Invalid string length"},
		{"huge pad", `'x'.padEnd(1e9);`, FailedThrow, "RangeError: Invalid string length"},
		{"huge buffer", `new ArrayBuffer(8e9);`, FailedThrow, "RangeError: Array buffer allocation failed"},
		{"huge typed array", `new Float64Array(1e9);`, FailedThrow, "RangeError: Array buffer allocation failed"},
		{"huge array", `[...Array(3e8)];`, FailedThrow, "RangeError: Invalid array length"},
		{"huge concat", `const a = new Array(1e5).fill(1); [].concat(...new Array(20000).fill(a));`, FailedThrow, "RangeError: Invalid array length"},
		{"huge flat", `const a = new Array(1e5).fill(1); new Array(50000).fill(a).flat();`, FailedThrow, "RangeError: Invalid array length"},
		{"flat of a few arrays in each other", `let a = [1]; for (let i = 0; i < 60; i++) a = [a, a]; a.flat(Infinity);`, FailedThrow, "RangeError: Invalid array length"},
		{"huge arguments", `Math.max.apply(null, {length: 1e10});`, FailedThrow, "RangeError: Invalid array length"},
		{"huge arguments by Reflect", `Reflect.apply(Math.max, null, {length: 1e10});`, FailedThrow, "RangeError: Invalid array length"},
		{"huge arguments of a constructor", `Reflect.construct(Date, {length: 1e10});`, FailedThrow, "RangeError: Invalid array length"},
		{"huge join", `new Array(1e5).fill('x'.repeat(1e6)).join();`, FailedThrow, "RangeError: Invalid string length"},
		{"huge text of an array", `String(new Array(1e5).fill('x'.repeat(1e6)));`, FailedThrow, "RangeError: Invalid string length"},
		{"huge separator", `new Array(1e5).join({toString: () => 'x'.repeat(1e6)});`, FailedThrow, "RangeError: Invalid string length"},
		{"huge string concat", `''.concat(...new Array(1e4).fill('x'.repeat(1e6)));`, FailedThrow, "RangeError: Invalid string length"},
		{"huge replacement", `'x'.repeat(1e6).replace(/x/g, 'y'.repeat(1e6));`, FailedThrow, "RangeError: Invalid string length"},
		{"huge replacement of a text", `'x'.repeat(1e6).replaceAll('x', 'y'.repeat(1e6));`, FailedThrow, "RangeError: Invalid string length"},
		{"huge replacement by the text itself", "/x/g[Symbol.replace]('x'.repeat(1e6), '$`');", FailedThrow, "RangeError: Invalid string length"},
		{"huge repeat that hides", `let n = 0; 'x'.repeat({valueOf: () => (n++ ? 1 : 1e10)});`, FailedThrow, "RangeError: Invalid string length"},
		{"huge text spread", `let s = 'x'.repeat(1e6); for (let i = 0; i < 5; i++) s += s; [...s];`, FailedThrow, "RangeError: Invalid string length"},
		{"huge buffer by a text", `new ArrayBuffer('8e10');`, FailedThrow, "RangeError: Array buffer allocation failed"},
		{"huge typed array by a length", `new Uint8Array({length: 1e10});`, FailedThrow, "RangeError: Array buffer allocation failed"},
		{"big integers of an array", `new BigInt64Array(1)[0];`, FailedThrow, "ReferenceError: BigInt64Array is not defined"},
		{"big integers of a view", `new DataView(new ArrayBuffer(8)).getBigInt64(0);`, FailedThrow, "TypeError: "},
		{"big integers", `BigInt(2) ** BigInt(1e9);`, FailedThrow, "ReferenceError: BigInt is not defined"},
		{"memory", `const a = [], s = 'x'.repeat(1e6); for (;;) a.push(s + a.length);`, FailedThrow, "RangeError: the rule used too much memory"},
		{"deep answer", `let o = {}; for (let i = 0; i < 1e4; i++) o = {o}; return o;`, FailedThrow, "RangeError: the object is nested more than 200 levels deep"},
		{"deep stringify", `let o = []; for (let i = 0; i < 1e4; i++) o = [o]; JSON.stringify(o);`, FailedThrow, "RangeError: the object is nested more than 200 levels deep"},
		{"deep stringify with spaces", `let o = []; for (let i = 0; i < 1e4; i++) o = [o]; JSON.stringify(o, null, 2);`, FailedThrow, "RangeError: the object is nested more than 200 levels deep"},
		{"endless replacer", `JSON.stringify({}, (k, v) => ({v}));`, FailedThrow, "RangeError: the object is nested more than 200 levels deep"},
		{"deep parse", `let s = '['.repeat(1e6); s += s; JSON.parse(s);`, FailedThrow, "SyntaxError: the JSON text is nested too deeply"},
		{"deep flat", `let o = []; for (let i = 0; i < 1e5; i++) o = [o]; o.flat(Infinity); throw new Error('flat');`, FailedThrow, "Error: flat"},
		{"deep text", `let o = []; for (let i = 0; i < 1e5; i++) o = [o]; String(o);`, FailedThrow, "RangeError: Maximum call stack size exceeded"},
		{"chain of proxies", `let p = {}; for (;;) { p = new Proxy(p, {}); p.x; }`, FailedTimeout, "the rule ran for more than 400ms"},
		{"chain of bound functions", `let f = () => 1; for (;;) { f = f.bind(null); f(); }`, FailedTimeout, "the rule ran for more than 400ms"},
		{"chain of prototypes", `let o = {}; for (;;) { o = Object.create(o); o.x; }`, FailedTimeout, "the rule ran for more than 400ms"},
		{"eval", `eval('1');`, FailedThrow, "EvalError: code from strings is not available"},
		{"Function", `new Function('return process')();`, FailedThrow, "EvalError: code from strings is not available"},
		{"Function by another way", `(() => {}).constructor('return 1')();`, FailedThrow, "EvalError: code from strings is not available"},
		{"async Function", `(async () => {}).constructor('return 1')();`, FailedThrow, "EvalError: code from strings is not available"},
		{"require", `require('fs');`, FailedThrow, "Error: require('fs') is not available in message rules"},
		{"throw", `throw new Error('no phone');`, FailedThrow, "Error: no phone (line 2, column 7)"},
		{"throw from where there is no rule yet", `}; throw new Error('early'); () => {`, FailedThrow, "Error: early (line 2, column 10)"},
		{"throw null", `throw null;`, FailedThrow, "the rule threw null"},
		{"throw a text", `throw 'oops';`, FailedThrow, `the rule threw "oops"`},
		{"throw undefined", `throw undefined;`, FailedThrow, "the rule threw undefined"},
		{"throw what throws", `throw {get message() { throw 1; }, get stack() { return {toString() { throw 2; }}; }};`, FailedThrow, "the rule threw an object without a message"},
		{"throw what never ends", `throw {get message() { for (;;) {} }};`, FailedTimeout, "the rule ran for more than 400ms"},
		{"throw a long text", `throw 'x'.repeat(1e6);`, FailedThrow, `the rule threw "xxx`},
		{"rejection", `return Promise.reject(new TypeError('no'));`, FailedThrow, "TypeError: no (line 2, column"},
		{"rejection of nothing", `return Promise.reject();`, FailedThrow, "the rule threw undefined"},
		{"undeclared variable", `undeclared = 1;`, FailedThrow, "ReferenceError: undeclared is not defined"},
		{"long message", `throw new Error('x'.repeat(100000));`, FailedThrow, "Error: xxxxx"},
		{"circular answer", `const o = {}; o.o = o; return o;`, FailedThrow, "TypeError: Converting circular structure to JSON"},
		{"nothing", `return;`, FailedResult, "the rule must return an object, but it returned undefined"},
		{"a function", `return () => 1;`, FailedResult, "the rule must return an object, but it returned undefined"},
		{"null", `return null;`, FailedResult, "the rule must return an object, but it returned null"},
		{"an array", `return [1];`, FailedResult, "the rule must return an object, but it returned an array"},
		{"a huge answer", `return {a: Array.from({length: 2000}, () => 'x'.repeat(1000))};`, FailedResult, "the rule's answer is"},
	} {
		t.Run(test.name, func(t *testing.T) {
			e := patient
			if test.kind == FailedTimeout {
				e = impatient
			}
			start := time.Now()
			_, err := e.Schedule(context.Background(), asha, "({params, imports}) => {\n"+test.body+"\n}", in)
			failure := failureOf(t, err, test.kind)
			if !strings.HasPrefix(failure.Message, test.message) {
				t.Errorf("message is %.200q, want it to start with %q", failure.Message, test.message)
			}
			if len(failure.Message) > maxFailureMessage+50 || len(failure.Stack) > maxFailureStack {
				t.Errorf("message of %d and stack of %d bytes", len(failure.Message), len(failure.Stack))
			}
			if took := time.Since(start); took > patience {
				t.Errorf("took %v", took)
			}
			got, err := e.Parameters(context.Background(), asha, `({params}) => ({parameters: [params.entity.firstName]})`, in)
			if err != nil || len(got) != 1 || got[0] != "Asha" {
				t.Errorf("the next rule gave %q, %v", got, err)
			}
		})
	}
}

func TestContextEnds(t *testing.T) {
	e := testEngine(t)
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Millisecond)
	defer cancel()
	_, err := e.Schedule(ctx, asha, `() => { for (;;) {} }`, readInput(t, "subject"))
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error is %v, want the context's", err)
	}
}

func TestLazyValues(t *testing.T) {
	e := testEngine(t)
	calls := 0
	lazyInput := func(load Lazy) Input {
		in := readInput(t, "subject")
		in.Entity.Set("encounters", load)
		return in
	}
	encounters, _ := readInput(t, "subject").Entity.Get("encounters")
	in := lazyInput(func() (any, error) { calls++; return encounters, nil })

	if _, err := e.Parameters(context.Background(), asha, `({params}) => ({parameters: [params.entity.firstName]})`, in); err != nil {
		t.Fatal(err)
	}
	if calls != 0 {
		t.Errorf("loaded %d times though the rule did not touch it", calls)
	}
	got, err := e.Parameters(context.Background(), asha, `({params: {entity}}) => ({parameters: [entity.encounters.length + entity.encounters.length]})`, in)
	if err != nil || got[0] != "4" {
		t.Errorf("got %q, %v", got, err)
	}
	if calls != 1 {
		t.Errorf("loaded %d times, want once", calls)
	}

	broken := errors.New("connection lost")
	in = lazyInput(func() (any, error) { return nil, broken })
	_, err = e.Parameters(context.Background(), asha, `({params: {entity}}) => { try { entity.encounters; } catch (e) {} return {parameters: []}; }`, in)
	if !errors.Is(err, broken) {
		t.Errorf("error is %v, want that of the load", err)
	}
}

func TestConcurrentOrganisations(t *testing.T) {
	inZone(t, "Asia/Kolkata")
	e := engineWith(t, EngineOptions{MaxRuntimes: 2, MaxEvaluations: 5})
	in := readInput(t, "subject")
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			for range 6 {
				got, err := e.Parameters(context.Background(), int32(i%4), `({params}) => ({parameters: [params.entity.getObservationReadableValue('Weight')]})`, in)
				if err != nil || len(got) != 1 || got[0] != "52.5" {
					t.Errorf("organisation %d got %q, %v", i%4, got, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestConsole(t *testing.T) {
	inZone(t, "Asia/Kolkata")
	var lines []string
	e := engineWith(t, EngineOptions{Console: func(line string) { lines = append(lines, line) }})
	_, err := e.Parameters(context.Background(), asha, `({imports}) => { console.log('a', 1, null); imports.log('b'); for (let i = 0; i < 100; i++) console.error('x'.repeat(1000)); return {parameters: []}; }`, readInput(t, "subject"))
	if err != nil {
		t.Fatal(err)
	}
	if len(lines) < 2 || lines[0] != "a 1 null" || lines[1] != "b" {
		t.Errorf("printed %.100q", lines)
	}
	if n := len(strings.Join(lines, "\n")); n > maxConsole || n < maxConsole-1100 {
		t.Errorf("%d bytes were passed on, want almost %d", n, maxConsole)
	}
}

func TestNothingToRunOn(t *testing.T) {
	e := testEngine(t)
	_, err := e.Schedule(context.Background(), asha, `() => ({})`, Input{EntityType: Subject})
	failureOf(t, err, FailedLoad)
	_, err = e.Schedule(context.Background(), asha, `() => ({})`, Input{EntityType: "Task", Entity: &Record{}})
	failureOf(t, err, FailedLoad)
}

// TestLimitOfMatching checks that an engine that waits long does not let those of others
// backtrack as long.
func TestLimitOfMatching(t *testing.T) {
	limitMatching(time.Minute)
	if got := regexp2.DefaultMatchTimeout; got > maxMatching {
		t.Errorf("a regular expression may take %v, want at most %v", got, maxMatching)
	}
}

// TestRuleStack checks that no position is one in what was put before the rule.
func TestRuleStack(t *testing.T) {
	got := newFailure(FailedThrow, "TypeError: x", "\tat rule.js:1:1(3)\n\tat f (rule.js:5:2(7))\n\tat bundle.js:3:1(9)\n")
	if want := "TypeError: x (line 4, column 2)"; got.Message != want || strings.Contains(got.Stack, "rule:0") {
		t.Errorf("message %q, stack %q; want %q", got.Message, got.Stack, want)
	}
}
