// Natives that cannot be interrupted and whose result may be thousands of times as large as
// what they are given: they look at the sizes first.
import host from './host.js';
import { put } from './prelude/define.js';

export const MAX_LENGTH = 1e6; // items of an array
const MAX_ENTRIES = 1e5; // of a list
const MAX_DEPTH = 1000; // of arrays in arrays that flat makes one of
const MAX_TEXT = 16e6; // characters that one call may make
const MAX_QUADRATIC = 1e9; // the same where $` and its like repeat the text itself
const { apply } = Reflect;
const { isArray } = Array;

// A method definition, because a function made so is no constructor and has a name.
export const method = (name, body) => {
  'use strict'; // or else `this` is the global object where it is nothing

  return ({ [name](...args) { return body(this, args); } })[name];
};

export const checkLength = (length) => {
  if (length > MAX_LENGTH) throw new RangeError('Invalid array length');
};

// limit puts in the place of a native method one that looks at a length first: that of the
// argument at a position, or of `this` at -1.
export const limit = (object, name, position) => {
  put(object, name, host.limited(object[name], MAX_LENGTH, checkLength, position, name));
};

const checkText = (length) => {
  if (length > MAX_TEXT) throw new RangeError('Invalid string length');
};

// wrap puts in the place of a method one that runs check(this, arguments) first, which may
// change the arguments and return another `this`.
const wrap = (object, name, check) => {
  const original = object[name];
  if (!original) return;
  put(object, name, method(typeof name === 'symbol' ? `[${name.description}]` : name, (self, args) => {
    const other = check(self, args);
    return apply(original, other === undefined ? self : other, args);
  }));
};

// A text in a template would be copied.
const toText = (item) => (typeof item === 'string' ? item : `${item}`);

// textOf is what a method makes of `this`; none at all of nothing, which the method refuses.
const textOf = (self) => (self === null || self === undefined ? self : toText(self));

// listOf is what concat adds to an array for one of its arguments. What an object says of
// itself is asked once.
const listOf = (item) => {
  if (item === null || typeof item !== 'object') return item;
  const spreadable = item[Symbol.isConcatSpreadable];
  return (spreadable === undefined ? isArray(item) : spreadable) ? host.listOf(item, checkLength, MAX_LENGTH) : [item];
};

const lengthOf = (list) => (isArray(list) ? list.length : 1);

// checkFlat counts what flat would copy, without recursion. An array in an array counts for
// ten items, because counting them takes time as well.
const checkFlat = (list, depth) => {
  const open = [{ list, depth }];
  let length = 0;
  while (open.length) {
    const next = open.pop();
    length += next.list.length + 10;
    checkLength(length);
    for (let i = 0; next.depth > 0 && i < next.list.length; i += 1) {
      if (isArray(next.list[i])) open.push({ list: next.list[i], depth: next.depth - 1 });
    }
  }
};

const joiner = (name, textOfItem) => host.joiner(name, textOfItem, checkText, MAX_TEXT);

const capArrays = () => {
  const typed = Object.getPrototypeOf(Uint8Array.prototype);
  [Array.prototype, typed].forEach((proto) => {
    put(proto, 'join', joiner('join'));
    put(proto, 'toLocaleString', joiner('toLocaleString', (item) => item.toLocaleString()));
  });
  wrap(Array.prototype, 'flat', (self, args) => {
    args[0] = args[0] === undefined ? 1 : Math.min(args[0], MAX_DEPTH);
    if (isArray(self)) checkFlat(self, args[0]);
  });
  wrap(Array.prototype, 'concat', (self, args) => {
    args.forEach((item, i) => { args[i] = listOf(item); });
    const first = listOf(self);
    checkLength(args.reduce((length, item) => length + lengthOf(item), lengthOf(first)));
    return first;
  });
};

// Each entry is an array of its own.
const capEntries = () => ['entries', 'getOwnPropertyDescriptors'].forEach((name) => wrap(Object, name, (self, [list]) => {
  if ((isArray(list) || ArrayBuffer.isView(list) || typeof list === 'string') && list.length > MAX_ENTRIES) checkLength(Infinity);
}));

// checkReplacement takes every character for a match.
const checkReplacement = (text, args) => {
  if (typeof args[1] === 'function') return;
  args[1] = toText(args[1]);
  const { length } = args[1];
  const most = text.length * length;
  if (most > MAX_TEXT || (args[1].includes('$') && most * text.length > MAX_QUADRATIC)) throw new RangeError('Invalid string length');
};

// checkMatching looks at the text in which all matches are looked for.
const checkMatching = (text) => {
  if (text.length > MAX_LENGTH) throw new RangeError('Invalid string length');
};

const capStrings = () => {
  const proto = String.prototype;
  wrap(proto, 'concat', (self, args) => {
    const text = textOf(self);
    let { length } = toText(text);
    args.forEach((item, i) => {
      args[i] = toText(item);
      length += args[i].length;
      checkText(length);
    });
    return text;
  });
  ['replace', 'replaceAll'].forEach((name) => wrap(proto, name, (self, args) => {
    const text = textOf(self);
    checkReplacement(toText(text), args);
    return text;
  }));
  wrap(RegExp.prototype, Symbol.replace, (self, args) => {
    args[0] = toText(args[0]);
    checkMatching(args[0]);
    checkReplacement(args[0], args);
  });
  [Symbol.match, Symbol.matchAll, Symbol.split].forEach((name) => wrap(RegExp.prototype, name, (self, args) => {
    args[0] = toText(args[0]);
    checkMatching(args[0]);
  }));
  ['split', Symbol.iterator].forEach((name) => wrap(proto, name, (self) => {
    const text = textOf(self);
    checkMatching(toText(text));
    return text;
  }));
  ['repeat', 'padStart', 'padEnd'].forEach((name) => {
    const original = proto[name];
    put(proto, name, method(name, (self, args) => {
      const text = textOf(self);
      const count = Number(args[0]);
      if ((name === 'repeat' ? toText(text).length * count : count) > MAX_LENGTH) throw new RangeError('Invalid string length');
      return apply(original, text, [count, args[1]]);
    }));
  });
  const { raw } = String;
  put(String, 'raw', method('raw', (self, [strings, ...items]) => {
    const parts = host.listOf(strings.raw, checkLength, MAX_LENGTH).map(String);
    const texts = items.slice(0, parts.length).map(String);
    checkText(parts.concat(texts).reduce((length, text) => length + text.length, 0));
    return raw({ raw: parts }, ...texts);
  }));
};

// Lists of arguments are copied before anything is called.
const capArguments = () => {
  limit(Function.prototype, 'apply', 1);
  limit(Reflect, 'apply', 2);
  limit(Reflect, 'construct', 1);
};

// Spreading and the like call these again and again, and generators call each other, with
// nothing between them that could be interrupted.
const guardIterators = () => {
  const iterators = [[][Symbol.iterator](), ''[Symbol.iterator](), new Map()[Symbol.iterator](), new Set()[Symbol.iterator](), 'x'.matchAll(/x/g)];
  iterators.map(Object.getPrototypeOf).concat(Object.getPrototypeOf(function* () {}).prototype)
    .forEach((proto) => ['next', 'return', 'throw'].forEach((name) => {
      if (proto[name]) put(proto, name, host.interruptible(proto[name], name));
    }));
};

export default () => {
  capArrays();
  capEntries();
  capStrings();
  capArguments();
  guardIterators();
};
