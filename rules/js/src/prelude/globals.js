// Globals that rules-server's rules can name.
import host from '../host.js';
import { put, supply } from './define.js';

const SILENT = ['table', 'time', 'timeEnd', 'timeLog', 'group', 'groupEnd', 'groupCollapsed', 'dir', 'assert', 'count'];

const console = () => {
  const made = {};
  ['log', 'info', 'debug', 'warn', 'error', 'trace'].forEach((name) => { made[name] = host.print; });
  SILENT.forEach((name) => { made[name] = () => {}; });
  return made;
};

const groupBy = (items, keyOf) => {
  const groups = Object.create(null);
  let i = 0;
  for (const item of items) {
    const key = keyOf(item, i++);
    (groups[key] || (groups[key] = [])).push(item);
  }
  return groups;
};

export default () => {
  put(globalThis, 'console', console());
  put(globalThis, 'crypto', { getRandomValues: host.fillRandom });
  put(globalThis, 'global', globalThis);
  put(globalThis, 'process', {
    env: { TZ: host.zone }, platform: 'linux', version: 'v10.24.1', versions: {}, argv: [],
    nextTick: (run, ...args) => { Promise.resolve().then(() => run(...args)); },
  });
  put(globalThis, 'require', (name) => { throw new Error(`require('${name}') is not available in message rules; use imports`); });
  supply(Object, 'groupBy', groupBy);
  supply(globalThis, 'WeakRef', class WeakRef {
    constructor(target) { this.deref = () => target; }
  });
  supply(globalThis, 'FinalizationRegistry', class FinalizationRegistry {
    register() {}

    unregister() {}
  });
};
