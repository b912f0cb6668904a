// The part of Intl that formats dates and numbers and compares strings, in English.
import host from '../host.js';
import { checkZone, fields, formatDate } from './dates.js';
import { formatNumber } from './numbers.js';
import { compare } from './strings.js';
import { put } from './define.js';

// Intl's constructors work with and without `new`.
const constructor = (make) => {
  const build = function (locale, options) { return make(options); };
  build.supportedLocalesOf = () => ['en-US'];
  return build;
};

const dateTimeFormat = (options) => {
  checkZone(options);
  const chosen = fields(options, 'any', 'date');
  return {
    format: (date) => formatDate(date === undefined ? new Date() : new Date(date), chosen),
    resolvedOptions: () => ({ locale: 'en-US', calendar: 'gregory', numberingSystem: 'latn', timeZone: chosen.timeZone || host.zone }),
  };
};

const numberFormat = (options) => ({
  format: (n) => formatNumber(Number(n), options),
  resolvedOptions: () => Object.assign({ locale: 'en-US', numberingSystem: 'latn' }, options),
});

const collator = (options) => ({ compare: (a, b) => compare(a, b, options) });

export default () => {
  if (typeof Intl !== 'undefined') return;
  put(globalThis, 'Intl', {
    DateTimeFormat: constructor(dateTimeFormat),
    NumberFormat: constructor(numberFormat),
    Collator: constructor(collator),
    getCanonicalLocales: (locales) => [].concat(locales || []),
  });
};
