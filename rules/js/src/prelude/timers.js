// Timers in virtual time: nothing waits. When a rule's promise is still pending after its
// call, the engine runs the timers in the order in which they are due.
import { put } from './define.js';

const timers = new Map();
let lastId = 0;
let now = 0;

const add = (run, delay, repeats) => {
  lastId += 1;
  const every = Math.max(1, Number(delay) || 0);
  timers.set(lastId, { run, due: now + every, every: repeats ? every : 0 });
  return lastId;
};

// step runs the timer that is due first, and tells whether there was one.
export const step = () => {
  let first;
  timers.forEach((timer, id) => {
    if (first === undefined || timer.due < timers.get(first).due) first = id;
  });
  if (first === undefined) return false;
  const timer = timers.get(first);
  now = timer.due;
  if (timer.every) timer.due += timer.every;
  else timers.delete(first);
  timer.run();
  return true;
};

// clear forgets the timers that an evaluation left behind.
export const clear = () => {
  if (timers.size) timers.clear();
};

export default () => {
  put(globalThis, 'setTimeout', (run, delay, ...args) => add(() => run(...args), delay, false));
  put(globalThis, 'setInterval', (run, delay, ...args) => add(() => run(...args), delay, true));
  put(globalThis, 'setImmediate', (run, ...args) => add(() => run(...args), 0, false));
  put(globalThis, 'queueMicrotask', (run) => { Promise.resolve().then(run); });
  ['clearTimeout', 'clearInterval', 'clearImmediate'].forEach((name) => put(globalThis, name, (id) => { timers.delete(id); }));
};
