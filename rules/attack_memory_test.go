package rules

import "testing"

// liar is a list with one item when its length is first read.
const liar = `let n = 0; const it = {get length() { return n++ ? 1e9 : 1; }}; `

// TestAttacksOnMemory lets rules fill the memory. One at a time: together they may.
func TestAttacksOnMemory(t *testing.T) {
	newBattlefield(t).attacks(t, 1, []attack{
		{name: "string doubling", body: `let s = 'x'; for (;;) s += s;`, outcome: fails},
		{name: "join doubling", body: `let s = 'x'; for (;;) s = [s, s].join('');`, outcome: "throw: RangeError: Invalid string length"},
		{name: "concat doubling", body: `let s = 'x'; for (;;) s = s.concat(s);`, outcome: "throw: RangeError: Invalid string length"},
		{name: "array doubling", body: `let a = [1]; for (;;) a = a.concat(a);`, outcome: fails},
		{name: "arrays of arrays", body: `const a = []; for (;;) a.push(new Array(1e4).fill(a.length));`, outcome: fails},
		{name: "map", body: `const m = new Map(); for (let i = 0; ; i++) m.set(i, {i, text: 'x'.repeat(1e5) + i});`, outcome: fails},
		{name: "set", body: `const s = new Set(); for (let i = 0; ; i++) s.add('x'.repeat(1e5) + i);`, outcome: fails},
		{name: "object", body: `const o = {}; for (let i = 0; ; i++) o['k' + i] = 'x'.repeat(1e5) + i;`, outcome: fails},
		{name: "typed arrays", body: `const b = []; for (;;) b.push(new Uint8Array(1e6));`, outcome: fails},
		{name: "buffers by slice", body: `const b = []; for (;;) b.push(new ArrayBuffer(1e6).slice(0));`, outcome: fails},
		{name: "JSON", body: `const s = JSON.stringify(new Array(1e4).fill('x'.repeat(20))); const a = []; for (;;) a.push(JSON.parse(s));`, outcome: fails},
		{name: "pending promises", body: `const p = []; for (;;) p.push(new Promise(() => {}), 'x'.repeat(1e5) + p.length);`, outcome: fails},
		{name: "timers", body: `for (let i = 0; ; i++) setTimeout(() => {}, 1, 'x'.repeat(1e5) + i);`, outcome: fails},
		{name: "globals", body: `for (let i = 0; ; i++) globalThis['g' + i] = 'x'.repeat(1e5) + i;`, outcome: fails},
		{name: "spread of typed arrays", body: `[...new Uint8Array(16e6)];`, outcome: "throw: RangeError: Array buffer allocation failed"},
		{name: "entries of a typed array", body: `Object.entries(new Uint8Array(1e6));`, outcome: "throw: RangeError: Invalid array length"},
		{name: "JSON of a typed array", body: `JSON.stringify(new Uint8Array(1e6)); return {};`},
		{name: "typed array of a buffer", body: `new Uint8Array(new ArrayBuffer(16e6));`, outcome: "throw: RangeError: Array buffer allocation failed"},
		{name: "join of a typed array", body: `new Uint8Array(1e6).join('x'.repeat(1e6));`, outcome: "throw: RangeError: "},
		{name: "matches of a long text", body: `'a'.repeat(1e6).match(/a/g); return {};`},
		{name: "lodash join", body: `_.join(new Array(1e5).fill('x'.repeat(1e6)));`, outcome: "throw: RangeError: Invalid string length"},
		{name: "lodash reverse", body: `const a = []; a.length = 4294967295; _.reverse(a);`, outcome: "throw: RangeError: Invalid array length"},
		{name: "lodash padding", body: `_.repeat('x', 1e9);`, outcome: fails},
		{name: "arguments of a length that lies", body: liar + `Math.max.apply(null, it); return {};`, outcome: harmless},
		{name: "array from a length that lies", body: liar + `Array.from(it); return {};`, outcome: harmless},
		{name: "fill to a length that lies", body: liar + `Array.prototype.fill.call(it, 1); return {};`, outcome: harmless},
		{name: "concat of a length that lies", body: liar + `it[Symbol.isConcatSpreadable] = true; [].concat(it); return {};`, outcome: harmless},
		{name: "concat to a length that lies", body: liar + `it[Symbol.isConcatSpreadable] = true; Array.prototype.concat.call(it, 1); return {};`, outcome: harmless},
		{name: "concat of what spreads later", body: `let n = 0; [].concat({length: 1e9, get [Symbol.isConcatSpreadable]() { return n++ > 0; }}); return {};`, outcome: harmless},
		{name: "construct with a length that lies", body: liar + `Reflect.construct(Date, it); return {};`, outcome: harmless},
		{name: "proxy with a length that lies", body: `let n = 0; const it = new Proxy([], {get: (t, k) => (k === 'length' ? (n++ ? 1e9 : 1) : t[k])}); Array.prototype.map.call(it, (x) => x); return {};`, outcome: harmless},
		{name: "raw text of a huge list", body: `String.raw({raw: {length: 1e9}});`, outcome: "throw: RangeError: Invalid array length"},
		{name: "text that grows when it is joined", body: `let n = 0; const big = 'x'.repeat(1e6); new Array(1e5).fill({toString: () => (n++ ? big : '')}).join();`, outcome: "throw: RangeError: Invalid string length"},
		{name: "local text of a huge array", body: `const big = 'x'.repeat(1e6); new Array(1e5).fill({toLocaleString: () => big}).toLocaleString();`, outcome: "throw: RangeError: Invalid string length"},
		{name: "concat of objects", body: `const big = 'x'.repeat(1e6); ''.concat(...new Array(1e4).fill({toString: () => big}));`, outcome: "throw: RangeError: Invalid string length"},
		{name: "sorting by huge fields", body: `const a = new Array(1e5).fill(0); _.sortBy(new Array(9999).fill({a}), 'a'); return {};`},
		{name: "lodash times", body: `_.times(1e9);`, outcome: "throw: RangeError: Invalid array length"},
		{name: "padding in Intl", body: `(1).toLocaleString('en', {minimumIntegerDigits: 1e9});`, outcome: "throw: RangeError: Invalid string length"},
		{name: "console", body: `for (;;) console.log('x'.repeat(1e6));`, outcome: timesOut},
		{name: "big answer", body: `return {parameters: ['x'.repeat(1e6), 'y'.repeat(1e6)]};`, outcome: "result: the rule's answer is"},
		{name: "big error", body: `throw {message: 'x'.repeat(1e6), stack: 'y'.repeat(1e6), name: 'z'.repeat(1e6)};`, outcome: "throw: zzz"},
	})
}
