// Runs one rule on one entity.
import { moment } from './libraries.js';
import newImports from './imports.js';
import stringify from './stringify.js';
import { entity, user, userGroups } from './entity/index.js';
import { hasChanged } from './locale.js';
import { clear } from './prelude/timers.js';

const { resolve, prototype: { then } } = Promise;
const { apply } = Reflect;

const isThenable = (answer) => answer !== null && typeof answer === 'object' && typeof answer.then === 'function';

// Without the arguments that callbacks are given.
const text = (answer) => stringify(answer);

const { locale } = moment;

// reset undoes what one evaluation may have left for the next in the same organisation, and
// says whether there is something that it cannot undo.
export const reset = () => {
  clear();
  if (locale() !== 'en') locale('en');
  return hasChanged();
};

// halt calls itself until it is stopped.
export const halt = () => halt() + 1;

// run calls the rule and gives its answer as JSON text, or a promise of that. undefined
// stands for an answer that has no JSON.
export const run = (rule, type, that, currentUser, groups) => {
  if (typeof rule !== 'function') {
    throw new TypeError(`the rule must be a function such as ({params, imports}) => ({…}), but it is ${rule === null ? 'null' : typeof rule}`);
  }
  const params = { entity: entity(type, that), user: user(currentUser), myUserGroups: userGroups(groups) };
  const answer = rule({ params, imports: newImports() });
  return isThenable(answer) ? apply(then, apply(resolve, Promise, [answer]), [text]) : text(answer);
};
