//! sober days
//  on  follow_up
//  all  {"shouldSend":true,"scheduledDateTime":"2024-04-25T13:05:09.007Z","parameters":["Gopal D'Souza",41,"5 weeks and 6 days"]}
({params}) => {
  const e = params.entity;
  const days = e.getObservationValue('Days sober');
  return {shouldSend: days > 30, scheduledDateTime: e.encounterDateTime, parameters: [e.individual.nameString, days, `${Math.floor(days / 7)} weeks and ${days % 7} days`]};
}

//! next follow up, at the hour that was agreed
//  on  follow_up
//  UTC              {"scheduledDateTime":"2024-05-25T07:05:00.000Z","parameters":[7,5]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-25T01:35:00.000Z","parameters":[7,5]}
//  America/New_York {"scheduledDateTime":"2024-05-25T11:05:00.000Z","parameters":[7,5]}
({params, imports}) => {
  const at = params.entity.getObservationValue('Next follow up');
  const [hour, minute] = params.entity.getObservationReadableValue('Preferred time').split(':').map(Number);
  return {scheduledDateTime: imports.moment(at).hour(hour).minute(minute).second(0).toDate(), parameters: [hour, minute]};
}

//! scheduledDateTime without a zone
//  on  follow_up
//  UTC              {"scheduledDateTime":"2024-05-25T12:30:00"}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-25T18:00:00"}
//  America/New_York {"scheduledDateTime":"2024-05-25T08:30:00"}
({params, imports}) => ({scheduledDateTime: imports.moment(params.entity.getObservationValue('Next follow up')).format('YYYY-MM-DDTHH:mm:ss')})

//! scheduledDateTime as milliseconds
//  on  follow_up
//  all  {"scheduledDateTime":1714053909007}
({params}) => ({scheduledDateTime: params.entity.encounterDateTime.getTime() + 36e5})

//! scheduledDateTime as a day
//  on  follow_up
//  all  {"scheduledDateTime":"2024-05-25"}
({params, imports}) => ({scheduledDateTime: imports.moment(params.entity.encounterDateTime).add(1, 'M').format('YYYY-MM-DD')})

//! a date that is none
//  on  follow_up
//  all  {"scheduledDateTime":null,"shouldSend":true}
({params}) => ({scheduledDateTime: new Date(params.entity.getObservationReadableValue('Days clean')), shouldSend: true})

//! a moment that is none
//  on  follow_up
//  all  {"scheduledDateTime":null,"other":"Invalid date","valid":false}
({params, imports}) => ({scheduledDateTime: imports.moment(null), other: imports.moment('nonsense', 'YYYY-MM-DD').format(), valid: imports.moment('2024-02-30', 'YYYY-MM-DD').isValid()})

//! single and multiple answers
//  on  follow_up
//  all  {"parameters":["Alcohol & Tobacco","No","Good",true,true]}
({params}) => {
  const e = params.entity;
  return {parameters: [e.getObservationReadableValue('Substances').join(' & '), e.getObservationReadableValue('Relapsed'), e.getObservationReadableValue('Mood'), e.findObservation('Substances').getValueWrapper().isMultipleCoded, e.findObservation('Mood').getValueWrapper().isSingleCoded]};
}

//! a duration of two units
//  on  follow_up
//  all  {"parameters":["1 months, 2 weeks",false,"2","P1M2W"]}
({params}) => {
  const quit = params.entity.findObservation('Quit for').getValueWrapper();
  return {parameters: [quit.durations.map((d) => `${d._durationValue} ${d.durationUnit}`).join(', '), quit.isEmpty, quit.findByUnit('weeks')._durationValue, quit.toResource]};
}

//! an empty note
//  on  follow_up
//  all  {"parameters":["no remark",true,false,true,"\"\""]}
({params}) => {
  const note = params.entity.getObservationReadableValue('Remarks');
  return {parameters: [note || 'no remark', note === '', note === undefined, _.isEmpty(note), JSON.stringify(note)]};
}

//! observation that is not there
//  on  follow_up
//  all  {"parameters":[true,true,true,false,"-"]}
({params}) => {
  const e = params.entity;
  return {parameters: [e.getObservationReadableValue('Weight') === undefined, e.getObservationValue('Weight') === undefined, e.findObservation('Weight') === undefined, e.hasObservation('Weight'), e.getObservationReadableValue('Weight') || '-']};
}

//! observation by the concept's uuid
//  on  follow_up
//  all  {"parameters":["Good","Days sober","9000000004"]}
({params}) => ({parameters: [params.entity.getObservationReadableValue('concept-mood'), params.entity.findObservation('concept-days-sober').concept.name, params.entity.individual.getObservationReadableValue('concept-guardian-phone')]})

//! past follow ups
//  on  follow_up
//  UTC              {"parameters":["10 Mar: Poor 3","31 Mar: Fair 16","25 Apr: ? 41"]}
//  Asia/Kolkata     {"parameters":["10 Mar: Poor 3","31 Mar: Fair 16","25 Apr: ? 41"]}
//  America/New_York {"parameters":["10 Mar: Poor 3","30 Mar: Fair 16","25 Apr: ? 41"]}
({params, imports: {moment}}) => {
  const past = params.entity.individual.encounters
    .filter((e) => e.encounterType.name === 'Follow up' && e.encounterDateTime)
    .sort((a, b) => a.encounterDateTime - b.encounterDateTime)
    .map((e) => `${moment(e.encounterDateTime).format('DD MMM')}: ${e.getObservationReadableValue('Mood') || '?'} ${e.getObservationValue('Days sober')}`);
  return {parameters: past};
}

//! best stretch
//  on  follow_up
//  all  {"parameters":[41,60,20]}
({params}) => ({parameters: [Math.max(...params.entity.individual.encounters.map((e) => e.getObservationValue('Days sober') || 0)), _.sumBy(params.entity.individual.encounters, (e) => e.getObservationValue('Days sober')), _.meanBy(params.entity.individual.encounters.slice(0, 3), (e) => e.getObservationValue('Days sober'))]})

//! rejected form
//  on  follow_up
//  UTC              {"shouldSend":true,"scheduledDateTime":"2024-04-27T12:00:00.000Z","parameters":["Rejected",true,"date is wrong","Apr 27, 2024 10:00 AM"]}
//  Asia/Kolkata     {"shouldSend":true,"scheduledDateTime":"2024-04-27T12:00:00.000Z","parameters":["Rejected",true,"date is wrong","Apr 27, 2024 3:30 PM"]}
//  America/New_York {"shouldSend":true,"scheduledDateTime":"2024-04-27T12:00:00.000Z","parameters":["Rejected",true,"date is wrong","Apr 27, 2024 6:00 AM"]}
({params, imports}) => {
  const status = params.entity.latestEntityApprovalStatus;
  return {shouldSend: params.entity.isRejectedEntity(), scheduledDateTime: imports.moment(status.statusDateTime).add(2, 'h').toDate(), parameters: [status.approvalStatus.status, status.approvalStatus.isRejected, status.approvalStatusComment, imports.moment(status.statusDateTime).format('lll')]};
}

//! scheduled and cancelled encounters of the subject
//  on  follow_up
//  all  {"parameters":["Follow up 3,Follow up 2,Follow up 1,Follow up 4",5,"Follow up 4",1,"Migrated"]}
({params}) => {
  const {individual} = params.entity;
  return {parameters: [individual.getEncounters(true).map((e) => e.name).join(), individual.getEncounters(false).length, individual.scheduledEncounters().map((e) => e.name).join(), individual.scheduledEncountersOfType('Follow up').length, individual.encounters.filter((e) => e.isCancelled()).map((e) => e.findCancelEncounterObservationReadableValue('Cancel reason')).join()]};
}

//! previous encounter of the subject
//  on  follow_up
//  all  throws TypeError
({params}) => {
  const e = params.entity;
  return {parameters: [e.individual.findLastEncounterOfType(e, ['Follow up']).name, e.individual.findNthLastEncounterOfType(e, ['Follow up'], 1).name, e.individual.findLatestObservationFromPreviousEncounters('Mood', e).getReadableValue(), e.individual.findLatestObservationFromEncounters('Days sober', e).getValue(), e.individual.findObservationInLastEncounter('Days sober', e).getValue()]};
}

//! money with separators, written by hand
//  on  follow_up
//  all  {"parameters":["₹1,23,456.79","123456.789","1.235e+5","1.23e+5",123456,123456.79]}
({params}) => {
  const saved = params.entity.getObservationValue('Money saved');
  const [rupees, paise] = saved.toFixed(2).split('.');
  const indian = rupees.replace(/(\d)(?=(\d\d)+\d$)/g, '$1,');
  return {parameters: [`₹${indian}.${paise}`, saved.toString(), saved.toPrecision(4), saved.toExponential(2), Math.trunc(saved), Math.round(saved * 100) / 100]};
}

//! numbers as parameters
//  on  follow_up
//  all  {"parameters":[1,2.5,0.30000000000000004,1e+21,1e-7,0,123456789012345680000,null,null,null,null,true,""]}
({params}) => ({parameters: [1, 2.50, 0.1 + 0.2, 1e21, 1e-7, -0, 123456789012345680000, NaN, Infinity, null, undefined, true, '']})

//! name with an apostrophe
//  on  follow_up
//  all  {"parameters":["D'Souza","D'SOUZA","D'Souza","D%27Souza"]}
({params}) => ({parameters: [params.entity.individual.lastName, params.entity.individual.lastName.toUpperCase(), encodeURIComponent(params.entity.individual.lastName), escape(params.entity.individual.lastName)]})

//! encounter without an enrolment
//  on  follow_up
//  all  {"parameters":[true,"Follow up","visit-follow-up","Encounter","Follow up 3","Follow up"]}
({params}) => ({parameters: [params.entity.programEnrolment === undefined, params.entity.encounterType.name, params.entity.encounterType.uuid, params.entity.getName(), params.entity.name, params.entity.getEntityTypeName()]})

//! every week for the first month, then every month
//  on  follow_up
//  UTC              {"scheduledDateTime":"2024-05-25T11:00:00.000Z"}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-25T05:30:00.000Z"}
//  America/New_York {"scheduledDateTime":"2024-05-25T15:00:00.000Z"}
({params, imports: {moment}}) => {
  const {registrationDate} = params.entity.individual;
  const at = moment(params.entity.encounterDateTime);
  const step = at.diff(registrationDate, 'months') < 1 ? [1, 'week'] : [1, 'month'];
  return {scheduledDateTime: at.add(...step).startOf('day').hours(11).toDate()};
}

//! not on a Sunday
//  on  follow_up
//  UTC              {"scheduledDateTime":"2024-04-29T10:05:09.007Z","parameters":["Mon",18,2,120]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-04-29T05:05:09.007Z","parameters":["Mon",18,2,120]}
//  America/New_York {"scheduledDateTime":"2024-04-29T14:05:09.007Z","parameters":["Mon",18,2,120]}
({params, imports: {moment}}) => {
  const at = moment(params.entity.encounterDateTime).add(3, 'days').hour(10);
  if (at.day() === 0) at.add(1, 'day');
  return {scheduledDateTime: at.toDate(), parameters: [at.format('ddd'), at.isoWeek(), at.quarter(), at.dayOfYear()]};
}
