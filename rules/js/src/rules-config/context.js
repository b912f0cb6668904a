// What a condition is about. A rule hands over some of {individual, programEnrolment, programEncounter, encounter}; these
// functions find the rest from there. The order of the look-ups is Avni's, because a context with several of them is common.

import _ from 'lodash';
import moment from 'moment';

const sources = 'individual, programEnrolment, programEncounter or encounter';

// need returns value, or stops the rule with a message that its author can act on: Avni's own rules fail at the same
// places, with "cannot read property of undefined".
function need(value, problem) {
  if (value) return value;
  throw new Error(problem);
}

/** The enrolment, or undefined: a rule about a subject or a general encounter has none. */
export function enrolmentIfAny(context) {
  return context.programEnrolment || _.get(context, 'programEncounter.programEnrolment');
}

export function enrolment(context) {
  return need(enrolmentIfAny(context), 'this condition needs a programEnrolment or a programEncounter in its context');
}

/** The encounter of either kind, or undefined. */
export function encounterIfAny(context) {
  return context.encounter || context.programEncounter;
}

export function encounter(context) {
  return need(encounterIfAny(context), 'this condition needs a programEncounter or an encounter in its context');
}

// Stands in for an encounter that is not there. The models read its date only when there is a past encounter to compare
// with; until then "nothing before" is the right answer, as in Avni.
const noEncounter = {
  get encounterDateTime() {
    throw new Error('this condition looks before an encounter: it needs a programEncounter or an encounter in its context');
  },
};

/** The encounter whose past is looked at. */
export function encounterWithPast(context) {
  return encounterIfAny(context) || noEncounter;
}

export function subject(context) {
  const found = context.individual
    || _.get(context, 'programEncounter.individual')
    || _.get(context, 'encounter.individual')
    || _.get(enrolmentIfAny(context), 'individual');
  return need(found, `this condition needs one of ${sources} in its context`);
}

/** Whose encounters count as "all": those of the enrolment, or of the subject when there is no enrolment. */
export function encountersOwner(context) {
  return enrolmentIfAny(context) || subject(context);
}

export function gender(context) {
  return need(subject(context).gender, 'this condition needs a gender, and the subject has none');
}

export function address(context) {
  return need(subject(context).lowestAddressLevel, 'this condition needs an address, and the subject has none');
}

/**
 * The moment that ages and days are counted to: when the encounter took place, else the enrolment, else the registration.
 * Never today: a rule gives the same answer whenever it runs.
 */
export function referenceTime(context) {
  return moment(need(
    _.get(context, 'programEncounter.encounterDateTime')
    || _.get(context, 'encounter.encounterDateTime')
    || _.get(context, 'programEnrolment.enrolmentDateTime')
    || _.get(context, 'programEncounter.programEnrolment.enrolmentDateTime')
    || _.get(context, 'individual.registrationDate'),
    `this condition counts to the date of its encounter, enrolment or registration, and ${sources} gives none`,
  ));
}
