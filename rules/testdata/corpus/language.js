//! a function expression
//  on  student
//  all  {"parameters":["Meena",true]}
(function ({params}) { return {parameters: [params.entity.firstName, this === undefined]}; })

//! declarations before the rule
//  on  student
//  all  {"parameters":["Dear Mee",1,10]}
const greet = 'Dear', cut = (s) => s.slice(0, 3);
let n = 0;
var m = 5;
function twice(x) { return 2 * x; }
({params}) => ({parameters: [`${greet} ${cut(params.entity.firstName)}`, ++n, twice(m)]});

//! a class before the rule
//  on  student
//  all  {"parameters":["Hello Meena #1","HELLO YOU #2"]}
class Message {
  static #count = 0;
  name = 'x';
  constructor(name) { this.name = name; Message.#count += 1; }
  get text() { return `Hello ${this.name} #${Message.#count}`; }
}
class Loud extends Message { get text() { return super.text.toUpperCase(); } }
({params}) => ({parameters: [new Message(params.entity.firstName).text, new Loud('you').text]})

//! function declared after the rule
//  on  student
//  all  {"parameters":["Rathod"]}
({params}) => ({parameters: [later(params.entity)]});
function later(e) { return e.lastName; }

//! conditional value of the script
//  on  student
//  all  {"parameters":["b"]}
var kind = 'b';
if (kind === 'a') { () => ({parameters: ['a']}) } else { () => ({parameters: ['b']}) }

//! the directive is taken away, even within a text
//  on  student
//  all  {"parameters":["before  after"]}
"use strict";
() => ({parameters: ['before "use strict"; after']})

//! strict all the same: assignment to an undeclared variable
//  on  student
//  all  throws ReferenceError
() => { undeclared = 1; return {}; }

//! strict all the same: frozen objects
//  on  student
//  all  throws TypeError
() => { Object.freeze({a: 1}).a = 2; }

//! destructuring with defaults, rest and renaming
//  on  student
//  all  {"parameters":["Meena","none","lata@arogya",1,"b","4,5",7,"{\"z\":1,\"w\":2}","function","object"]}
({params: {entity: {firstName: first, middleName: middle = 'none', ...others}, user: {username} = {}}, imports: {moment: m}}) => {
  const [a, , b = 'b', ...c] = [1, 2, undefined, 4, 5];
  const {x: {y = 7} = {}, ...rest} = {z: 1, w: 2};
  return {parameters: [first, middle, username, a, b, c.join(), y, JSON.stringify(rest), typeof m, typeof others]};
}

//! template texts
//  on  student
//  all  {"parameters":["a2b","line\ntwo","x<Meena>\\n<1,2>","1,2,3 [object Object] null undefined",3]}
({params}) => {
  const tag = (parts, ...values) => parts.raw.map((p, i) => p + (i < values.length ? `<${values[i]}>` : '')).join('');
  return {parameters: [`a${1 + 1}b`, `line
two`, tag`x${params.entity.firstName}\n${[1, 2]}`, `${[1, [2, 3]]} ${{}} ${null} ${undefined}`, `\u0939\u{1F600}`.length]};
}

//! optional chaining and nullish values
//  on  student
//  all  {"parameters":["none","Registration","absent",0,1,"",true]}
({params}) => ({parameters: [params.entity.nothing?.here?.[0] ?? 'none', params.entity.getName?.(), params.entity.absent?.() ?? 'absent', 0 ?? 1, 0 || 1, '' ?? 'x', (null)?.x === undefined]})

//! logical assignment, exponents, separators
//  on  student
//  all  {"parameters":[5,6,7,1024,-8,1000000,5,15,255,0.6]}
() => { let a = null, b = 1, c = 0; a ??= 5; b &&= 6; c ||= 7; return {parameters: [a, b, c, 2 ** 10, (-2) ** 3, 1_000_000, 0b101, 0o17, 0xff, .5 + .1]}; }

//! spread
//  on  student
//  all  {"parameters":["ह","ि","x",1,2,1,9,"{\"0\":\"a\",\"1\":\"b\",\"a\":1,\"b\":3}"]}
() => ({parameters: [...'हिx', ...new Set([1, 1, 2]), ...new Map([[1, 2]]).keys(), Math.max(...[3, 9, 4]), JSON.stringify({...{a: 1, b: 2}, b: 3, ...null, ...'ab'})]})

//! closures in loops
//  on  student
//  all  {"parameters":[0,1,2,3,3,3]}
() => { const f = [], g = []; for (let i = 0; i < 3; i++) f.push(() => i); for (var j = 0; j < 3; j++) g.push(() => j); return {parameters: [...f.map((x) => x()), ...g.map((x) => x())]}; }

//! loops and labels
//  on  student
//  all  {"parameters":[11,21,"3","x","y",3,"three","more"]}
() => {
  const out = [];
  outer: for (const a of [1, 2, 3]) { for (const b of [1, 2, 3]) { if (b === 2) continue outer; if (a === 3) break outer; out.push(a * 10 + b); } }
  for (const k in {x: 1, y: 2, 3: 0}) out.push(k);
  let i = 0; do { i += 2; } while (i < 5); while (i --> 4);
  out.push(i);
  switch (i) { case 1: out.push('one'); case 3: out.push('three'); default: out.push('more'); break; case 9: out.push('nine'); }
  return {parameters: out};
}

//! try, catch, finally
//  on  student
//  all  {"parameters":["try","TypeError","t","finally","caught",true,"TypeError","bad JSON","TypeError"]}
() => {
  const out = [];
  const f = () => { try { out.push('try'); throw new TypeError('t'); } catch ({name, message}) { out.push(name, message); return 'caught'; } finally { out.push('finally'); } };
  out.push(f());
  try { null.x; } catch (e) { out.push(e instanceof TypeError, e.constructor.name); }
  try { JSON.parse('{'); } catch { out.push('bad JSON'); }
  try { (void 0)(); } catch (e) { out.push(e.name); }
  return {parameters: out};
}

//! errors of one's own
//  on  student
//  all  {"parameters":["NoPhone","x",true,true,"NoPhone: x","name","b"]}
() => { class NoPhone extends Error { constructor(m) { super(m); this.name = 'NoPhone'; } } try { throw new NoPhone('x'); } catch (e) { return {parameters: [e.name, e.message, e instanceof NoPhone, e instanceof Error, `${e}`, Object.keys(e).join(), new Error('a', {cause: 'b'}).cause]}; } }

//! throws
//  on  student
//  all  throws RangeError
() => { throw new RangeError('no'); }

//! throws a text
//  on  student
//  all  throws "no phone"
() => { throw 'no phone'; }

//! generators and iterators
//  on  student
//  all  {"parameters":[0,12,"{\"value\":\"r\",\"done\":true}",1,2,0,2,2]}
() => {
  function* days(n) { let got; for (let i = 0; i < n; i++) got = yield i * 2 + (got || 0); return 'end'; }
  const it = days(3);
  const range = {*[Symbol.iterator]() { yield* [1, 2]; yield* days(2); }};
  return {parameters: [it.next().value, it.next(10).value, JSON.stringify(it.return('r')), ...range, Array.from(days(2)).length]};
}

//! promises
//  on  student
//  all  {"parameters":["Meena"]}
({params}) => Promise.resolve(params.entity.firstName).then((name) => ({parameters: [name]}))

//! promises together
//  on  student
//  all  {"parameters":[1,2,3,"rejected,fulfilled","fast",2]}
async () => {
  const all = await Promise.all([1, Promise.resolve(2), new Promise((done) => setTimeout(done, 5, 3))]);
  const settled = await Promise.allSettled([Promise.reject(new Error('x')), 1]);
  const first = await Promise.race([new Promise((done) => setTimeout(done, 20, 'slow')), new Promise((done) => setTimeout(done, 1, 'fast'))]);
  const any = await Promise.any([Promise.reject(1), Promise.resolve(2)]);
  return {parameters: [...all, settled.map((s) => s.status).join(), first, any]};
}

//! order of promises and timers
//  on  student
//  all  {"parameters":["sync","p1","m","awaited","p2","t1","t10"]}
async () => {
  const out = [];
  setTimeout(() => out.push('t10'), 10);
  setTimeout(() => out.push('t1'), 1);
  Promise.resolve().then(() => out.push('p1')).then(() => out.push('p2'));
  queueMicrotask(() => out.push('m'));
  out.push('sync');
  await null;
  out.push('awaited');
  await new Promise((done) => setTimeout(done, 15));
  return {parameters: out};
}

//! await in a loop, for await
//  on  student
//  all  {"parameters":[1,2,3]}
async () => { const out = []; async function* pages() { for (const n of [1, 2]) yield await Promise.resolve(n); } for await (const n of pages()) out.push(n); for await (const n of [Promise.resolve(3)]) out.push(n); return {parameters: out}; }

//! rejected promise
//  on  student
//  all  throws TypeError
async () => { await Promise.reject(new TypeError('refused')); }

//! caught rejection
//  on  student
//  all  {"parameters":["refused"]}
async () => { try { await Promise.reject(new TypeError('refused')); } catch (e) { return {parameters: [e.message]}; } finally { await 0; } }

//! interval
//  on  student
//  all  {"parameters":[3]}
() => new Promise((done) => { let n = 0; const id = setInterval(() => { n += 1; if (n === 3) { clearInterval(id); done({parameters: [n]}); } }, 2); })

//! cancelled timer
//  on  student
//  all  {"parameters":["yes"]}
() => new Promise((done) => { const id = setTimeout(() => done({parameters: ['no']}), 1); clearTimeout(id); setTimeout(() => done({parameters: ['yes']}), 5); })

//! thenable
//  on  student
//  all  {"parameters":["then"]}
() => ({then: (done) => done({parameters: ['then']})})

//! JSON: what is left out
//  on  student
//  all  {"d":null,"e":[null,null,null],"f":null,"g":"1970-01-01T00:00:00.000Z","h":"json h","i":1,"j":"s","k":{},"l":{},"m":{},"n":{}}
() => ({a: undefined, b: () => 1, c: Symbol('s'), d: NaN, e: [undefined, () => 1, -Infinity], f: null, g: new Date(0), h: {toJSON: (k) => `json ${k}`}, i: Object(1), j: Object('s'), k: new Map([[1, 2]]), l: new Set([1]), m: /x/, n: new Error('e')})

//! JSON: order of keys
//  on  student
//  all  {"1":"one","2":"two","b":1,"a":2,"-1":"minus","01":"zero"}
() => ({b: 1, 2: 'two', a: 2, 1: 'one', [Symbol('x')]: 3, '-1': 'minus', '01': 'zero'})

//! JSON: getters, inherited and hidden members
//  on  student
//  all  {"own":1,"got":[2,4]}
() => Object.create({inherited: 1}, {own: {value: 1, enumerable: true}, hidden: {value: 2}, got: {get: () => [1, 2].map((x) => x * 2), enumerable: true}})

//! JSON: replacer, spaces, revival
//  on  student
//  all  {"parameters":["{\n  \"a\": 1,\n  \"b\": [\n    2,\n    {\n      \"c\": 3\n    }\n  ]\n}","{\"a\":1,\"c\":{\"a\":5}}","[1,20]","\"a\\\"\\nह\\u0007\"","{\n--\"a\": 1\n}",3,"{\"__proto__\":1,\"b\":2}","undefined"]}
() => ({parameters: [JSON.stringify({a: 1, b: [2, {c: 3}]}, null, 2), JSON.stringify({a: 1, b: 2, c: {a: 5}}, ['a', 'c']), JSON.stringify([1, 2], (k, v) => (k === '1' ? v * 10 : v)), JSON.stringify('a"\nह\u0007'), JSON.stringify({a: 1}, null, '--'), JSON.parse('[1,{"x":2}]', (k, v) => (k === 'x' ? v + 1 : v))[1].x, JSON.stringify(JSON.parse('{"__proto__": 1, "b": 2}')), String(JSON.stringify(undefined))]})

//! JSON: a list as an answer
//  on  student
//  all  [1,2]
() => [1, 2]

//! answers that are no objects
//  on  student
//  all  "text"
() => 'text'

//! no answer
//  on  student
//  all  undefined
() => {}

//! symbols, proxies, reflection
//  on  student
//  all  {"parameters":[1,"none",true,"a,b","a,zz","d",true,"symbol","[object Array]","[object Null]","[object Date]"]}
() => {
  const seen = [];
  const p = new Proxy({a: 1}, {get: (t, k, r) => { seen.push(String(k)); return Reflect.get(t, k, r) || 'none'; }, has: () => true, ownKeys: () => ['a', 'b']});
  return {parameters: [p.a, p.zz, 'q' in p, Reflect.ownKeys(p).join(), seen.join(), Symbol('d').description, Symbol.for('x') === Symbol.for('x'), typeof Symbol.iterator, Object.prototype.toString.call([]), Object.prototype.toString.call(null), Object.prototype.toString.call(new Date())]};
}

//! maps, sets, weak maps
//  on  student
//  all  {"parameters":[3,3,"a,1|b,2|NaN,3",4,"v",false,"3,1","[{\"k\":\"a\",\"v\":1},{\"k\":\"b\",\"v\":2},{\"k\":null,\"v\":3}]"]}
() => { const m = new Map([['a', 1]]).set('b', 2).set(NaN, 3); const key = {}; const w = new WeakMap([[key, 'v']]); return {parameters: [m.get(NaN), m.size, [...m.entries()].join('|'), new Set('hello').size, w.get(key), w.has({}), [...new Set([3, 1, 3])].join(), JSON.stringify([...m].map(([k, v]) => ({k, v})))]}; }

//! numbers
//  on  student
//  all  {"parameters":[0.30000000000000004,"1.00","11001","ff",12,3.14,0,12,null,1,true,9007199254740991,"1234.6",0.3333333333333333,2,-2,-7,3,15,0,3,-1,5,3,3,null]}
() => ({parameters: [0.1 + 0.2, (1.005).toFixed(2), (25).toString(2), (255).toString(16), parseInt('12px', 10), parseFloat('3.14abc'), Number(''), Number(' 12 '), Number('1,2'), +true, Number.isInteger(5.0), Number.MAX_SAFE_INTEGER, (1234.5678).toFixed(1), 1 / 3, 5 % -3, -5 % 3, ~~-7.9, 7 >> 1, -1 >>> 28, Math.round(-0.5), Math.round(2.5), Math.sign(-3), Math.hypot(3, 4), Math.cbrt(27), Math.log10(1000), 1e300 * 1e10]})

//! comparisons and conversions
//  on  student
//  all  {"parameters":["","[object Object]","12",12,1,null,6,3,true,false,true,false,true,true,true,true,false,"object","object","function",true,true,false]}
() => ({parameters: [[] + [], [] + {}, 1 + '2', '3' * '4', null + 1, undefined + 1, [2] * [3], '5' - 2, null == undefined, null == 0, '' == 0, NaN === NaN, Object.is(NaN, NaN), [1] == 1, 'b' > 'a', '10' < '9', 10 < 9, typeof null, typeof [], typeof (() => 1), void 0 === undefined, !!'0', !!NaN]})

//! arrays
//  on  student
//  all  {"parameters":["1,2,3","1,10,9","3,2,1","2,3","1,2,3,4","1,2,2,4",3,2,false,true,-1,"0,1,2","aa,bb,cc","0,a","4,5,3,4,5","1,4,5","1,9,3","2,3",2,"1-2-3",true,true,2,4]}
() => ({parameters: [[3, 1, 2].sort().join(), [10, 9, 1].sort().join(), [1, 2, 3].reverse().join(), [1, 2, 3, 4].splice(1, 2).join(), [1, [2, [3, [4]]]].flat(Infinity).join(), [1, 2].flatMap((x) => [x, x * 2]).join(), [1, 2, 3].at(-1), [1, 2, 3].findLast((x) => x < 3), [1, 2, 3].includes(NaN), [NaN].includes(NaN), [NaN].indexOf(NaN), Array(3).fill().map((_, i) => i).join(), Array.from('abc', (c) => c + c).join(), [..."ab"].entries().next().value.join(), [1, 2, 3, 4, 5].copyWithin(0, 3).join(), [5, 1, 4].toSorted().join(), [1, 2, 3].with(1, 9).join(), [1, 2, 3].toSpliced(0, 1).join(), [, 1].length, [3, 2, 1].reduceRight((a, b) => a + '-' + b), [1, 2, 3].some((x) => x > 2), [].every(Boolean), [1, 2, 3].lastIndexOf(3), [[1, 2], [3]].concat([[4]], 5).length]})

//! sorting is stable
//  on  student
//  all  {"parameters":["c","b","a","d","1","3","a","b","null","undefined","0,3,6,9,12,15,18,21,24,27,1,4"]}
() => ({parameters: [{n: 'b', k: 1}, {n: 'a', k: 1}, {n: 'c', k: 0}, {n: 'd', k: 1}].sort((x, y) => x.k - y.k).map((x) => x.n).concat([undefined, 3, null, 1, 'b', 'a'].sort().map(String), Array.from({length: 30}, (_, i) => i).sort((a, b) => (a % 3) - (b % 3)).slice(0, 12).join())})

//! objects
//  on  student
//  all  {"parameters":[11,"a,b,d",15,"x,1;y,2","{\"k\":\"v\"}",1,true,false,true,"0,1,length",true,"{\"a\":[1]}"]}
() => { const o = {a: 1, get b() { return this.a + 1; }, set b(v) { this.a = v; }, ['c' + 1]: 3, d() { return super.toString().length; }}; o.b = 10; delete o.c1; return {parameters: [o.b, Object.keys(o).join(), o.d(), Object.entries({x: 1, y: [2]}).join(';'), JSON.stringify(Object.fromEntries(new Map([['k', 'v']]))), Object.assign({}, null, {a: 1}).a, 'a' in o, o.hasOwnProperty('zz'), Object.hasOwn(o, 'a'), Object.getOwnPropertyNames('ab').join(), Object.isFrozen(Object.freeze({})), JSON.stringify(copy({a: [1]}))]}; function copy(x) { return JSON.parse(JSON.stringify(x)); } }

//! functions: this, call, apply, bind, arguments, defaults
//  on  student
//  all  {"parameters":["1,2,3,0,1",",1,2,2,4","9,1,5,0,2",1,"f","","undefined",2]}
() => { function f(a, b = a + 1, ...c) { return [this && this.x, a, b, c.length, arguments.length].join(); } const g = f.bind({x: 9}, 1); return {parameters: [f.call({x: 1}, 2), f.apply(null, [1, 2, 3, 4]), g(5), f.length, f.name, (() => 1).name, (function () { return typeof this; })(), ((a, b) => a + b).length]}; }

//! changing the entity within the rule
//  on  student
//  all  {"parameters":["Changed","Changed Rathod","added",false]}
({params: {entity}}) => { entity.firstName = 'Changed'; entity.note = 'added'; entity.observations.length = 0; return {parameters: [entity.firstName, entity.nameString, entity.note, entity.getObservationReadableValue('Class') === undefined]}; }

//! console
//  on  student
//  all  {"parameters":["undefined"]}
({imports}) => { console.log('a', {b: 1}); console.error(new Error('x')); console.table([[1]]); console.time('t'); console.timeEnd('t'); imports.log('y'); return {parameters: [typeof console.log('z')]}; }

//! getters and setters on classes, static blocks, instanceof
//  on  student
//  all  {"parameters":[2,1,8,true,false,true,false]}
() => { class A { static #n = 1; static { A.m = A.#n + 1; } static get n() { return A.#n; } #v = 3; get v() { return this.#v; } set v(x) { this.#v = x * 2; } has(o) { return #v in o; } static [Symbol.hasInstance](x) { return x === 5; } } const a = new A(); a.v = 4; return {parameters: [A.m, A.n, a.v, a.has(a), a.has({}), 5 instanceof A, a instanceof A]}; }

//! tail of the script without a semicolon, with comments
//  on  student
//  all  {"parameters":["Meena"]}
// what the rule is for
/* more */ ({params}) => /* inside */ ({
  parameters: [params.entity.firstName], // trailing
}) // end

//! letters of any script
//  on  student
//  all  {"parameters":["रम","Añb",true,true,"१२३,45",true]}
({params}) => ({parameters: ['रमेश राठोड 12'.match(/\p{L}+/u)[0], 'Añb1'.replace(/\P{L}/gu, ''), /^\p{Lu}/u.test('Énée'), /\p{Script=Devanagari}/u.test('a ह'), '१२३ 45'.match(/\p{Nd}+/gu).join(), /^[\p{L}\p{M} .']+$/u.test(params.entity.getObservationReadableValue('Guardian'))]})

//! lodash: templates are code made of text
//  on  student
//  all  throws EvalError
//  node  code made of text is not available here
({params}) => ({parameters: [_.template('Hi <%= firstName %>')(params.entity)]})

//! more classes of letters, built and written
//  on  student
//  all  {"parameters":["a-b","नमस्ते","true,false","x y","Añ","true"]}
() => ({parameters: ['a→b'.replace(/\p{S}/u, '-'), 'ok नमस्ते!'.match(/[\p{Script=Devanagari}]+/u)[0], [new RegExp('^\\p{Ll}+$', 'u').test('añb'), new RegExp(/^\p{Ll}+$/u, 'u').test('aB')].join(), 'x\u00a0y'.replace(/\p{White_Space}/gu, ' '), 'Añ9_'.match(/^[^\P{L}]+/u)[0], String(/^\p{P}$/u.test('।'))]})

//! frozen arguments
//  on  student
//  all  {"parameters":[true,"Meena",true]}
({params, imports}) => { Object.freeze(imports); Object.freeze(params); Object.seal(params.entity); return {parameters: [Object.freeze([1]).length === 1, params.entity.firstName, typeof imports.moment === 'function']}; }

//! methods added to the language
//  on  student
//  all  {"parameters":["Meena!",3,"Z"]}
({params}) => { String.prototype.loud = function () { return this + '!'; }; Array.prototype.last = function () { return this[this.length - 1]; }; const o = {}; o.toString = () => 'Z'; return {parameters: [params.entity.firstName.loud(), [1, 2, 3].last(), `${o}`]}; }
