// VisitScheduleBuilder: visits to schedule, each under a condition of its own.

import _ from 'lodash';
import moment from 'moment';
import { RuleCondition } from './condition.js';
import { enrolmentIfAny } from './context.js';

/** `builder.add(visit).when.…` for each visit, then getAll() or getAllUnique(). A visit is what the rule says it is. */
export class VisitScheduleBuilder {
  constructor(context) {
    this.context = context;
    this.scheduledVisits = [];
  }

  /** Adds a visit and returns its condition; without any test on it the visit stands. */
  add(schedule) {
    const condition = new RuleCondition(this.context);
    this.scheduledVisits.push({ data: schedule, condition });
    return condition;
  }

  /** Puts item under test in the condition of the visit added last. */
  whenItem(item) {
    if (this.scheduledVisits.length === 0) throw new Error('whenItem needs a visit: call add(schedule) first');
    return _.last(this.scheduledVisits).condition.whenItem(item);
  }

  /** The visits whose conditions match, in the order in which they were added. */
  getAll() {
    return this.scheduledVisits.filter(({ condition }) => condition.matches()).map(({ data }) => data);
  }

  /**
   * The matching visits, one for each value of their property `key`. With avoidExistingVisits, those are left out for
   * which the enrolment (or the subject) already has an encounter of that type, scheduled for that day.
   */
  getAllUnique(key, avoidExistingVisits = false) {
    const owner = encountersOwner(this.context);
    const unique = Object.values(_.groupBy(this.getAll(), (visit) => visit[key])).map(merge);
    // Only here are the encounters read: loading them costs more than all the rest.
    return avoidExistingVisits ? unique.filter((visit) => !isScheduled(visit, owner.encounters)) : unique;
  }

  /** Forgets the visits whose property `key` (a path) is one of values. */
  removeVisitsWith(key, values) {
    this.scheduledVisits = this.scheduledVisits.filter(({ data }) => !values.includes(_.get(data, key)));
  }
}

function encountersOwner(context) {
  const owner = enrolmentIfAny(context || {}) || _.get(context, 'individual') || _.get(context, 'encounter.individual');
  if (!owner) throw new Error('getAllUnique needs a programEnrolment, programEncounter, individual or encounter in its context');
  return owner;
}

// One visit for a group of equals: one that exists already (it has a uuid) is kept, with the dates and the name of the last.
function merge(visits) {
  const latest = _.last(visits);
  const merged = _.defaults(visits.find(({ uuid }) => !_.isEmpty(uuid)), latest);
  ['earliestDate', 'maxDate', 'name'].forEach((field) => { merged[field] = latest[field]; });
  return merged;
}

function isScheduled(visit, encounters) {
  return _.some(encounters, ({ earliestVisitDateTime, encounterType }) => (
    earliestVisitDateTime
    && moment(earliestVisitDateTime).isSame(moment(visit.earliestDate), 'day')
    && encounterType.name === visit.encounterType));
}
