// The JavaScript that message rules run on: libraries, Avni's models, and the entry points
// that Go calls (rules/runtime.go).
import host from './host.js';
import './prelude/index.js';
import './harden.js';
import { lodash, moment } from './libraries.js';
import { step } from './prelude/timers.js';
import { put } from './prelude/define.js';
import { halt, reset, run } from './run.js';
import './faster/lodash.js';
import './faster/moment.js';
import './faster/models.js';
import './locales.js';
import { freezeWorld } from './freeze.js';

put(globalThis, '_', lodash);
put(globalThis, 'moment', moment);
freezeWorld();
host.ready(run, step, reset, halt);
