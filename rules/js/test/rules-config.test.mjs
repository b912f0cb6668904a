// rulesConfig under Node: `node --test test/rules-config.test.mjs` in rules/js.

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RuleCondition, VisitScheduleBuilder, rulesConfig } from '../src/rules-config/index.js';
import cases from './rules-config/cases.mjs';
import {
  date, encounter, enrolment, subject, visit,
} from './rules-config/fixtures.mjs';

Object.entries(cases).forEach(([area, rows]) => describe(area, () => {
  rows.forEach(([what, context, rule, expected]) => it(what, () => {
    const run = () => rule(new RuleCondition(context()).when);
    if (expected === Error) assert.throws(run, { name: 'Error' });
    else assert.deepEqual(run(), expected);
  }));
}));

describe('VisitScheduleBuilder', () => {
  const anc = (changes) => Object.assign({
    name: 'ANC', encounterType: 'ANC', earliestDate: date('2023-06-01'), maxDate: date('2023-06-10'),
  }, changes);
  const home = () => ({
    name: 'Home', encounterType: 'Home', earliestDate: date('2023-06-20'), maxDate: date('2023-06-25'),
  });
  const builder = (context = { programEnrolment: enrolment() }) => new VisitScheduleBuilder(context);
  const titles = (visits) => visits.map(({ name }) => name);

  it('returns the visits whose conditions match, in order', () => {
    const visits = builder({ programEncounter: visit() });
    visits.add(home()).when.valueInEncounter('Weight').is.greaterThan(50);
    visits.add(anc({ name: 'never' })).whenItem(true).equals(false);
    visits.add(anc()).whenItem(true).is.truthy;
    assert.deepEqual(visits.getAll(), [home(), anc()]);
    assert.deepEqual(titles(visits.getAll()), ['Home', 'ANC']);
  });

  it('lets a visit without a test repeat the answer before it', () => {
    const visits = builder();
    visits.add(anc());
    visits.add(home()).whenItem(1).equals(2);
    visits.add(anc({ name: 'last' }));
    assert.deepEqual(titles(visits.getAll()), ['ANC']);
  });

  it('puts an item to the visit added last', () => {
    const visits = builder();
    visits.add(anc());
    visits.whenItem(1).equals(1);
    visits.add(home());
    visits.whenItem(1).equals(2);
    assert.deepEqual(titles(visits.getAll()), ['ANC']);
    assert.throws(() => builder().whenItem(1), /call add\(schedule\) first/);
  });

  it('keeps one visit of each kind, with the dates and the name of the last', () => {
    const visits = builder();
    visits.add(anc());
    visits.add(home());
    visits.add(anc({ name: 'ANC 2', earliestDate: date('2023-07-01'), maxDate: date('2023-07-10') }));
    assert.deepEqual(visits.getAllUnique('encounterType'), [
      anc({ name: 'ANC 2', earliestDate: date('2023-07-01'), maxDate: date('2023-07-10') }), home(),
    ]);
    assert.equal(visits.getAllUnique('name').length, 3);
  });

  it('keeps the visit that exists already', () => {
    const visits = builder();
    visits.add(anc({ uuid: 'known', note: 'kept' }));
    visits.add(anc({ name: 'ANC 2', maxDate: undefined, note: 'new', extra: 1 }));
    assert.deepEqual(visits.getAllUnique('encounterType'), [{
      uuid: 'known',
      note: 'kept',
      extra: 1,
      name: 'ANC 2',
      encounterType: 'ANC',
      earliestDate: date('2023-06-01'),
      maxDate: undefined,
    }]);
  });

  it('does not change visits that do not exist yet', () => {
    const visits = builder();
    const [first, second] = [anc(), anc({ name: 'ANC 2' })];
    visits.add(first);
    visits.add(second);
    visits.getAllUnique('encounterType')[0].name = 'changed';
    assert.deepEqual([first, second], [anc(), anc({ name: 'ANC 2' })]);
  });

  it('leaves out what is scheduled for that day', () => {
    const visits = builder();
    visits.add(home());
    visits.add(anc());
    assert.deepEqual(titles(visits.getAllUnique('encounterType', true)), ['ANC']);
    assert.deepEqual(titles(visits.getAllUnique('encounterType')), ['Home', 'ANC']);
  });

  it('looks at the encounters of the subject when there is no enrolment', () => {
    const survey = { name: 'Survey', encounterType: 'Survey', earliestDate: date('2023-07-01') };
    [{ encounter: encounter() }, { individual: encounter().individual }].forEach((context) => {
      const visits = builder(context);
      visits.add(survey);
      assert.deepEqual(visits.getAllUnique('encounterType', true), []);
    });
    const visits = builder({ individual: subject() });
    visits.add(survey);
    assert.deepEqual(titles(visits.getAllUnique('encounterType', true)), ['Survey']);
  });

  it('needs someone to schedule for', () => {
    assert.throws(() => builder({}).getAllUnique('name'), /needs a programEnrolment/);
  });

  it('forgets visits by property', () => {
    const visits = builder();
    visits.add(anc());
    visits.add(home());
    visits.removeVisitsWith('encounterType', ['ANC', 'PNC']);
    assert.deepEqual(titles(visits.getAll()), ['Home']);
  });
});

describe('rulesConfig', () => {
  it('holds the two', () => {
    assert.deepEqual(Object.keys(rulesConfig), ['RuleCondition', 'VisitScheduleBuilder']);
    assert.ok(new rulesConfig.RuleCondition({}) instanceof RuleCondition);
  });

  it('refuses the rest of Avni\'s by name', () => {
    ['FormElementStatus', 'lib', 'RuleFactory', 'DeclarativeRule', 'isDefined'].forEach((name) => {
      assert.throws(() => rulesConfig[name], { message: `${name} is not available in message rules` });
    });
  });

  it('can be copied, printed and awaited', async () => {
    assert.deepEqual(Object.assign({}, rulesConfig), { RuleCondition, VisitScheduleBuilder });
    assert.equal(JSON.stringify(rulesConfig), '{}');
    assert.equal(await rulesConfig, rulesConfig);
    assert.equal(rulesConfig.nothing, undefined);
  });

  it('cannot be changed by a rule', () => {
    assert.throws(() => { rulesConfig.RuleCondition = null; }, TypeError);
  });
});

describe('avni-health-modules', () => {
  // rules-config is not installed here, so that these would fail if they asked for it.
  it('loads what message rules get of it without rules-config', async () => {
    const { default: { common } } = await import('avni-health-modules/dist/health_modules/common.js');
    const { default: calculations } = await import('avni-health-modules/dist/health_modules/mother/calculations.js');
    assert.equal(common.calculateBMI(50, 150), 22.3);
    assert.deepEqual(calculations.eddBasedOnGestationalAge(10, date('2023-03-01')), date('2023-09-27'));
  });
});
