// Words that put a fact about the subject or the encounter up for testing: `when.gender.equals('Female')`.
//
// Every step here, in observations.js and in tests.js is a function of the condition's context that writes
// `valueToBeChecked`, `obsToBeChecked` or `matches` into it. condition.js turns each into the member of the same name.

import moment from 'moment';
import { address, encounter, encounterIfAny, gender, referenceTime, subject } from './context.js';

// A fact leaves obsToBeChecked alone, so an answer test after it looks at the observation before it, as in Avni.
function fact(read) {
  return (context) => { context.valueToBeChecked = read(context); };
}

// Completed units between birth and the reference time. Without a date of birth every comparison is false, being NaN.
function ageIn(unit) {
  return fact((context) => referenceTime(context).diff(moment(subject(context).dateOfBirth), unit));
}

const addressType = fact((context) => address(context).type);
const age = ageIn('years');

export const facts = {
  gender: fact((context) => gender(context).name),

  age,
  ageInYears: age,
  ageInMonths: ageIn('months'),
  ageInWeeks: ageIn('weeks'),
  ageInDays: ageIn('days'),

  // The entity that a message rule gets carries only uuid and name of its address, so the type is undefined there.
  addressType,
  lowestAddressLevelType: addressType,
  lowestAddressLevel: fact((context) => address(context).name),

  encounterType: fact((context) => {
    const found = encounterIfAny(context);
    return found && found.encounterType.name;
  }),

  // 1 to 12, in local time.
  encounterMonth: fact((context) => moment(encounter(context).encounterDateTime).month() + 1),

  asAge: sinceValue('years'),
  asDaysSince: sinceValue('days'),
};

// Turns a date under test into the completed units since then. A missing value stays missing, so that `defined` still works.
function sinceValue(unit) {
  return fact((context) => {
    const date = context.valueToBeChecked;
    return date && referenceTime(context).diff(moment(date), unit);
  });
}
