// What is asked of the value under test. Each test sets `matches`; joining tests is condition.js.

import moment from 'moment';
import { enrolment, gender } from './context.js';

function test(holds) {
  return (context, ...args) => { context.matches = holds(context.valueToBeChecked, ...args); };
}

// With a unit ('day', 'month', …) both sides are dates, compared at that precision. A missing value then counts as now,
// because moment reads undefined so, and rules live with it.
function comparison(plain, dated) {
  return test((actual, expected, unit) => (
    unit ? moment(actual)[dated](moment(expected), unit) : plain(actual, expected)));
}

// Tests of coded answers look at the observation, not at its value, since answers are stored by uuid and asked for by name.
// Anything but an observation of a coded concept fails them.
function answerTest(holds) {
  return (context, ...answers) => {
    const observation = context.obsToBeChecked;
    const coded = observation && observation.concept.isCodedConcept();
    context.matches = coded ? holds(observation, ...answers) : false;
  };
}

function hasAnswer(observation, answer) {
  const possible = observation.concept.getPossibleAnswerConcept(answer);
  return observation.getValueWrapper().hasValue(possible && possible.concept.uuid);
}

// Voided answers of the concept are not "other" answers.
function hasOtherAnswer(observation, answer) {
  const value = observation.getValueWrapper();
  return observation.concept.getAnswers()
    .map((possible) => possible.concept)
    .some(({ name, uuid }) => name !== answer && uuid !== answer && value.hasValue(uuid));
}

function genderTest(name) {
  return (context) => { context.matches = gender(context).name === name; };
}

const isMissing = (actual) => actual === undefined || actual === null;

export const tests = {
  equals: comparison((actual, expected) => actual === expected, 'isSame'),
  lessThan: comparison((actual, expected) => actual < expected, 'isBefore'),
  lessThanOrEqualTo: comparison((actual, expected) => actual <= expected, 'isSameOrBefore'),
  greaterThan: comparison((actual, expected) => actual > expected, 'isAfter'),
  greaterThanOrEqualTo: comparison((actual, expected) => actual >= expected, 'isSameOrAfter'),

  equalsOneOf: test((actual, ...expected) => expected.some((one) => actual === one)),
  matchesFn: test((actual, fn) => Boolean(fn(actual))),

  containsAnswerConceptName: answerTest(hasAnswer),
  containsAnyAnswerConceptName: answerTest((observation, ...answers) => (
    answers.some((answer) => hasAnswer(observation, answer)))),
  containsAnswerConceptNameOtherThan: answerTest(hasOtherAnswer),
};

export const plainTests = {
  defined: test((actual) => !isMissing(actual)),
  notDefined: test(isMissing),
  truthy: test(Boolean),

  yes: answerTest((observation) => hasAnswer(observation, 'Yes')),
  no: answerTest((observation) => hasAnswer(observation, 'No')),

  male: genderTest('Male'),
  female: genderTest('Female'),

  // Of the concept that the context names, as form rules do.
  filledAtleastOnceInEntireEnrolment(context) {
    context.matches = Boolean(enrolment(context).findObservationInEntireEnrolment(context.conceptName));
  },
};
