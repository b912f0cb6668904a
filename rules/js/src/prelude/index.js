// Gives goja what it lacks of the Node.js in which Avni's rules run today. It comes before
// every library.
import globals from './globals.js';
import dates from './dates.js';
import numbers from './numbers.js';
import strings from './strings.js';
import intl from './intl.js';
import timers from './timers.js';

[globals, dates, numbers, strings, intl, timers].forEach((install) => install());
