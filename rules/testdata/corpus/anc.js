//! planned visit: two days before it, at nine
//  on  anc_planned
//  UTC              {"scheduledDateTime":"2024-05-07T09:00:00.000Z","shouldSend":true}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-08T03:30:00.000Z","shouldSend":true}
//  America/New_York {"scheduledDateTime":"2024-05-07T13:00:00.000Z","shouldSend":true}
({params, imports}) => ({
  scheduledDateTime: imports.moment(params.entity.earliestVisitDateTime).subtract(2, 'days').hour(9).minute(0).toDate(),
  shouldSend: !params.entity.encounterDateTime,
})

//! planned visit: what the reminder says
//  on  anc_planned
//  UTC              {"parameters":["Sunita","ANC 4","09/05/2024","17th May"]}
//  Asia/Kolkata     {"parameters":["Sunita","ANC 4","10/05/2024","17th May"]}
//  America/New_York {"parameters":["Sunita","ANC 4","09/05/2024","17th May"]}
({params, imports}) => {
  const visit = params.entity;
  const {individual} = visit.programEnrolment;
  return {parameters: [individual.firstName, visit.name, imports.moment(visit.earliestVisitDateTime).format('DD/MM/YYYY'), imports.moment(visit.maxVisitDateTime).format('Do MMMM')]};
};

//! done visit: no reminder
//  on  anc_done
//  all  {"shouldSend":false}
'use strict';
({params, imports}) => {
  const e = params.entity;
  if (e.encounterDateTime || e.cancelDateTime || e.voided) return {shouldSend: false};
  return {shouldSend: true, scheduledDateTime: imports.moment(e.earliestVisitDateTime).toISOString()};
};

//! done visit: thanks on the next morning
//  on  anc_done
//  UTC              {"scheduledDateTime":"2024-03-11T08:30:00.000Z","shouldSend":true}
//  Asia/Kolkata     {"scheduledDateTime":"2024-03-11T03:00:00.000Z","shouldSend":true}
//  America/New_York {"scheduledDateTime":"2024-03-11T12:30:00.000Z","shouldSend":true}
({params, imports}) => {
  const {moment} = imports;
  const morning = moment(params.entity.encounterDateTime).add(1, 'day').startOf('day').add(8, 'hours').add(30, 'minutes');
  return {scheduledDateTime: morning, shouldSend: morning.isAfter(moment('2024-03-01'))};
}

//! cancelled visit: the reason and the date of return
//  on  anc_cancelled
//  all  {"parameters":["At mother's house","back for the festival","Sunday, May 5",true,false]}
({params, imports}) => {
  const visit = params.entity;
  const reason = visit.findCancelEncounterObservationReadableValue('Cancel reason');
  const other = visit.findCancelEncounterObservation('Other reason').getValue();
  const back = visit.findCancelEncounterObservation('Back on');
  return {parameters: [reason, other, imports.moment(back.getValue()).format('dddd, MMMM D'), visit.isCancelled(), visit.isScheduled()]};
}

//! cancelled visit: try again five days after the return
//  on  anc_cancelled
//  UTC              {"scheduledDateTime":"2024-05-10T10:00:00.000Z","shouldSend":true}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-10T04:30:00.000Z","shouldSend":true}
//  America/New_York {"scheduledDateTime":"2024-05-10T14:00:00.000Z","shouldSend":true}
({params, imports}) => {
  const visit = params.entity;
  const back = visit.findCancelEncounterObservation('Back on');
  if (_.isNil(back)) return {shouldSend: false};
  return {scheduledDateTime: imports.moment(back.getValue()).add(5, 'days').hours(10).toDate(), shouldSend: !_.isNil(visit.cancelDateTime)};
}

//! cancelled visit: how long it was overdue
//  on  anc_cancelled
//  all  {"parameters":[6,160,"6.688","7 days"]}
({params, imports: {moment}}) => {
  const {earliestVisitDateTime: due, cancelDateTime: end} = params.entity;
  return {parameters: [moment(end).diff(moment(due), 'days'), moment(end).diff(due, 'hours'), moment(end).diff(due, 'days', true).toFixed(3), moment.duration(moment(end).diff(due)).humanize()]};
}

//! due date from the last period
//  on  pregnancy
//  all  {"parameters":["15-09-2024","Sunday",19,"object",true]}
({params, imports}) => {
  const lmp = params.entity.getObservationValue('Last menstrual period');
  const edd = imports.moment(lmp).add(280, 'days');
  return {parameters: [edd.format('DD-MM-YYYY'), edd.format('dddd'), edd.diff(imports.moment('2024-05-01'), 'weeks'), typeof lmp, lmp instanceof Date]};
}

//! weeks of pregnancy today
//  on  pregnancy
//  all  {"parameters":["20","second",5]}
({params, imports}) => {
  const enrolment = params.entity;
  const weeks = imports.moment().diff(enrolment.getObservationValue('Last menstrual period'), 'weeks');
  const trimester = weeks < 13 ? 'first' : weeks < 28 ? 'second' : 'third';
  return {parameters: [`${weeks}`, trimester, Math.round(weeks / 4.345)]};
}

//! reminder at the start of the third trimester
//  on  pregnancy
//  UTC              {"scheduledDateTime":"2024-06-23T10:00:00+00:00","shouldSend":true}
//  Asia/Kolkata     {"scheduledDateTime":"2024-06-23T10:00:00+05:30","shouldSend":true}
//  America/New_York {"scheduledDateTime":"2024-06-23T10:00:00-04:00","shouldSend":true}
({params, imports}) => {
  const lmp = params.entity.findObservation('Last menstrual period').getValue();
  const at = imports.moment(lmp).add(28, 'weeks').hour(10);
  return {scheduledDateTime: at.format(), shouldSend: params.entity.isActive};
}

//! high risk conditions as a sentence
//  on  pregnancy
//  all  {"parameters":["Anaemia and Short stature",2,"concept-anaemia,concept-short-stature",true]}
({params, imports}) => {
  const conditions = params.entity.getObservationReadableValue('High risk conditions');
  const uuids = params.entity.getObservationValue('High risk conditions');
  return {parameters: [conditions.join(' and '), conditions.length, uuids.join(), params.entity.findObservation('High risk conditions').isAbnormal()]};
}

//! only if anaemic
//  on  pregnancy
//  UTC              {"shouldSend":true,"scheduledDateTime":"2024-05-02T09:30:00.000Z"}
//  Asia/Kolkata     {"shouldSend":true,"scheduledDateTime":"2024-05-02T04:00:00.000Z"}
//  America/New_York {"shouldSend":true,"scheduledDateTime":"2024-05-02T13:30:00.000Z"}
({params, imports}) => {
  const observation = params.entity.findObservation('High risk conditions');
  const anaemia = observation.concept.getPossibleAnswerConcept('Anaemia').concept.uuid;
  return {shouldSend: observation.getValueWrapper().hasValue(anaemia), scheduledDateTime: new Date(2024, 4, 2, 9, 30)};
}

//! latest weight and haemoglobin of the pregnancy
//  on  anc_planned
//  all  {"parameters":[47,10.1,true,118]}
({params}) => {
  const visit = params.entity;
  const weight = visit.findLatestObservationInEntireEnrolment('Weight');
  const hb = visit.findLatestObservationInEntireEnrolment('Haemoglobin');
  return {parameters: [weight.getReadableValue(), hb.getValue(), hb.isAbnormal(), visit.programEnrolment.getObservationReadableValueInEntireEnrolment('Systolic')]};
}

//! weight gain between the first and the last visit
//  on  pregnancy
//  all  {"parameters":["45.5 → 47","1.5"]}
({params, imports}) => {
  const weights = imports.lodash.chain(params.entity.getEncounters(true))
    .filter((e) => e.encounterDateTime && !e.voided)
    .sortBy((e) => e.encounterDateTime)
    .map((e) => e.getObservationValue('Weight'))
    .compact()
    .value();
  return {parameters: [weights.join(' → '), (imports.lodash.last(weights) - imports.lodash.head(weights)).toFixed(1)]};
}

//! visits of a type, voided ones left out
//  on  pregnancy
//  all  {"parameters":[4,"ANC 2,ANC 1,ANC 4,ANC 3",3,6,5]}
({params}) => {
  const visits = params.entity.getEncountersOfType('ANC');
  return {parameters: [visits.length, visits.map((v) => v.name).join(), params.entity.getEncountersOfType('ANC', true).length, params.entity.encounters.length, params.entity.nonVoidedEncounters().length]};
}

//! next planned visit
//  on  pregnancy
//  UTC              {"scheduledDateTime":"2024-05-09T00:00:00.000Z"}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-09T18:30:00.000Z"}
//  America/New_York {"scheduledDateTime":"2024-05-09T04:00:00.000Z"}
({params, imports}) => {
  const next = params.entity.scheduledEncountersOfType('ANC')[0];
  return next ? {scheduledDateTime: imports.moment(next.earliestVisitDateTime).startOf('day').toDate()} : {shouldSend: false};
}

//! when was she last seen, and for what
//  on  pregnancy
//  UTC              {"parameters":["Lab","Lab test","ANC 2","2024-03-10 06:59:59.999"]}
//  Asia/Kolkata     {"parameters":["Lab","Lab test","ANC 2","2024-03-10 12:29:59.999"]}
//  America/New_York {"parameters":["Lab","Lab test","ANC 2","2024-03-10 01:59:59.999"]}
({params, imports}) => {
  const last = params.entity.lastFulfilledEncounter();
  const lastAnc = params.entity.lastFulfilledEncounter('ANC');
  return {parameters: [last.name, last.encounterType.name, lastAnc.name, imports.moment(lastAnc.encounterDateTime).format('YYYY-MM-DD HH:mm:ss.SSS')]};
}

//! blood pressure went up
//  on  anc_done
//  all  {"shouldSend":true,"scheduledDateTime":"2024-03-10T06:59:59.999Z","parameters":[118,142,24]}
({params, imports}) => {
  const visit = params.entity;
  const previous = visit.programEnrolment.findLatestPreviousEncounterWithObservationForConcept(visit, 'Systolic');
  const before = previous.getObservationValue('Systolic');
  const now = visit.getObservationValue('Systolic');
  return {shouldSend: now >= 140 && now > before, scheduledDateTime: visit.encounterDateTime, parameters: [before, now, now - before]};
}

//! answers of a multiple choice, by name
//  on  anc_done
//  all  {"parameters":["no complaints",true,1]}
({params}) => {
  const complaints = params.entity.getObservationReadableValue('Complaints');
  const none = complaints.includes('None');
  return {parameters: [none ? 'no complaints' : complaints.join(', '), Array.isArray(complaints), complaints.length]};
}

//! past deliveries, a repeated group
//  on  pregnancy
//  all  {"parameters":[2,true,"1. Live birth Nov 2021 2.9 kg","2. Still birth Feb 2019 -"]}
({params, imports}) => {
  const groups = params.entity.findObservation('Past deliveries').getValueWrapper();
  const lines = groups.getAllQuestionGroupObservations().map((group, i) => {
    const outcome = group.findObservationByConceptUUID('Outcome').getReadableValue();
    const on = imports.moment(group.findObservationByConceptUUID('Delivered on').getValue()).format('MMM YYYY');
    const weight = group.findObservationByConceptUUID('Birth weight');
    return `${i + 1}. ${outcome} ${on} ${weight ? weight.getValue() + ' kg' : '-'}`;
  });
  return {parameters: [groups.size(), groups.isRepeatable(), ...lines]};
}

//! one occurrence of a repeated group
//  on  pregnancy
//  UTC              {"parameters":[2,"Still birth","[{\"Outcome\":\"Still birth\"},{\"Delivered on\":\"2019-02-28T00:00:00.000Z\"}]","true"]}
//  Asia/Kolkata     {"parameters":[2,"Still birth","[{\"Outcome\":\"Still birth\"},{\"Delivered on\":\"2019-02-27T18:30:00.000Z\"}]","true"]}
//  America/New_York {"parameters":[2,"Still birth","[{\"Outcome\":\"Still birth\"},{\"Delivered on\":\"2019-02-28T05:00:00.000Z\"}]","true"]}
({params}) => {
  const groups = params.entity.findObservation('Past deliveries').getValueWrapper();
  const second = groups.getGroupObservationAtIndex(1);
  return {parameters: [second.getValue().length, second.getValueForConcept(second.getValue()[0].concept), JSON.stringify(second.getReadableValue()), JSON.stringify(groups.getGroupObservationAtIndex(7) === undefined)]};
}

//! house and family from the registration
//  on  anc_planned
//  all  {"parameters":["12/A","Rented",3,"Ravi","Kamal"]}
({params, imports}) => {
  const {individual} = params.entity.programEnrolment;
  const family = individual.getObservationValue('Family members').map((g) => g.findObservationByConceptUUID('Member name').getReadableValue());
  return {parameters: [individual.getObservationReadableValue('House number', 'House details'), individual.getObservationReadableValue('Ownership', 'House details'), individual.getObservationValue('Rooms', 'House details') + 1, ...family]};
}

//! a question group as it reads
//  on  anc_planned
//  UTC              {"parameters":["[{\"House number\":\"12/A\"},{\"Ownership\":\"Rented\"},{\"Rooms\":2}]","[[{\"Member name\":\"Ravi\"},{\"Member birth date\":\"1995-12-31T00:00:00.000Z\"},{\"Relation\":\"Husband\"}],[{\"Member name\":\"Kamal\"},{\"Member birth date\":\"1970-03-08T00:00:00.000Z\"},{\"Relation\":\"Mother-in-law\"}]]"]}
//  Asia/Kolkata     {"parameters":["[{\"House number\":\"12/A\"},{\"Ownership\":\"Rented\"},{\"Rooms\":2}]","[[{\"Member name\":\"Ravi\"},{\"Member birth date\":\"1995-12-30T18:30:00.000Z\"},{\"Relation\":\"Husband\"}],[{\"Member name\":\"Kamal\"},{\"Member birth date\":\"1970-03-07T18:30:00.000Z\"},{\"Relation\":\"Mother-in-law\"}]]"]}
//  America/New_York {"parameters":["[{\"House number\":\"12/A\"},{\"Ownership\":\"Rented\"},{\"Rooms\":2}]","[[{\"Member name\":\"Ravi\"},{\"Member birth date\":\"1995-12-31T05:00:00.000Z\"},{\"Relation\":\"Husband\"}],[{\"Member name\":\"Kamal\"},{\"Member birth date\":\"1970-03-08T05:00:00.000Z\"},{\"Relation\":\"Mother-in-law\"}]]"]}
({params}) => ({parameters: [
  JSON.stringify(params.entity.individual.getObservationReadableValue('House details')),
  JSON.stringify(params.entity.individual.getObservationReadableValue('Family members')),
]})

//! previous pregnancies
//  on  anc_planned
//  all  {"parameters":[2,1,"Completed",10,false]}
({params, imports}) => {
  const {enrolments} = params.entity.individual;
  const over = enrolments.filter((x) => x.programExitDateTime);
  return {parameters: [enrolments.length, over.length, over[0].findExitObservation('Exit reason').getReadableValue(), imports.moment(over[0].programExitDateTime).diff(over[0].enrolmentDateTime, 'months'), over[0].isActive]};
}

//! observations of the whole enrolment
//  on  pregnancy
//  all  {"parameters":[45.5,47,149.5,true,false,{"value":9.8,"date":"2024-02-10T05:45:30.250Z"},true,true,false,4]}
({params}) => {
  const e = params.entity;
  return {parameters: [
    e.findObservationInEntireEnrolment('Weight').getValue(), e.findLatestObservationInEntireEnrolment('Weight').getValue(),
    e.findObservationInEntireEnrolment('Height').getValue(), e.observationExistsInEntireEnrolment('Diastolic'), e.observationExistsInEntireEnrolment('Chlorine'),
    e.findObservationValueInEntireEnrolment('Haemoglobin'), e.hasObservation('Gravida'), e.hasEncounter('ANC', 'ANC 3'), e.hasEncounterOfType('PNC'), e.numberOfEncountersOfType('ANC'),
  ]};
}

//! the visit before this one
//  on  anc_planned
//  all  {"parameters":["ANC 2","ANC 1"]}
({params, imports}) => {
  const visit = params.entity;
  const {programEnrolment: enrolment} = visit;
  const last = enrolment.findLastEncounterOfType({encounterDateTime: imports.moment('2024-05-01').toDate(), uuid: visit.uuid}, ['ANC']);
  const nth = enrolment.findNthLastEncounterOfType({encounterDateTime: imports.moment('2024-05-01').toDate(), uuid: visit.uuid}, ['ANC'], 1);
  return {parameters: [last.name, nth.name]};
}

//! approval of the enrolment
//  on  pregnancy
//  all  {"shouldSend":true,"scheduledDateTime":"2024-01-16T05:00:00.000Z","parameters":["Approved","checked",false]}
({params}) => {
  const status = params.entity.latestEntityApprovalStatus;
  return {shouldSend: status.approvalStatus.isApproved, scheduledDateTime: status.statusDateTime, parameters: [status.approvalStatus.status, status.approvalStatusComment, params.entity.isRejectedEntity()]};
}

//! phone numbers of a subject
//  on  anc_planned
//  all  {"parameters":["9000000001","9000000001",true,"9000000002","9000000002","9000000001"]}
({params}) => {
  const {individual} = params.entity;
  const phone = individual.findObservation('Mobile number');
  return {parameters: [phone.getReadableValue(), `${phone.getValueWrapper()}`, phone.getValueWrapper().isVerified(), individual.getMobileNumber(), individual.getMobileNo(), String(individual.getObservationValue('Mobile number'))]};
}

//! the one who saved it, and her groups
//  on  anc_planned
//  all  {"parameters":["lata@arogya","Lata Devi","Arogya","hi_IN","ASHA/Everyone",true]}
({params}) => {
  const {user, myUserGroups} = params;
  return {parameters: [user.username, user.name, user.organisationName, user.getSettings().locale, myUserGroups.map((g) => g.groupName).join('/'), myUserGroups.some((g) => g.groupName === 'ASHA')]};
}

//! BMI of the last visit
//  on  anc_done
//  all  {"parameters":[21.1,false]}
({params, imports}) => {
  const {common} = imports;
  const weight = params.entity.getObservationValue('Weight');
  const height = params.entity.programEnrolment.getObservationValue('Height');
  return {parameters: [common.calculateBMI(weight, height), common.calculateBMI(0, height) === undefined]};
}

//! mother calculations
//  on  pregnancy
//  UTC              {"parameters":["2024-09-17",20.428571428571427,"2023-12-10",2,"2024-09-27"]}
//  Asia/Kolkata     {"parameters":["2024-09-17",20.428571428571427,"2023-12-10",2,"2024-09-27"]}
//  America/New_York {"parameters":["2024-09-17",20.422619047619047,"2023-12-10",2,"2024-09-27"]}
({params, imports}) => {
  const {motherCalculations: calculations, moment} = imports;
  const edd = calculations.estimatedDateOfDelivery(params.entity);
  return {parameters: [
    moment(edd).format('YYYY-MM-DD'), calculations.gestationalAge(params.entity, moment('2024-05-01').toDate()), moment(calculations.lmp(params.entity)).format('YYYY-MM-DD'),
    calculations.currentTrimester(params.entity, moment('2024-05-01').toDate()), moment(calculations.eddBasedOnGestationalAge(10, moment('2024-03-01').toDate())).format('YYYY-MM-DD'),
  ]};
}

//! notes with lines and quotes
//  on  pregnancy
//  all  {"parameters":["first visit\nसुनीता \"ok\"",2,"first visit सुनीता ok"]}
({params}) => {
  const note = params.entity.encounters.find((e) => e.name === 'ANC 1' && !e.voided).getObservationReadableValue('Remarks');
  return {parameters: [note, note.split('\n').length, note.replace(/\s+/g, ' ').replace(/"/g, '')]};
}
