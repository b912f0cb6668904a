// What a rule gets as `imports`. The libraries that few message rules use are loaded by the
// first rule that touches them: they cost half of a runtime's start.
import host from './host.js';
import { freezeAll } from './freeze.js';
import { rulesConfig } from './given.js';
import { lodash, moment } from './libraries.js';

const log = (...args) => console.log(...args);
['log', 'info', 'debug', 'warn', 'error', 'trace'].forEach((name) => { log[name] = log; });

const constant = (name, value) => ({ name, kind: 'const', from: name, constant: value });
const loaded = (name, load) => {
  let library;
  const convert = () => {
    if (library === undefined) {
      library = load();
      freezeAll(library);
    }
    return library;
  };
  return { name, kind: 'make', from: name, convert };
};

host.defineShape('imports', [
  loaded('rulesConfig', () => rulesConfig || require('./rules-config/index.js').rulesConfig),
  loaded('common', () => require('avni-health-modules/dist/health_modules/common.js').default),
  loaded('motherCalculations', () => require('avni-health-modules/dist/health_modules/mother/calculations.js')),
  constant('lodash', lodash),
  constant('moment', moment),
  constant('log', log),
]);

// newImports makes a fresh object for one evaluation, so that what a rule assigns to it is
// gone afterwards.
export default () => host.blank('imports');
