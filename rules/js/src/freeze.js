// Freezes what rules share: the language's own objects, libraries and models. A rule that
// changes them all the same fails, and is run again where they are not frozen, in a runtime
// of its own (rules/engine.go).
import host from './host.js';
import { givenParts } from './given.js';
import { lodash, moment } from './libraries.js';
import { complete } from './locale.js';
import { method } from './growth.js';
import { like, put } from './prelude/define.js';

const { defineProperty, getOwnPropertyDescriptor } = Object;
const { apply } = Reflect;

// unshadow lets objects have a member of their own in the place of one that they inherit
// from a frozen object, which the language refuses.
const unshadow = (object, name) => {
  const { value, enumerable } = getOwnPropertyDescriptor(object, name);
  const set = function (own) {
    if (this === object) throw new TypeError(`Cannot assign to read only property '${name}'`);
    defineProperty(this, name, { value: own, writable: true, enumerable: true, configurable: true });
  };
  defineProperty(object, name, { get: host.constantly(value), set, enumerable, configurable: true });
};

// freezeAll freezes objects and all that they lead to, and what the CommonJS modules give that
// have been loaded since (build/patch.go keeps a list).
export const freezeAll = (...roots) => {
  if (host.frozen) host.freeze([...roots, ...__loaded.splice(0).map((module) => module.exports)]);
};

const ERRORS = [EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError];

// Objects that no name leads to.
const unnamed = () => [
  function* () {}, async function () {}, (function* () {})(), [][Symbol.iterator](), ''[Symbol.iterator](), new Map()[Symbol.iterator](),
  new Set()[Symbol.iterator](), ''.matchAll(/x/g), lodash([]), lodash([]).map(), lodash([]).map().__wrapped__, lodash.memoize(() => {}).cache,
  moment(), moment.duration(), complete(moment.localeData('en')),
];

// A rule must not keep to itself that a change was refused: then it is run again where it is not.
// Catch clauses show what they have caught (rules/compile_catch.go); these are the other ways.
const watchRefusals = () => {
  ['set', 'defineProperty', 'deleteProperty', 'setPrototypeOf'].forEach((name) => put(Reflect, name, host.noting(Reflect[name], name)));
  const { then } = Promise.prototype;
  put(Promise.prototype, 'then', method('then', (self, [resolved, rejected]) => apply(then, self, [
    resolved, typeof rejected === 'function' ? (reason) => { host.showCaught(reason); return rejected(reason); } : rejected,
  ])));
  const { attempt } = lodash;
  lodash.attempt = like((...args) => {
    const result = attempt(...args);
    host.showCaught(result);
    return result;
  }, attempt);
};

// freezeWorld freezes all that there is.
export const freezeWorld = () => {
  put(globalThis, host.caught, host.showCaught);
  if (!host.frozen) return;
  watchRefusals();
  ['constructor', 'hasOwnProperty', 'isPrototypeOf', 'propertyIsEnumerable', 'toLocaleString', 'toString', 'valueOf']
    .forEach((name) => unshadow(Object.prototype, name));
  ['constructor', 'message', 'name', 'toString'].forEach((name) => unshadow(Error.prototype, name));
  ERRORS.forEach(({ prototype }) => ['constructor', 'message', 'name'].forEach((name) => unshadow(prototype, name)));
  const { prototype: locales } = moment.localeData().constructor;
  Object.keys(locales).forEach((name) => unshadow(locales, name));
  freezeAll(globalThis, ...unnamed(), ...givenParts());
  __late = () => freezeAll(); // what is loaded from now on
};
