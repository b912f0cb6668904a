// JSON.stringify that refuses what is nested too deeply: goja's own recurses in Go, where a
// stack that overflows ends the process.
import host from './host.js';

const MAX_DEPTH = 200;
const { stringify } = JSON;
const { get, set } = WeakMap.prototype;
const { apply } = Reflect;
const { isArray } = Array;
const { create } = Object;

const isName = (name) => typeof name === 'string' || typeof name === 'number' || name instanceof String || name instanceof Number;

// picker makes of an object one with the fields of some names, in the order of these.
const picker = (list) => {
  const names = new Set(list.filter(isName).map(String));
  return (item) => {
    if (item === null || typeof item !== 'object' || isArray(item) || isName(item) || item instanceof Boolean) return item;
    const picked = create(null);
    names.forEach((name) => { picked[name] = item[name]; });
    return picked;
  };
};

// chooser makes a function of JSON.stringify's second argument: a function, or the names of
// the fields to keep.
const chooser = (replacer) => {
  if (typeof replacer === 'function') return (holder, key, item) => apply(replacer, holder, [key, item]);
  const pick = picker(replacer);
  return (holder, key, item) => pick(item);
};

const tooDeep = () => { throw new RangeError(`the object is nested more than ${MAX_DEPTH} levels deep`); };
const plain = host.stringifier(stringify, MAX_DEPTH, tooDeep);

export default (value, replacer, space) => {
  if (typeof replacer !== 'function' && !isArray(replacer)) return plain(value, space);
  const depths = new WeakMap();
  const choose = chooser(replacer);
  const check = function (key, item) {
    const chosen = choose(this, key, item);
    if (chosen === null || typeof chosen !== 'object') return chosen;
    const depth = (apply(get, depths, [this]) || 0) + 1;
    if (depth > MAX_DEPTH) tooDeep();
    apply(set, depths, [chosen, depth]);
    return chosen;
  };
  return stringify(value, check, space);
};
