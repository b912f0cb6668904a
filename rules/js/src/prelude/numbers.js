// Number#toLocaleString as English prints it.
import { put } from './define.js';

const SYMBOLS = { INR: '₹', USD: '$', EUR: '€', GBP: '£' };

// decimal rounds half up on the decimal digits, as ICU does, to `places` digits.
const decimal = (n, places) => {
  const text = `${n}`.includes('e') ? n.toFixed(20) : `${n}`;
  const [whole, fraction = ''] = text.split('.');
  if (fraction.length <= places) return [whole, fraction];
  const digits = (whole + fraction.slice(0, places)).split('');
  if (fraction.charCodeAt(places) >= 53) {
    let i = digits.length - 1;
    while (i >= 0 && digits[i] === '9') digits[i--] = '0';
    if (i < 0) digits.unshift('1');
    else digits[i] = String.fromCharCode(digits[i].charCodeAt(0) + 1);
  }
  const cut = digits.length - places;
  return [digits.slice(0, cut).join(''), digits.slice(cut).join('')];
};

const places = (options) => {
  const usual = options.style === 'currency' ? 2 : 0;
  const min = options.minimumFractionDigits === undefined ? usual : options.minimumFractionDigits;
  let max = options.maximumFractionDigits;
  if (max === undefined) max = Math.max(min, options.style === 'currency' ? 2 : options.style === 'percent' ? 0 : 3);
  if (min > max) throw new RangeError('maximumFractionDigits value is out of range.');
  return { min, max };
};

const digitsOf = (n, options) => {
  const { min, max } = places(options);
  if (n === Infinity) return '∞';
  if (n >= 1e21) return `${n}`;
  let [whole, fraction] = decimal(n, max);
  fraction = fraction.padEnd(min, '0');
  while (fraction.length > min && fraction.endsWith('0')) fraction = fraction.slice(0, -1);
  if (options.minimumIntegerDigits) whole = whole.padStart(options.minimumIntegerDigits, '0');
  if (options.useGrouping !== false) whole = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  return fraction ? `${whole}.${fraction}` : whole;
};

// formatNumber prints n with the options of NumberFormat that rules use.
export const formatNumber = (n, given) => {
  const options = given || {};
  if (Number.isNaN(n)) return 'NaN';
  const negative = n < 0 || Object.is(n, -0);
  let text = digitsOf(Math.abs(options.style === 'percent' ? n * 100 : n), options);
  if (options.style === 'currency') text = (SYMBOLS[options.currency] || `${options.currency}\u00a0`) + text;
  if (options.style === 'percent') text += '%';
  return (negative ? '-' : '') + text;
};

export default () => {
  put(Number.prototype, 'toLocaleString', function (locale, options) { return formatNumber(Number(this), options); });
};
