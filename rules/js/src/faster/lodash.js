// The functions of lodash that rules and models call most, without the layers that serve
// their rarer arguments; those still get lodash's own.
import { lodash } from '../libraries.js';
import host from '../host.js';
import { like } from '../prelude/define.js';

const { isArray } = Array;

// overArrays puts `fast` in the place of a function where it is given an array and a
// function, as it nearly always is.
const overArrays = (name, fast) => {
  const original = lodash[name];
  lodash[name] = like(function (collection, iteratee, extra) {
    return isArray(collection) && typeof iteratee === 'function' && extra === undefined ? fast(collection, iteratee) : original(collection, iteratee, extra);
  }, original);
};

overArrays('find', (list, holds) => {
  const { length } = list;
  for (let i = 0; i < length; i += 1) {
    if (holds(list[i], i, list)) return list[i];
  }
  return undefined;
});
overArrays('filter', (list, holds) => {
  const { length } = list;
  const found = [];
  for (let i = 0; i < length; i += 1) {
    const item = list[i];
    if (holds(item, i, list)) found.push(item);
  }
  return found;
});
overArrays('some', (list, holds) => {
  const { length } = list;
  for (let i = 0; i < length; i += 1) {
    if (holds(list[i], i, list)) return true;
  }
  return false;
});

// Sorting by one field or function, if what is compared is all dates or all numbers.
const { sortBy } = lodash;
const isField = /^\w+$/;
lodash.sortBy = like(function (list, by, ...more) {
  if (!isArray(list) || more.length) return sortBy(list, by, ...more);
  if (typeof by === 'string' && isField.test(by)) return host.sorted(list, by) || sortBy(list, by);
  if (typeof by !== 'function') return sortBy(list, by);
  const keys = [];
  for (let i = 0; i < list.length; i += 1) keys.push(by(list[i]));
  let next = 0;
  return host.sorted(list, keys) || sortBy(list, () => keys[next++]);
}, sortBy);

['isString', 'isNil', 'isEmpty'].forEach((name) => { lodash[name] = like(host[name](lodash[name]), lodash[name]); });
