package rules

import (
	"strings"
	"testing"
)

// TestAttacksOnTheHost lets rules look for a way out of JavaScript.
func TestAttacksOnTheHost(t *testing.T) {
	const noCode = "throw: EvalError: code from strings is not available"
	newBattlefield(t).attacks(t, 2, []attack{
		{name: "__host", body: `__host.print('x');`, outcome: "throw: ReferenceError: __host is not defined"},
		{name: "require", body: `require('child_process').exec('id');`, outcome: "throw: Error: require('child_process') is not available"},
		{name: "module", body: `module.exports = {};`, outcome: "throw: ReferenceError"},
		{name: "process.exit", body: `process.exit(1);`, outcome: "throw: TypeError"},
		{name: "process.kill", body: `process.kill(process.pid, 9);`, outcome: "throw: TypeError"},
		{name: "process.binding", body: `process.binding('fs');`, outcome: "throw: TypeError"},
		{name: "global.process.mainModule", body: `global.process.mainModule.require('fs');`, outcome: "throw: TypeError"},
		{name: "eval", body: `(0, eval)('1');`, outcome: noCode},
		{name: "constructor.constructor", body: `({}).constructor.constructor('return this')(); ({}).constructor.constructor('return 1')();`, outcome: noCode},
		{name: "constructor of a model", body: `Object.getPrototypeOf(params.entity).constructor.constructor('return 1')();`, outcome: noCode},
		{name: "constructor of moment", body: `imports.moment.constructor('return 1')();`, outcome: noCode},
		{name: "constructor of a host function", body: `console.log.constructor('return 1')();`, outcome: noCode},
		{name: "generator's constructor", body: `Object.getPrototypeOf(function* () {}).constructor('yield 1')();`, outcome: noCode},
		{name: "async function's constructor", body: `Object.getPrototypeOf(async () => {}).constructor('return 1')();`, outcome: noCode},
		{name: "Reflect.construct of Function", body: `Reflect.construct(Function, ['return 1'])();`, outcome: noCode},
		{name: "Function by call", body: `Function.prototype.constructor.call(null, 'a', 'return a')();`, outcome: noCode},
		{name: "code in a template of lodash", body: `_.template('<% 1n << 100000000000n %>')({});`, outcome: noCode},
		{name: "code in lodash of another context", body: `_.runInContext().template('<%= 1 %>')({});`, outcome: noCode},
		{name: "random beyond the buffer", body: `crypto.getRandomValues({buffer: new ArrayBuffer(8), byteOffset: 100, byteLength: 1e9}); return {};`, outcome: harmless},
		{name: "timer with a text", body: `return new Promise(() => setTimeout('globalThis.leaked = 1', 1));`, outcome: fails},
		{name: "Go behind the entity", body: `if (['vm', 'Get', 'record', 'shape', 'values'].some((k) => k in params.entity.that)) throw new RangeError('reached'); return {};`, outcome: harmless},
		{name: "zone names that are paths", body: `new Intl.DateTimeFormat('en', {timeZone: '../../../etc/passwd'});`, outcome: "throw: RangeError: Invalid time zone"},
		{name: "zone names that are long", body: `new Date().toLocaleString('en', {timeZone: 'x'.repeat(1e3)});`, outcome: "throw: RangeError: Invalid time zone"},
		{name: "random into nothing", body: `crypto.getRandomValues({buffer: 5}); return {};`, outcome: harmless},
		{name: "dates at the edge", body: `[8.64e15, -8.64e15, NaN, 8.64e15 + 1].forEach((n) => { String(new Date(n)); new Date(n).toLocaleString(); imports.moment(n).format('LLLL'); }); return {};`, outcome: harmless},
		{name: "numbers at the edge", body: `(1e21).toFixed(100); (0.1).toPrecision(100); parseInt('1'.repeat(1e5)); Number('1'.repeat(1e5)); imports.moment().add(1e308, 'years').format(); return {};`, outcome: harmless},
	})
}

// TestAttacksByThrowing lets rules throw, reject with and return what is hard to describe.
func TestAttacksByThrowing(t *testing.T) {
	newBattlefield(t).attacks(t, 2, []attack{
		{name: "undefined from a promise", body: `return Promise.reject(undefined);`, outcome: "throw: the rule threw undefined"},
		{name: "symbol", body: `throw Symbol('s');`, outcome: "throw: the rule threw"},
		{name: "function", body: `throw () => 1;`, outcome: "throw: the rule threw"},
		{name: "number", body: `throw NaN;`, outcome: "throw: the rule threw NaN"},
		{name: "object without a prototype", body: `throw Object.create(null);`, outcome: "throw: the rule threw an object without a message"},
		{name: "proxy that throws proxies", body: `throw new Proxy({}, {get() { throw new Proxy({}, {}); }});`, outcome: fails},
		{name: "revoked proxy", body: `const {proxy, revoke} = Proxy.revocable({}, {}); revoke(); throw proxy;`, outcome: "throw: the rule threw an object without a message"},
		{name: "error that throws when it is read", body: `const e = new Error('x'); Object.defineProperty(e, 'stack', {get() { throw 1; }}); Object.defineProperty(e, 'message', {get() { throw e; }}); throw e;`, outcome: "throw: Error (line 2"},
		{name: "error that throws itself as a text", body: `const e = {toString() { throw e; }}; throw {message: e, name: e, stack: e};`, outcome: "throw: the rule threw an object without a message"},
		{name: "error that never ends as a text", body: `let n = 0; const e = {toString() { if (n++) for (;;); throw e; }}; throw e;`, outcome: "throw: the rule threw an object without a message"},
		{name: "message that never ends", body: `throw {message: {toString() { for (;;); }}};`, outcome: timesOut},
		{name: "message that is too deep", body: `const o = {toString() { return ` + "`${o}`" + `; }}; throw {message: o};`, outcome: fails},
		{name: "promise of another class", body: `const p = Promise.resolve(1); p.constructor = function (run) { run(() => {}, () => {}); return {toString() { throw 1; }}; }; p.constructor[Symbol.species] = p.constructor; return p;`, outcome: fails},
		{name: "message that is an object", body: `throw {message: {toString() { return {}; }}};`, outcome: "throw: the rule threw an object without a message"},
		{name: "message that is half a character", body: `throw {message: '\ud800\udc00\ud800', stack: '\u0000\n'.repeat(1e5)};`, outcome: "throw: 𐀀"},
		{name: "frozen error", body: `throw Object.freeze(new Error('frozen'));`, outcome: "throw: Error: frozen"},
		{name: "chain of causes", body: `let e = new Error('first'); for (let i = 0; i < 1e4; i++) e = new Error('next', {cause: e}); throw e;`, outcome: "throw: Error: next"},
		{name: "error within many calls", body: `const f = (n) => { if (n) f(n - 1); else throw new Error('deep'); }; f(900);`, outcome: "throw: Error: deep"},
		{name: "from a timer", body: `return new Promise(() => setTimeout(() => { throw new Error('late'); }, 1));`, outcome: "throw: Error: late"},
		{name: "while the rule is being made", script: `throw null`, outcome: "throw: the rule threw null"},
		{name: "recursion while the rule is being made", script: `const f = () => f(); f(); () => ({})`, outcome: "throw: RangeError: Maximum call stack size exceeded"},
		{name: "no rule at all", script: ` `, outcome: fails},
		{name: "not a rule", script: `null`, outcome: "throw: TypeError: the rule must be a function"},
		{name: "frozen answer", body: `return Object.freeze({parameters: Object.freeze(['a'])});`, outcome: harmless},
		{name: "revoked answer", body: `const {proxy, revoke} = Proxy.revocable([], {}); revoke(); return {parameters: proxy};`, outcome: "throw: TypeError: Proxy already revoked"},
		{name: "symbol as an answer", body: `return Symbol('s');`, outcome: "result: the rule must return an object"},
		{name: "answer that is a model", body: `return params.entity;`, outcome: harmless},
	})
}

// TestAttacksOnTheCompiler gives it texts that are hard to parse.
func TestAttacksOnTheCompiler(t *testing.T) {
	const rule = "() => ({parameters: []})"
	const tooDeep = "compile: SyntaxError: an expression of the rule has more than 1500 parts"
	newBattlefield(t).attacks(t, 2, []attack{
		{name: "a million brackets", script: strings.Repeat("(", 1e6), outcome: "compile: "},
		{name: "brackets within the length", script: strings.Repeat("[", 30000) + strings.Repeat("]", 30000), outcome: "compile: the rule has brackets nested"},
		{name: "brackets in a text", script: `"` + strings.Repeat("(", 600) + `"; ` + rule, outcome: "compile: "},
		{name: "a megabyte", script: "/*" + strings.Repeat("x", 1e6) + "*/" + rule, outcome: "compile: the rule is 1000"},
		{name: "deep templates", script: strings.Repeat("`${", 400) + "1" + strings.Repeat("}`", 400) + "; " + rule, outcome: harmless},
		{name: "deeper templates", script: strings.Repeat("`${", 900) + "1" + strings.Repeat("}`", 900) + "; " + rule, outcome: "compile: "},
		{name: "big integer", script: "() => ({n: 1n << 100000000000n})", outcome: "compile: SyntaxError: big integers"},
		{name: "hidden big integer", script: "() => { class A { x = 0x1n ** 5n; } }", outcome: "compile: SyntaxError: big integers"},
		{name: "import()", script: "import('fs'); " + rule, outcome: "compile: "},
		{name: "import", script: "import fs from 'fs'; " + rule, outcome: "compile: "},
		{name: "with", script: rule + "; with (Math) {}", outcome: "compile: "},
		{name: "out of the wrapping", script: rule + "})(); globalThis.leaked = 1; (function () {", outcome: "compile: "},
		{name: "out of the block", script: "if (1) " + rule + "}; for (;;); {", outcome: "compile: "},
		{name: "half a comment", script: rule + " /*", outcome: "compile: "},
		{name: "many variables", script: "var " + manyNames(2000) + "; " + rule, outcome: harmless},
		{name: "long sum", script: strings.Repeat("1+", 1000) + "1; " + rule, outcome: harmless},
		{name: "longer sum", script: strings.Repeat("1+", 32000) + "1; " + rule, outcome: tooDeep},
		{name: "long sums", script: strings.Repeat(strings.Repeat("1+", 1400)+"1;", 20) + rule, outcome: harmless},
		{name: "sum of texts", script: strings.Repeat("'a'+", 16000) + "1; " + rule, outcome: tooDeep},
		{name: "sum of variables", script: strings.Repeat("1+a+", 16000) + "1; " + rule, outcome: tooDeep},
		{name: "many alternatives", script: strings.Repeat("a??", 20000) + "1; " + rule, outcome: tooDeep},
		{name: "many ands", script: strings.Repeat("a&&", 20000) + "1; " + rule, outcome: tooDeep},
		{name: "many labels", script: strings.Repeat("x:", 20000) + "1; " + rule, outcome: `compile: SyntaxError: Duplicate label "x"`},
		{name: "many labels of statements", script: strings.Repeat("π:if(1)", 8000) + "1; " + rule, outcome: `compile: SyntaxError: Duplicate label "π"`},
		{name: "few labels", script: strings.Repeat("x:", 300) + "1; " + rule, outcome: "compile: "},
		{name: "arrows in parameters", script: strings.Repeat("(a=", 200) + "1" + strings.Repeat(")=>1", 200) + "; " + rule, outcome: harmless},
		{name: "arrows in patterns", script: strings.Repeat("({a=", 200) + "1" + strings.Repeat("})=>1", 200) + "; " + rule, outcome: harmless},
		{name: "async arrows in parameters", script: strings.Repeat("async(a=", 200) + "1" + strings.Repeat(")=>1", 200) + "; " + rule, outcome: harmless},
		{name: "arrows in parameters behind comments", script: strings.Repeat("(a=", 40) + "1" + strings.Repeat("//(\n)=>1", 40) + "; " + rule, outcome: harmless},
		{name: "arrows in parameters behind texts", script: strings.Repeat("(b=\"(\",a=", 40) + "1" + strings.Repeat(")=>1", 40) + "; " + rule, outcome: harmless},
		{name: "many arrow functions", script: strings.Repeat("()=>", 3000) + "1", outcome: "compile: "},
		{name: "many operators before a value", script: strings.Repeat("!", 20000) + "1; " + rule, outcome: tooDeep},
		{name: "many conditions", script: strings.Repeat("1?", 5000) + "1" + strings.Repeat(":1", 5000) + "; " + rule, outcome: tooDeep},
		{name: "many members", script: "globalThis" + strings.Repeat("?.x", 3000) + "; " + rule, outcome: tooDeep},
		{name: "many blocks without brackets", script: strings.Repeat("if (0) ", 5000) + "1; " + rule, outcome: tooDeep},
		{name: "big expression", script: "/" + strings.Repeat("(a|b)", 8000) + "/; " + rule, outcome: harmless},
	})
}

// manyNames lists n names.
func manyNames(n int) string {
	names := make([]string, n)
	for i := range names {
		names[i] = "v" + strings.Repeat("x", i%7) + string(rune('a'+i%26)) + strings.Repeat("y", i/180)
	}
	return strings.Join(names, ", ")
}
