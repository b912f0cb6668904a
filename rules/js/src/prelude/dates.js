// Dates as Avni's production (Node 10, English only) prints them, whatever locale is asked for.
import host from '../host.js';
import { put, supply } from './define.js';

const MONTHS = ['January', 'February', 'March', 'April', 'May', 'June', 'July', 'August', 'September', 'October', 'November', 'December'];
const WEEKDAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const DATE_FIELDS = ['weekday', 'year', 'month', 'day'];
const TIME_FIELDS = ['hour', 'minute', 'second'];

const two = (n) => (n < 10 ? `0${n}` : `${n}`);
const sized = (n, size) => (size === '2-digit' ? two(n % 100) : `${n}`);
const named = (word, size) => (size === 'long' ? word : size === 'narrow' ? word[0] : word.slice(0, 3));

// fields turns the options of toLocaleString or DateTimeFormat into the fields to print.
// asked: which fields count as chosen by the caller; missing: what is printed if none is.
export const fields = (options, asked, missing) => {
  const chosen = Object.assign({}, options);
  if (chosen.dateStyle || chosen.timeStyle) return styled(chosen);
  const count = (names) => names.some((name) => chosen[name] !== undefined);
  const any = (asked !== 'time' && count(DATE_FIELDS)) || (asked !== 'date' && count(TIME_FIELDS));
  if (any) return chosen;
  if (missing !== 'time') chosen.year = chosen.month = chosen.day = 'numeric';
  if (missing !== 'date') chosen.hour = chosen.minute = chosen.second = 'numeric';
  return chosen;
};

const styled = (chosen) => {
  const { dateStyle, timeStyle } = chosen;
  if (dateStyle) {
    chosen.year = dateStyle === 'short' ? '2-digit' : 'numeric';
    chosen.month = { short: 'numeric', medium: 'short' }[dateStyle] || 'long';
    chosen.day = 'numeric';
    if (dateStyle === 'full') chosen.weekday = 'long';
  }
  if (timeStyle) {
    chosen.hour = 'numeric';
    chosen.minute = '2-digit';
    if (timeStyle !== 'short') chosen.second = '2-digit';
  }
  return chosen;
};

const datePart = (at, f) => {
  const day = f.day === undefined ? '' : sized(at.day, f.day);
  const year = f.year === undefined ? '' : sized(at.year, f.year);
  const weekday = f.weekday === undefined ? '' : named(WEEKDAYS[at.weekday], f.weekday);
  let text;
  if (f.month === undefined) text = [day, year].filter(Boolean).join(' ');
  else if (f.month === 'numeric' || f.month === '2-digit') text = [sized(at.month, f.month), day, year].filter(Boolean).join('/');
  else {
    text = named(MONTHS[at.month - 1], f.month) + (day && ` ${day}`);
    if (year) text += (day ? ', ' : ' ') + year;
  }
  if (!weekday) return text;
  if (!text) return weekday;
  return f.month === undefined ? `${text} ${weekday}` : `${weekday}, ${text}`;
};

const timePart = (at, f) => {
  if (TIME_FIELDS.every((name) => f[name] === undefined)) return '';
  const twelve = f.hour12 !== undefined ? Boolean(f.hour12) : f.hourCycle !== 'h23' && f.hourCycle !== 'h24';
  const parts = [];
  if (f.hour !== undefined) {
    const hour = twelve ? at.hour % 12 || 12 : at.hour;
    parts.push(f.hour === '2-digit' || !twelve ? two(hour) : `${hour}`);
  }
  if (f.minute !== undefined) parts.push(f.hour === undefined && f.second === undefined ? `${at.minute}` : two(at.minute));
  if (f.second !== undefined) parts.push(parts.length ? two(at.second) : `${at.second}`);
  return parts.join(':') + (f.hour !== undefined && twelve ? (at.hour < 12 ? ' AM' : ' PM') : '');
};

// formatDate prints a Date with the fields that `fields` chose.
export const formatDate = (date, f) => {
  const time = date.getTime();
  if (Number.isNaN(time)) return 'Invalid Date';
  const [year, month, day, weekday, hour, minute, second] = host.localParts(time, f.timeZone === undefined ? '' : `${f.timeZone}`);
  const at = { year, month, day, weekday, hour, minute, second };
  return [datePart(at, f), timePart(at, f)].filter(Boolean).join(', ');
};

// checkZone throws as the language does for a time zone that does not exist.
export const checkZone = (options) => {
  if (options && options.timeZone !== undefined && !host.zoneExists(`${options.timeZone}`)) {
    throw new RangeError(`Invalid time zone specified: ${options.timeZone}`);
  }
};

const proto = Date.prototype;
const longZone = (text) => text.replace(/\(([^)]*)\)$/, (whole, short) => `(${host.zoneLongName(short)})`);
const { toString, toTimeString } = proto;

export default () => {
  put(proto, 'toString', function () { return longZone(toString.call(this)); });
  put(proto, 'toTimeString', function () { return longZone(toTimeString.call(this)); });
  put(proto, 'toLocaleDateString', function (locale, options) { checkZone(options); return formatDate(this, fields(options, 'date', 'date')); });
  put(proto, 'toLocaleTimeString', function (locale, options) { checkZone(options); return formatDate(this, fields(options, 'time', 'time')); });
  put(proto, 'toLocaleString', function (locale, options) { checkZone(options); return formatDate(this, fields(options, 'any', 'all')); });
  supply(proto, 'getYear', function () { return this.getFullYear() - 1900; });
  supply(proto, 'setYear', function (year) {
    const n = Number(year);
    return this.setFullYear(n >= 0 && n <= 99 ? n + 1900 : n);
  });
  supply(proto, 'toGMTString', proto.toUTCString);
};
