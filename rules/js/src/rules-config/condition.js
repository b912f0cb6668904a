// RuleCondition: `new RuleCondition({programEnrolment}).when.valueInEnrolment('Parity').is.greaterThan(1).matches()`.

import { facts } from './facts.js';
import { observationSources } from './observations.js';
import { plainTests, tests } from './tests.js';

// How a joining word combines what was true before it with the truth of everything after it.
const joins = {
  not: (before, after) => !after,
  and: (before, after) => after && before,
  or: (before, after) => after || before,
};

// Words that only make a condition read well.
const fillers = ['when', 'look', 'is'];

/**
 * A chain of steps, run by matches(). It is built by naming its members one after the other; each returns the condition.
 *
 * Joining words reach to the end of the chain, so they group from the right: `a.and.b.or.c` is `a and (b or c)`, and
 * `not.a.and.b` is `not (a and b)`. Every step always runs: there is no short circuit.
 *
 * The state is kept in the caller's context object itself, under `matches`, `valueToBeChecked` and `obsToBeChecked`.
 * Conditions over one context object (those of a VisitScheduleBuilder) therefore see each other's state; a condition
 * without a test repeats the answer of the one before. Avni's do, and rules have been written against it.
 */
export class RuleCondition {
  constructor(context) {
    this.context = Object.assign(context || {}, { matches: true });
    this.steps = [];
  }

  matches() {
    const { context } = this;
    const pending = [];
    for (const { run, join, args } of this.steps) {
      if (join) pending.push({ join, before: context.matches });
      else run(context, ...args);
    }
    while (pending.length > 0) {
      const { join, before } = pending.pop();
      context.matches = join(before, context.matches);
    }
    return context.matches;
  }

  /** Calls fn and returns its result if the condition matches, else returns undefined. */
  then(fn) {
    return this.matches() ? fn() : undefined;
  }
}

function define(name, descriptor) {
  Object.defineProperty(RuleCondition.prototype, name, Object.assign({ configurable: true }, descriptor));
}

function defineWord(name, step) {
  define(name, {
    get() {
      if (step) this.steps.push(step);
      return this;
    },
  });
}

function defineCall(name, run) {
  define(name, {
    writable: true,
    value(...args) {
      this.steps.push({ run, args });
      return this;
    },
  });
}

fillers.forEach((name) => defineWord(name));
Object.entries(joins).forEach(([name, join]) => defineWord(name, { join }));
[facts, plainTests].forEach((words) => (
  Object.entries(words).forEach(([name, run]) => defineWord(name, { run, args: [] }))));
[observationSources, tests].forEach((calls) => (
  Object.entries(calls).forEach(([name, run]) => defineCall(name, run))));
