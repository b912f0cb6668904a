// JSON.stringify that refuses what is nested too deeply: goja's own recurses in Go, where a
// stack that overflows ends the process.
import host from './host.js';

const MAX_DEPTH = 200;
const { stringify } = JSON;
const { get, set } = WeakMap.prototype;
const { apply } = Reflect;
const { isArray } = Array;

// chooser makes a function of JSON.stringify's second argument: a function, or the names of
// the fields to keep.
const chooser = (replacer) => {
  if (typeof replacer === 'function') return (holder, key, item) => apply(replacer, holder, [key, item]);
  const names = new Set(replacer.map(String));
  return (holder, key, item) => (key === '' || isArray(holder) || names.has(key) ? item : undefined);
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
