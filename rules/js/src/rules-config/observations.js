// Where a value under test comes from: `when.valueInEncounter('Weight').is.lessThan(40)`.
// A concept is named by its name or its uuid; `parent` likewise names the question group that it is part of.

import _ from 'lodash';
import {
  encounter, encounterIfAny, encounterWithPast, encountersOwner, enrolment, enrolmentIfAny, subject,
} from './context.js';

function check(context, observation) {
  context.obsToBeChecked = observation;
  context.valueToBeChecked = observation && observation.getValue();
}

function source(find) {
  return (context, ...args) => check(context, find(context, ...args));
}

// The child of one occurrence of a question group; a group that is not repeatable has one occurrence, whatever the index.
// Without an index nothing new is looked at: the value of the source before, if any, stays under test, as in Avni.
function groupSource(findHolder) {
  return (context, child, group, index) => {
    const holder = findHolder(context);
    if (_.isNil(index)) return;
    const groups = holder && holder.findObservation(group);
    const occurrence = groups && groups.getValueWrapper().getGroupObservationAtIndex(index);
    check(context, occurrence && occurrence.findObservationByConceptUUID(child));
  };
}

function decision(context, name) {
  if (!context.existingDecisions) {
    throw new Error('valueInDecisions needs existingDecisions in its context; a message rule has none of its own');
  }
  return context.existingDecisions.find((existing) => existing.name === name);
}

function checklistItem(context) {
  if (!context.checklistItem) throw new Error('valueInChecklistItem needs a checklistItem in its context');
  return context.checklistItem;
}

function inLastEncounter(context, concept, encounterTypes, parent) {
  const last = encountersOwner(context).findLastEncounterOfType(encounterWithPast(context), encounterTypes);
  return _.isNil(last) ? undefined : last.findObservation(concept, parent);
}

export const observationSources = {
  valueInRegistration: source((context, concept, parent) => subject(context).findObservation(concept, parent)),

  valueInEnrolment: source((context, concept, parent) => enrolment(context).findObservation(concept, parent)),

  // The earliest in the encounters, else in the enrolment. Avni passes `parent` where the model takes an encounter, which
  // makes that rule fail; here it means what it means everywhere else.
  valueInEntireEnrolment: source((context, concept, parent) => (
    enrolment(context).findObservationInEntireEnrolment(concept, undefined, false, parent))),

  valueInExit: source((context, concept) => enrolment(context).findExitObservation(concept)),

  // Without an encounter there is nothing to check, which is not an error: `notDefined` holds.
  valueInEncounter: source((context, concept, parent) => {
    const found = encounterIfAny(context);
    return found && found.findObservation(concept, parent);
  }),

  valueInCancelEncounter: source((context, concept) => encounter(context).findCancelEncounterObservation(concept)),

  // Strictly before this encounter, by encounterDateTime.
  valueInLastEncounter: source(inLastEncounter),

  // This encounter first, then those before it, newest first.
  latestValueInAllEncounters: source((context, concept, parent) => (
    encountersOwner(context).findLatestObservationFromEncounters(concept, encounterIfAny(context), false, parent))),

  // The same within the enrolment, and at last the enrolment itself.
  latestValueInEntireEnrolment: source((context, concept, parent) => (
    enrolment(context).findLatestObservationFromEncounters(concept, context.programEncounter, true, parent))),

  latestValueInPreviousEncounters: source((context, concept, parent) => (
    encountersOwner(context).findLatestObservationFromPreviousEncounters(concept, encounterWithPast(context), parent))),

  valueInDecisions: source(decision),

  valueInChecklistItem: source((context, concept) => checklistItem(context).findObservation(concept)),

  questionGroupValueInRegistration: groupSource(subject),
  questionGroupValueInEnrolment: groupSource(enrolmentIfAny),
  questionGroupValueInEncounter: groupSource(encounterIfAny),

  whenItem(context, item) { context.valueToBeChecked = item; },
};
