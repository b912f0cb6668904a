// The build of Avni's rules-config that the operator wants instead of ours, if there is one
// (MESSENGER_RULES_CONFIG). It is loaded with every runtime, before anything is frozen.
import host from './host.js';
import { lodash, moment } from './libraries.js';

const NEEDED = ['RuleCondition', 'VisitScheduleBuilder'];
const LIBRARIES = { lodash, moment };

const wrong = (problem) => Object.assign(new Error(problem), { name: 'RulesConfigError' });

const require = (name) => {
  if (!LIBRARIES[name]) throw new Error(`it requires '${name}'; only lodash and moment can be had here, so that a build with everything in it is needed`);
  return LIBRARIES[name];
};

const load = (run) => {
  const module = { exports: {} };
  try {
    run.call(module.exports, module, module.exports, require);
  } catch (error) {
    throw wrong(`rules-config fails when it is loaded: ${error}`);
  }
  const { exports } = module;
  const missing = NEEDED.filter((name) => !exports || typeof exports[name] !== 'function');
  if (missing.length) throw wrong(`rules-config does not export ${missing.join(' and ')}: give a build of Avni's rules-config`);
  return exports;
};

export const rulesConfig = host.rulesConfig && load(host.rulesConfig);

// parts are what is behind the getters of a module, and of modules in it, which freezing does not
// look behind.
const parts = (module, seen) => {
  if (module === null || typeof module !== 'object' || seen.includes(module)) return seen;
  seen.push(module);
  Object.keys(module).forEach((name) => {
    const { get } = Object.getOwnPropertyDescriptor(module, name);
    if (!get) return;
    const value = module[name];
    if (typeof value === 'function') seen.push(value);
    else parts(value, seen);
  });
  return seen;
};

export const givenParts = () => (rulesConfig ? parts(rulesConfig, []) : []);
