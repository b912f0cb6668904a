// What moment keeps to itself and rules can change: its locales and thresholds. A rule that
// does so has its way, and its runtime ends with it.
import { method } from './growth.js';
import { moment } from './libraries.js';

const { apply } = Reflect;
let changed = false;
let isLoading = false;

// loading loads a locale as it is, which changes nothing for the next rule.
export const loading = (load) => {
  isLoading = true;
  try {
    load();
  } finally {
    isLoading = false;
  }
};

// hasChanged says whether a rule has changed something since it was asked last.
export const hasChanged = () => {
  const had = changed;
  changed = false;
  return had;
};

const watch = (name, changes) => {
  const original = moment[name];
  moment[name] = method(name, (self, args) => {
    changed = changed || (!isLoading && changes(args));
    return apply(original, self, args);
  });
};

['defineLocale', 'updateLocale'].forEach((name) => watch(name, () => true));
['locale', 'lang', 'relativeTimeThreshold'].forEach((name) => watch(name, (args) => args[1] !== undefined));
watch('relativeTimeRounding', (args) => args[0] !== undefined);

// complete lets a locale find out what it does when it is first asked, so that it can be
// frozen.
export const complete = (locale) => {
  [true, false].forEach((strict) => {
    ['MMM', 'MMMM'].forEach((format) => locale.monthsParse('-', format, strict));
    ['dd', 'ddd', 'dddd'].forEach((format) => locale.weekdaysParse('-', format, strict));
    [
      'monthsRegex', 'monthsShortRegex', 'weekdaysRegex', 'weekdaysShortRegex', 'weekdaysMinRegex', 'erasNameRegex', 'erasAbbrRegex',
      'erasNarrowRegex',
    ].forEach((name) => locale[name](strict));
  });
  ['l', 'll', 'lll', 'llll'].forEach((name) => locale.longDateFormat(name));
  return locale;
};
