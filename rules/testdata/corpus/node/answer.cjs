// Answers the rules of the corpus in this process's time zone, as JSON on the output.

const fs = require('fs');
const path = require('path');

const shapes = {};

// model makes eagerly what Go makes on demand: the object inside an openchs-models instance.
const model = (shapeName, record, owners = []) => {
  const made = {};
  const mine = [{ shapeName, made }, ...owners];
  const one = (shape, value) => (value && typeof value === 'object' ? model(shape, value, mine) : null);
  const owner = (shape) => (mine.slice(1).find((other) => other.shapeName === shape) || { made: null }).made;
  const many = (shape, value) => (value || []).filter((item) => item && (shape !== 'observation' || item.concept)).map((item) => one(shape, item));
  shapes[shapeName].forEach((field) => {
    const given = record[field.from];
    const value = {
      copy: () => given,
      date: () => (given === null || given === undefined ? null : new Date(given)),
      one: () => one(field.shape, given),
      owner: () => one(field.shape, given) || owner(field.shape),
      many: () => many(field.shape, given),
      make: () => field.convert(given, made),
    }[field.kind]();
    const enumerable = !field.hidden && (field.kind !== 'owner' || Boolean(given));
    Object.defineProperty(made, field.name, { value, enumerable, writable: true, configurable: true });
  });
  return made;
};

// stopClock makes Date answer a fixed time where it would answer the present.
const stopClock = () => {
  const Real = Date;
  const clock = { now: 0 };
  globalThis.Date = new Proxy(Real, {
    construct: (target, args, newTarget) => Reflect.construct(target, args.length ? args : [clock.now], newTarget),
    apply: () => new Real(clock.now).toString(),
    get: (target, name) => (name === 'now' ? () => clock.now : Reflect.get(target, name)),
  });
  Real.prototype.constructor = globalThis.Date;
  return clock;
};

// Strict, as rules-server's; whatever declares something ends with the call.
const evaluate = new Function('rule', '"use strict"; return eval(rule)');

const SHAPES = {
  Subject: 'subject', ProgramEnrolment: 'enrolment', Encounter: 'encounter', ProgramEncounter: 'programEncounter', User: 'user',
};

const paramsOf = ({ entityType, entity, currentUser, myUserGroups }, { models }) => ({
  entity: new models[entityType](model(SHAPES[entityType], entity)),
  user: new models.User(model('user', currentUser)),
  myUserGroups: myUserGroups.map((group) => new models.MyGroups(model('userGroup', group))),
});

const importsOf = ({ rulesConfig, common, motherCalculations, lodash, moment }) => ({
  rulesConfig, common, motherCalculations, lodash, moment, log: () => {},
});

const answerOf = async (test, body, lib) => {
  try {
    const rule = evaluate(test.rule.replace(/"use strict";|'use strict';/gi, ''));
    return `${JSON.stringify(await rule({ params: paramsOf(body, lib), imports: importsOf(lib) }))}`;
  } catch (error) {
    return `throws ${error instanceof Error ? error.name : JSON.stringify(error)}`;
  }
};

module.exports = async (folder, library, tests) => {
  const clock = stopClock();
  globalThis.__host = { defineShape: (name, fields) => { shapes[name] = fields; }, model };
  const lib = require(library);
  Object.assign(globalThis, { _: lib.lodash, moment: lib.moment });
  Object.keys(console).forEach((name) => { console[name] = () => {}; });
  const concepts = JSON.parse(fs.readFileSync(path.join(folder, 'concepts.json'), 'utf8'));
  const named = (key, value) => (key === 'concept' && typeof value === 'string' ? concepts[value] : value);
  const answers = [];
  for (const test of tests) {
    const body = JSON.parse(fs.readFileSync(path.join(folder, 'entities', `${test.head.on}.json`), 'utf8'), named);
    clock.now = Date.parse(test.head.now || '2024-05-01T10:00:00Z');
    lib.moment.locale('en');
    answers.push(await answerOf(test, body, lib));
  }
  process.stdout.write(JSON.stringify(answers));
};
