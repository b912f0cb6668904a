// The ways in which rules make, move and print a moment most often, without the layers that
// serve the rarer ones; those still get moment's own.
import { moment } from '../libraries.js';
import host from '../host.js';
import { like } from '../prelude/define.js';

// A function, so that none of these names takes one from moment.
const install = () => {
  const { fn, createLocal, setHookCallback, updateOffset, localeData, momentProperties } = moment;
  const { constructor: Moment, add, subtract, format, month } = fn;
  const { create } = Object;
  const { isSafeInteger } = Number;
  const english = localeData('en');
  delete moment.createLocal;
  delete moment.setHookCallback;

  // What moment knows about a date that it did not have to parse: nothing, and empty lists.
  const flags = createLocal(new Date(0))._pf;
  const nothing = () => [];
  host.defineShape('parsingFlags', Object.keys(flags).map((name) => (
    Array.isArray(flags[name]) ? { name, kind: 'make', from: name, convert: nothing } : { name, kind: 'const', from: name, constant: flags[name] })));

  // Rules may change moment's hooks; then nothing here is certain.
  const isUsual = () => moment.updateOffset === updateOffset && momentProperties.length === 0;

  setHookCallback((input, layout, locale, strict) => {
    if (input instanceof Date && layout === undefined && locale === undefined && strict === undefined && isUsual()) {
      const made = host.momentOf(input, fn, localeData());
      if (made !== undefined) return made;
    }
    return createLocal(input, layout, locale, strict);
  });

  fn.isValid = like(host.isValid(fn.isValid), fn.isValid);

  // Whole numbers of these units are added to the date itself, or are so many milliseconds.
  const DAYS = { d: 1, day: 1, days: 1, w: 7, week: 7, weeks: 7 };
  const MONTHS = { M: 1, month: 1, months: 1, y: 12, year: 12, years: 12 };
  const MILLISECONDS = { m: 6e4, minute: 6e4, minutes: 6e4, h: 36e5, hour: 36e5, hours: 36e5, s: 1e3, second: 1e3, seconds: 1e3 };
  const STEPS = create(null);
  const define = (units, step) => Object.keys(units).forEach((unit) => { STEPS[unit] = (made, n) => step(made, n * units[unit]); });
  define(DAYS, ({ _d, _isUTC }, n) => (_isUTC ? _d.setUTCDate(_d.getUTCDate() + n) : _d.setDate(_d.getDate() + n)));
  define(MONTHS, (made, n) => month.call(made, (made._isUTC ? made._d.getUTCMonth() : made._d.getMonth()) + n));
  define(MILLISECONDS, ({ _d }, n) => _d.setTime(_d.getTime() + n));

  const mover = (original, direction) => like({ moved(amount, unit) {
    const step = typeof unit === 'string' ? STEPS[unit] : undefined;
    if (step === undefined || !isSafeInteger(amount) || !(this instanceof Moment) || this._isValid !== true || !isUsual()) {
      return original.call(this, amount, unit);
    }
    if (amount !== 0) step(this, amount * direction);
    return this;
  } }.moved, original);

  fn.add = mover(add, 1);
  fn.subtract = mover(subtract, -1);

  fn.format = like({ format(pattern) {
    if (typeof pattern === 'string' && pattern !== '' && this._isUTC === false && this._locale === english && this._isValid === true) {
      const text = host.formatDate(this._d, pattern);
      if (text !== undefined) return text;
    }
    return format.call(this, pattern);
  } }.format, format);
};

install();
