// String#localeCompare with its options, and what newer language versions have.
import { put, supply } from './define.js';

const plain = String.prototype.localeCompare;
const unaccented = (text) => text.normalize('NFD').replace(/[\u0300-\u036f]/g, '');

const compareNumeric = (a, b) => {
  const left = a.split(/(\d+)/);
  const right = b.split(/(\d+)/);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const order = i % 2 ? Number(left[i]) - Number(right[i]) : plain.call(left[i], right[i]);
    if (order) return order < 0 ? -1 : 1;
  }
  return Math.sign(left.length - right.length);
};

// compare orders two strings as localeCompare or a Collator with these options does.
export const compare = (a, b, options) => {
  let left = `${a}`;
  let right = `${b}`;
  const { sensitivity, numeric } = options || {};
  if (sensitivity === 'base' || sensitivity === 'accent') { left = left.toLowerCase(); right = right.toLowerCase(); }
  if (sensitivity === 'base' || sensitivity === 'case') { left = unaccented(left); right = unaccented(right); }
  return numeric ? compareNumeric(left, right) : plain.call(left, right);
};

export default () => {
  put(String.prototype, 'localeCompare', function (that, locale, options) { return compare(this, that, options); });
  supply(String.prototype, 'isWellFormed', function () {
    return !/[\ud800-\udbff](?![\udc00-\udfff])|(?:[^\ud800-\udbff]|^)[\udc00-\udfff]/.test(`${this}`);
  });
};
