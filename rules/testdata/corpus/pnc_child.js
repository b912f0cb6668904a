//! exit: when and why
//  on  delivered
//  UTC              {"parameters":["28 Apr 2024, 8:15 pm","Completed","healthy girl","Hospital",true,false]}
//  Asia/Kolkata     {"parameters":["29 Apr 2024, 1:45 am","Completed","healthy girl","Hospital",true,false]}
//  America/New_York {"parameters":["28 Apr 2024, 4:15 pm","Completed","healthy girl","Hospital",true,false]}
({params, imports}) => {
  const e = params.entity;
  return {parameters: [
    imports.moment(e.programExitDateTime).format('D MMM YYYY, h:mm a'), e.findExitObservation('Exit reason').getReadableValue(), e.findExitObservation('Exit note').getValue(),
    e.findExitObservation('Delivery place').getReadableValue(), e.findExitObservation('Weight') === undefined, e.isActive,
  ]};
}

//! six weeks after the delivery
//  on  delivered
//  UTC              {"shouldSend":true,"scheduledDateTime":"2024-04-02T08:00:00.000Z"}
//  Asia/Kolkata     {"shouldSend":true,"scheduledDateTime":"2024-04-03T02:30:00.000Z"}
//  America/New_York {"shouldSend":true,"scheduledDateTime":"2024-04-02T12:00:00.000Z"}
({params, imports}) => {
  const delivered = params.entity.findExitObservation('Delivery date');
  return {shouldSend: !!delivered, scheduledDateTime: imports.moment(delivered.getValue()).add(6, 'weeks').hour(8).startOf('hour').toDate()};
}

//! no message for one who has left
//  on  delivered
//  all  {"shouldSend":false}
({params}) => params.entity.programExitDateTime ? {shouldSend: false} : {shouldSend: true, scheduledDateTime: new Date()}

//! boy or girl
//  on  delivered
//  all  {"parameters":["बधाई हो! बेटी",4,4]}
({params}) => {
  const sex = params.entity.findExitObservation('Sex of child').getReadableValue();
  const word = {Boy: 'बेटा', Girl: 'बेटी'}[sex];
  return {parameters: [`बधाई हो! ${word}`, word.length, [...word].length]};
}

//! visit that was missed
//  on  delivered
//  all  {"shouldSend":true,"parameters":["PNC 2: 2 months ago"]}
({params, imports}) => {
  const {moment} = imports;
  const missed = params.entity.scheduledEncounters().filter((e) => moment(e.maxVisitDateTime).isBefore(moment()));
  return {shouldSend: missed.length > 0, parameters: missed.map((e) => `${e.name}: ${moment(e.maxVisitDateTime).fromNow()}`)};
}

//! how long ago, in words
//  on  delivered
//  UTC              {"parameters":["a year ago","3 days","a year ago","Last Sunday at 8:15 PM"]}
//  Asia/Kolkata     {"parameters":["a year ago","3 days","a year ago","Last Monday at 1:45 AM"]}
//  America/New_York {"parameters":["a year ago","3 days","a year ago","Last Sunday at 4:15 PM"]}
({params, imports}) => {
  const {moment} = imports;
  const e = params.entity;
  return {parameters: [moment(e.enrolmentDateTime).fromNow(), moment(e.programExitDateTime).fromNow(true), moment(e.programExitDateTime).to(e.enrolmentDateTime), moment(e.programExitDateTime).calendar()]};
}

//! vaccines given so far
//  on  child
//  all  {"parameters":["BCG,OPV 0,OPV 1,Penta 1","Measles 1","4/5"]}
({params}) => {
  const given = _.flatMap(params.entity.getEncounters(), (e) => e.getObservationReadableValue('Vaccines given') || []);
  const all = ['BCG', 'OPV 0', 'OPV 1', 'Penta 1', 'Measles 1'];
  return {parameters: [_.sortBy(given).join(), _.difference(all, given).join(), `${given.length}/${all.length}`]};
}

//! next dose: the day before, at six in the evening
//  on  child
//  UTC              {"scheduledDateTime":"2024-05-08T18:00:00.000Z","shouldSend":true}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-08T12:30:00.000Z","shouldSend":true}
//  America/New_York {"scheduledDateTime":"2024-05-07T22:00:00.000Z","shouldSend":true}
({params, imports}) => {
  const next = _.minBy(params.entity.scheduledEncounters(), 'earliestVisitDateTime');
  return {scheduledDateTime: imports.moment(next.earliestVisitDateTime).subtract(1, 'd').set({hour: 18, minute: 0, second: 0, millisecond: 0}).toISOString(), shouldSend: true};
}

//! age of a child born on 29 February
//  on  child
//  UTC              {"parameters":[2,8,1,1,1,"2025-02-28",0]}
//  Asia/Kolkata     {"parameters":[2,8,0,1,0,"2025-02-28",0]}
//  America/New_York {"parameters":[2,8,0,1,1,"2025-02-28",0]}
({params, imports}) => {
  const {individual} = params.entity;
  const on = (day) => imports.moment(day);
  return {parameters: [
    individual.getAgeInMonths(on('2024-05-01')), individual.getAgeInWeeks(on('2024-05-01')), individual.getAgeInYears(on('2025-02-28')), individual.getAgeInYears(on('2025-03-01')),
    individual.getAgeInMonths(on('2024-03-29')), imports.moment(individual.dateOfBirth).add(1, 'year').format('YYYY-MM-DD'), individual.getAgeInYears(),
  ]};
}

//! birthday of a child born on 29 February
//  on  child
//  UTC              {"scheduledDateTime":"2025-02-28T09:00:00.000Z","parameters":["29 Feb",false,true,29]}
//  Asia/Kolkata     {"scheduledDateTime":"2025-02-28T04:00:00.000Z","parameters":["29 Feb",false,true,29]}
//  America/New_York {"scheduledDateTime":"2025-02-28T14:00:00.000Z","parameters":["28 Feb",false,true,29]}
({params, imports}) => {
  const birth = imports.moment(params.entity.individual.dateOfBirth);
  const next = birth.clone().year(2025).hour(9);
  return {scheduledDateTime: next.toDate(), parameters: [birth.clone().year(2028).format('D MMM'), next.isLeapYear(), birth.isLeapYear(), birth.daysInMonth()]};
}

//! low birth weight
//  on  child
//  all  {"shouldSend":true,"parameters":[2.35,2.5,"kg",true]}
({params}) => {
  const weight = params.entity.findObservation('Birth weight');
  return {shouldSend: weight.isAbnormal(), parameters: [weight.getValue(), weight.concept.lowNormal, weight.concept.unit, weight.getValue() < weight.concept.lowNormal]};
}

//! weight gain per week
//  on  child
//  UTC              {"parameters":["280",6.26]}
//  Asia/Kolkata     {"parameters":["280",6.26]}
//  America/New_York {"parameters":["279",6.26]}
({params, imports}) => {
  const [first, second] = _.sortBy(params.entity.encounters.filter((e) => e.encounterDateTime), 'encounterDateTime');
  const weeks = imports.moment(second.encounterDateTime).diff(first.encounterDateTime, 'weeks', true);
  return {parameters: [(1000 * (second.getObservationValue('Weight') - first.getObservationValue('Weight')) / weeks).toFixed(0), _.round(weeks, 2)]};
}

//! duration, place, photos, subjects
//  on  child
//  all  {"parameters":["3 days","{\"durations\":[{\"_durationValue\":\"3\",\"durationUnit\":\"days\"}]}","place-sadar","https://media.example/p.jpg","[\"https://media.example/1.jpg\",\"https://media.example/2.jpg\"]","[\"https://media.example/1.jpg\",\"https://media.example/2.jpg\"]","sunita","[\"asha\",\"ravi\"]"]}
({params}) => {
  const e = params.entity;
  return {parameters: [
    String(e.getObservationReadableValue('Age at discharge')), JSON.stringify(e.getObservationValue('Age at discharge')), e.getObservationReadableValue('Birth place'),
    e.getObservationReadableValue('Photo'), JSON.stringify(e.getObservationValue('Card photos')), JSON.stringify(e.getObservationReadableValue('Card photos')), e.individual.getObservationValue('Mother'), JSON.stringify(e.individual.getObservationValue('Siblings')),
  ]};
}

//! coded answer, single: value and reading
//  on  child
//  all  {"parameters":["Exclusive breast feeding","concept-exclusive-breast-feeding","concept-exclusive-breast-feeding",false,"Exclusive breast feeding|Mixed|Top feed"]}
({params}) => {
  const o = params.entity.findObservation('Feeding');
  return {parameters: [o.getReadableValue(), o.getValue(), o.getValueWrapper().getConceptUUID(), o.isAbnormal(), o.concept.getAnswers().map((a) => a.concept.name).join('|')]};
}

//! latest feeding
//  on  child
//  all  {"parameters":["Mixed","Mixed","Exclusive breast feeding",true]}
({params}) => ({parameters: [
  params.entity.findLatestObservationFromEncounters('Feeding').getReadableValue(), params.entity.findLatestObservationInEntireEnrolment('Feeding').getReadableValue(),
  params.entity.getObservationReadableValue('Feeding'), params.entity.findLatestObservationFromEncounters('Chlorine') === undefined,
]})

//! names with an empty part
//  on  child
//  all  {"parameters":["Baby of Sunita","","Baby of Sunita",true,true,"Baby of Sunita"]}
({params}) => {
  const {individual} = params.entity;
  return {parameters: [individual.firstName, individual.lastName, individual.nameString, individual.name === undefined, individual.middleName === undefined, `${individual.firstName} ${individual.lastName}`.trim()]};
}

//! boys and girls
//  on  child
//  all  {"parameters":["Male",true,false,true,true,"Individual"]}
({params: {entity: {individual}}}) => ({parameters: [individual.gender.name, individual.isMale(), individual.isFemale(), individual.gender.isMale(), individual.isPerson(), individual.subjectType.name]})

//! village
//  on  child
//  all  {"parameters":["Wadgaon","place-wadgaon",true,true]}
({params: {entity: {individual}}}) => ({parameters: [individual.lowestAddressLevel.name, individual.lowestAddressLevel.uuid, individual.lowestAddressLevel.type === undefined, individual.lowestAddressLevel.level === undefined]})

//! program and its name are not there
//  on  child
//  all  {"parameters":[true,true,0]}
({params: {entity}}) => ({parameters: [entity.program === null, entity.operationalProgramName === undefined, entity.individual.enrolments.length]})

//! program of an enrolment: what is not there throws
//  on  child
//  all  throws TypeError
({params: {entity}}) => ({parameters: [entity.program.name]})

//! immunisation: between the windows
//  on  child
//  UTC              {"parameters":[true,true,true,4,17]}
//  Asia/Kolkata     {"parameters":[true,true,true,4,17]}
//  America/New_York {"parameters":[true,false,false,3,17]}
({params, imports: {moment}}) => {
  const check = (e) => moment(e.encounterDateTime).isBetween(e.earliestVisitDateTime, e.maxVisitDateTime, null, '[]');
  const visit = params.entity.findEncounter('Immunisation', 'Six weeks');
  return {parameters: [check(visit), moment('2024-04-11').isSameOrBefore(visit.earliestVisitDateTime, 'day'), moment('2024-04-11').isSame(visit.earliestVisitDateTime, 'day'), moment(visit.maxVisitDateTime).isoWeekday(), moment(visit.maxVisitDateTime).week()]};
}
