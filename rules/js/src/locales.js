// The locales of moment that a rule can ask for by name: those of South Asia, and of English. Each
// is loaded by the first rule that does, as rules-server's are. (The locales of elsewhere would add
// a third to the bundle.)
import { freezeAll } from './freeze.js';
import { moment } from './libraries.js';
import { complete, loading } from './locale.js';

const LOCALES = {
  bn: () => require('moment/locale/bn'),
  'bn-bd': () => require('moment/locale/bn-bd'),
  'en-au': () => require('moment/locale/en-au'),
  'en-ca': () => require('moment/locale/en-ca'),
  'en-gb': () => require('moment/locale/en-gb'),
  'en-ie': () => require('moment/locale/en-ie'),
  'en-il': () => require('moment/locale/en-il'),
  'en-in': () => require('moment/locale/en-in'),
  'en-nz': () => require('moment/locale/en-nz'),
  'en-sg': () => require('moment/locale/en-sg'),
  'gom-deva': () => require('moment/locale/gom-deva'),
  'gom-latn': () => require('moment/locale/gom-latn'),
  gu: () => require('moment/locale/gu'),
  hi: () => require('moment/locale/hi'),
  kn: () => require('moment/locale/kn'),
  ml: () => require('moment/locale/ml'),
  mr: () => require('moment/locale/mr'),
  ne: () => require('moment/locale/ne'),
  'pa-in': () => require('moment/locale/pa-in'),
  sd: () => require('moment/locale/sd'),
  si: () => require('moment/locale/si'),
  ta: () => require('moment/locale/ta'),
  te: () => require('moment/locale/te'),
  ur: () => require('moment/locale/ur'),
};

const { setLocaleLoader, localeData } = moment;
const { hasOwnProperty } = Object.prototype;
delete moment.setLocaleLoader;

// A locale that is loaded becomes moment's; moment then takes back the one before.
setLocaleLoader((path) => {
  const name = path.slice('./locale/'.length);
  if (!hasOwnProperty.call(LOCALES, name)) throw new Error(`the locale ${name} is not available in message rules`);
  loading(LOCALES[name]);
  freezeAll(complete(localeData()));
});
