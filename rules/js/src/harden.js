// Takes away, before libraries take it for themselves, what could stop or leave the process: natives that work on a length which
// costs nothing to state, code made from strings, big integers.
import host from './host.js';
import capGrowth, { MAX_LENGTH, checkLength, limit, method } from './growth.js';
import { put } from './prelude/define.js';
import stringify from './stringify.js';

const MAX_BYTES = 1e6;
const MAX_PATTERN = 4096;
const MAX_JSON = 8e6;
const MAX_DEPTH = 1000;
const { apply, construct, ownKeys } = Reflect;
const { isArray } = Array;

const ARRAY_METHODS = [
  'concat', 'copyWithin', 'entries', 'every', 'fill', 'filter', 'find', 'findIndex', 'findLast', 'findLastIndex', 'flat', 'flatMap',
  'forEach', 'includes', 'indexOf', 'join', 'keys', 'lastIndexOf', 'map', 'reduce', 'reduceRight', 'reverse', 'shift', 'slice', 'some',
  'sort', 'splice', 'toLocaleString', 'toReversed', 'toSorted', 'toSpliced', 'toString', 'unshift', 'values', 'with',
];
const TYPED_ARRAYS = [
  'Uint8Array', 'Int8Array', 'Uint8ClampedArray', 'Uint16Array', 'Int16Array', 'Uint32Array', 'Int32Array', 'Float32Array',
  'Float64Array',
];

const capArrays = () => {
  ARRAY_METHODS.forEach((name) => {
    if (Array.prototype[name]) limit(Array.prototype, name, -1);
  });
  put(Array.prototype, Symbol.iterator, Array.prototype.values);
  const original = Array;
  const { from } = original;
  put(Array, 'from', method('from', (self, args) => {
    if (args[0] !== null && typeof args[0] === 'object') args[0] = source(args[0]);
    return apply(from, self === globalThis.Array ? original : self, args);
  }));
};

// source is what Array.from reads: how an object is iterated over, or how long it is, is asked
// once.
const source = (items) => {
  const iterate = items[Symbol.iterator];
  if (iterate === undefined || iterate === null) return host.steady(items, checkLength, MAX_LENGTH);
  return isArray(items) ? items : { [Symbol.iterator]: () => apply(iterate, items, []) };
};

const capJSON = () => {
  const { parse } = JSON;
  put(JSON, 'parse', method('parse', (self, args) => {
    const text = `${args[0]}`;
    if (text.length > MAX_JSON) throw new SyntaxError('the JSON text is too long');
    if (text.length > MAX_DEPTH && host.nesting(text) > MAX_DEPTH) throw new SyntaxError('the JSON text is nested too deeply');
    return parse(text, args[1]);
  }));
  put(JSON, 'stringify', method('stringify', (self, args) => stringify(args[0], args[1], args[2])));
};

// guard puts a constructor in the place of a native one that looks at its arguments first, and
// may know what is to be made of them.
// Not a Proxy: goja's instanceof does not take a proxied constructor.
const guard = (name, check, known = () => undefined) => {
  const original = globalThis[name];
  if (!original) return;
  const guarded = ({
    [name]: function (...args) {
      check(args);
      if (new.target === undefined || new.target === guarded) {
        const made = known(...args);
        if (made) return made;
      }
      if (!new.target) return apply(original, this, args);
      return construct(original, args, new.target === guarded ? original : new.target);
    },
  })[name];
  ownKeys(original).forEach((key) => {
    if (['length', 'name', 'prototype', 'caller', 'arguments'].includes(key)) return;
    Object.defineProperty(guarded, key, Object.getOwnPropertyDescriptor(original, key));
  });
  Object.defineProperty(guarded, 'prototype', { value: original.prototype, writable: false });
  Object.setPrototypeOf(guarded, Object.getPrototypeOf(original));
  put(globalThis, name, guarded);
  put(original.prototype, 'constructor', guarded);
};

// checkBytes looks at a length, or at something that has one.
const checkBytes = (size) => (args) => {
  const given = args[0];
  const list = given !== null && typeof given === 'object' && given.length !== undefined;
  if (given !== undefined && !list && typeof given !== 'object') args[0] = Number(given);
  if ((list ? given.length : args[0]) * size > MAX_BYTES) throw new RangeError('Array buffer allocation failed');
};

const checkPattern = (args) => {
  const [pattern, flags] = args;
  if (pattern instanceof RegExp && flags !== undefined) args[0] = pattern.source;
  if (typeof args[0] !== 'string') return;
  if (args[0].length > MAX_PATTERN) throw new SyntaxError('Invalid regular expression: too long');
  try {
    args[0] = host.spellClasses(args[0], `${flags}`);
  } catch (error) {
    throw new SyntaxError(`Invalid regular expression: ${error.message}`);
  }
};

const guardConstructors = () => {
  guard('ArrayBuffer', checkBytes(1));
  TYPED_ARRAYS.forEach((name) => globalThis[name] && guard(name, checkBytes(globalThis[name].BYTES_PER_ELEMENT)));
  guard('RegExp', checkPattern, host.libraryPattern);
  const { Array: original } = globalThis;
  guard('Array', (args) => { if (args.length === 1 && typeof args[0] === 'number') checkLength(args[0]); });
  // What map and filter make of a plain array is made by the original, which is several times as fast.
  Object.defineProperty(Array, Symbol.species, { get: host.species(Array, original), configurable: true });
};

// Big integers also come out of arrays of them.
const forbidBigIntegers = () => {
  ['BigInt', 'BigInt64Array', 'BigUint64Array'].forEach((name) => delete globalThis[name]);
  ['getBigInt64', 'getBigUint64'].forEach((name) => delete DataView.prototype[name]);
};

// Libraries ask for Function('return this') to find the global object; nothing else is made
// from text.
const forbidCode = () => {
  const refuse = () => { throw new EvalError('code from strings is not available in message rules'); };
  const original = Function;
  const guarded = function Function(...args) {
    return args.length === 1 && args[0] === 'return this' ? () => globalThis : refuse();
  };
  Object.defineProperty(guarded, 'prototype', { value: original.prototype, writable: false });
  [function* () {}, async function () {}].forEach((sample) => put(Object.getPrototypeOf(sample), 'constructor', refuse));
  put(original.prototype, 'constructor', guarded);
  put(globalThis, 'Function', guarded);
  put(globalThis, 'eval', refuse);
};

// What Go makes for one evaluation is nobody's to freeze.
const keepObjects = () => ['freeze', 'preventExtensions', 'seal'].forEach((name) => put(Object, name, host.keeping(Object[name], name)));

capArrays();
capGrowth();
capJSON();
guardConstructors();
forbidBigIntegers();
forbidCode();
keepObjects();
