//! attendance of the last month, in per cent
//  on  student
//  all  {"shouldSend":true,"scheduledDateTime":"2024-03-30T10:00:00.000Z","parameters":["Meena","65%","Festival, Farm work"]}
({params}) => {
  const done = params.entity.getEncounters(true).filter((e) => e.encounterDateTime);
  const last = _.maxBy(done, 'encounterDateTime');
  const share = last.getObservationValue('Days present') / last.getObservationValue('Days open');
  return {shouldSend: share < 0.75, scheduledDateTime: last.encounterDateTime, parameters: [params.entity.firstName, `${Math.round(share * 100)}%`, last.getObservationReadableValue('Absence reason').join(', ')]};
}

//! attendance of the year
//  on  student
//  all  {"parameters":[56,67,"83.6"]}
({params}) => {
  const [open, present] = params.entity.encounters.reduce(([o, p], e) => [o + (e.getObservationValue('Days open') || 0), p + (e.getObservationValue('Days present') || 0)], [0, 0]);
  return {parameters: [present, open, (present / open * 100).toFixed(1)]};
}

//! months with full attendance
//  on  student
//  all  {"parameters":["February"]}
({params, imports: {moment, lodash: l}}) => ({parameters: l(params.entity.encounters).filter((e) => e.getObservationValue('Days open') && e.getObservationValue('Days open') === e.getObservationValue('Days present')).map((e) => moment(e.encounterDateTime).format('MMMM')).value()})

//! class and role
//  on  student
//  all  {"parameters":[1,"Class 5 B","Monitor",true,"Meena","Class",true]}
({params}) => {
  const current = params.entity.groups.filter((g) => !g.voided);
  return {parameters: [current.length, current[0].groupSubject.firstName, current[0].groupRole.role, current[0].groupRole.primary, current[0].memberSubject.firstName, current[0].groupSubject.subjectType.name, current[0].membershipEndDate === null]};
}

//! year of membership
//  on  student
//  all  {"parameters":["Class 5 B 2023-","Class 4 A 2022-2023"]}
({params, imports: {moment}}) => ({parameters: params.entity.groups.map((g) => `${g.groupSubject.nameString} ${moment(g.membershipStartDate).format('YYYY')}-${g.membershipEndDate ? moment(g.membershipEndDate).format('YYYY') : ''}`)})

//! letter to the guardian, in Hindi
//  on  student
//  all  {"parameters":["नमस्ते रमेश राठोड जी, Meena (कक्षा 5 B)",10,"राठोड रमेश"]}
({params}) => {
  const e = params.entity;
  return {parameters: [`नमस्ते ${e.getObservationReadableValue('Guardian')} जी, ${e.firstName} (कक्षा ${e.getObservationReadableValue('Class')})`, e.getObservationReadableValue('Guardian').length, e.getObservationReadableValue('Guardian').split(' ').reverse().join(' ')]};
}

//! phone of the guardian
//  on  student
//  all  {"parameters":["9000000005",true,"90000 00005",null]}
({params}) => ({parameters: [params.entity.getObservationReadableValue('Guardian phone'), params.entity.findObservation('Guardian phone').getValueWrapper().isVerified(), params.entity.getObservationReadableValue('Guardian phone').replace(/^(\d{5})(\d{5})$/, '$1 $2'), params.entity.getMobileNumber()]})

//! id of the school
//  on  student
//  all  {"parameters":["SCH-0042","SCH-0042","id-1"]}
({params}) => {
  const id = params.entity.findObservation('School id');
  return {parameters: [String(id.getReadableValue()), String(id.getValueWrapper()), id.getValueWrapper().uuid]};
}

//! age of a pupil at dates
//  on  student
//  UTC              {"parameters":["10/131/573","11/132/574","0/0/0","0/1/4"]}
//  Asia/Kolkata     {"parameters":["10/131/573","10/131/573","0/0/0","0/0/4"]}
//  America/New_York {"parameters":["10/131/573","11/132/574","0/0/0","0/1/4"]}
({params, imports: {moment}}) => ({parameters: ['2024-06-29', '2024-06-30', '2013-06-30', '2013-07-30'].map((d) => `${params.entity.getAgeInYears(moment(d))}/${params.entity.getAgeInMonths(moment(d))}/${params.entity.getAgeInWeeks(moment(d))}`)})

//! exact age of a pupil
//  on  student
//  UTC              {"parameters":["10.8361","130.0333"]}
//  Asia/Kolkata     {"parameters":["10.8355","130.0257"]}
//  America/New_York {"parameters":["10.8366","130.0389"]}
({params, imports: {moment}}) => ({parameters: [params.entity.getAgeInYears(moment('2024-05-01'), true), params.entity.getAgeInMonths(moment('2024-05-01'), true)].map((n) => n.toFixed(4))})

//! next class, after the summer
//  on  student
//  UTC              {"scheduledDateTime":"2024-06-10T07:30:00.000Z","parameters":["6 B",50]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-06-10T02:00:00.000Z","parameters":["6 B",50]}
//  America/New_York {"scheduledDateTime":"2024-06-10T11:30:00.000Z","parameters":["6 B",50]}
({params, imports: {moment}}) => {
  const [, number, section] = /^(\d+) (\w)$/.exec(params.entity.getObservationReadableValue('Class'));
  return {scheduledDateTime: moment('2024-06-10T07:30:00').toDate(), parameters: [`${+number + 1} ${section}`, parseInt(number, 10) * 10]};
}

//! admission date
//  on  student
//  UTC              {"parameters":["2023-06-11","2023-06-11","2023-01-01T00:00:00+00:00","1688169599999"]}
//  Asia/Kolkata     {"parameters":["2023-06-12","2023-06-11","2023-01-01T00:00:00+05:30","1688149799999"]}
//  America/New_York {"parameters":["2023-06-11","2023-06-11","2023-01-01T00:00:00-05:00","1688183999999"]}
({params, imports: {moment}}) => {
  const admitted = params.entity.getObservationValue('Admission date');
  return {parameters: [moment(admitted).format('YYYY-MM-DD'), moment.utc(admitted).format('YYYY-MM-DD'), moment(admitted).startOf('year').format(), moment(admitted).endOf('month').format('x')]};
}

//! approval and registration
//  on  student
//  all  {"shouldSend":true,"scheduledDateTime":"2023-06-13T00:00:00.000Z","parameters":["welcome",true]}
({params, imports: {moment}}) => {
  const {latestEntityApprovalStatus: s, registrationDate} = params.entity;
  return {shouldSend: s.approvalStatus.isApproved && !params.entity.voided, scheduledDateTime: moment(registrationDate).add(1, 'd').toDate(), parameters: [s.approvalStatusComment, moment(s.statusDateTime).isAfter(registrationDate)]};
}

//! group by month
//  on  student
//  all  {"parameters":["2024-Q1: 3"]}
({params, imports: {moment}}) => {
  const months = _.groupBy(params.entity.encounters.filter((e) => e.encounterDateTime), (e) => moment(e.encounterDateTime).format('YYYY-[Q]Q'));
  return {parameters: _.map(months, (list, key) => `${key}: ${list.length}`)};
}

//! reasons of absence, counted
//  on  student
//  all  {"parameters":["Farm work 1","Festival 1","Illness 1"]}
({params}) => ({parameters: Object.entries(_.countBy(_.compact(_.flatten(params.entity.encounters.map((e) => e.getObservationReadableValue('Absence reason')))))).map(([k, n]) => `${k} ${n}`).sort()})

//! no chlorine in the water
//  on  hand_pump
//  all  {"shouldSend":true,"scheduledDateTime":"2024-03-10T07:31:00.000Z","parameters":["Hand pump 7","0.15",6.25]}
({params, imports}) => {
  const tests = params.entity.encounters.filter((e) => e.encounterDateTime);
  const last = imports.lodash.orderBy(tests, ['encounterDateTime'], ['desc'])[0];
  const chlorine = last.findObservation('Chlorine');
  return {shouldSend: chlorine.isAbnormal(), scheduledDateTime: imports.moment(last.encounterDateTime).add(30, 'minutes').toISOString(), parameters: [params.entity.firstName, chlorine.getValue().toFixed(2), last.getObservationValue('Turbidity')]};
}

//! readings of a group, newest first
//  on  hand_pump
//  UTC              {"parameters":["29/4 03:30 0.05!","15/4 03:30 0.1!","1/4 03:30 0.35"]}
//  Asia/Kolkata     {"parameters":["29/4 09:00 0.05!","15/4 09:00 0.1!","1/4 09:00 0.35"]}
//  America/New_York {"parameters":["28/4 23:30 0.05!","14/4 23:30 0.1!","31/3 23:30 0.35"]}
({params, imports: {moment}}) => ({parameters: params.entity.getObservationValue('Readings').map((g) => ({at: g.findObservationByConceptUUID('Read on').getValue(), value: g.findObservationByConceptUUID('Reading').getValue(), low: g.findObservationByConceptUUID('Reading').isAbnormal()})).sort((a, b) => b.at - a.at).map(({at, value, low}) => `${moment(at).format('D/M HH:mm')} ${value}${low ? '!' : ''}`)})

//! three falling readings
//  on  hand_pump
//  all  {"shouldSend":true,"parameters":["0.35 > 0.1 > 0.05","35,10,5"]}
({params}) => {
  const values = params.entity.getObservationValue('Readings').map((g) => g.findObservationByConceptUUID('Reading').getValue());
  const falling = values.every((v, i) => i === 0 || v < values[i - 1]);
  return {shouldSend: falling, parameters: [values.join(' > '), values.map((v) => v * 100).join()]};
}

//! a thing has no age and no gender
//  on  hand_pump
//  all  throws TypeError
({params}) => {
  const e = params.entity;
  return {parameters: [e.gender === null, e.dateOfBirth === null, e.isFemale(), e.isMale(), e.lastName === null, e.nameString, e.isPerson(), e.subjectType.type]};
}

//! a thing's age throws
//  on  hand_pump
//  all  throws TypeError
({params}) => ({parameters: [params.entity.gender.name]})

//! place of the pump
//  on  hand_pump
//  all  {"parameters":["place-sadar","Sadar","Location","Hand pump"]}
({params}) => ({parameters: [params.entity.getObservationReadableValue('Village'), params.entity.lowestAddressLevel.name, params.entity.findObservation('Village').concept.datatype, params.entity.getObservationReadableValue('Source type')]})

//! test planned
//  on  hand_pump
//  UTC              {"scheduledDateTime":"2024-06-08T23:59:59.999Z","parameters":["Test 3",7]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-06-08T18:29:59.999Z","parameters":["Test 3",7]}
//  America/New_York {"scheduledDateTime":"2024-06-08T03:59:59.999Z","parameters":["Test 3",7]}
({params, imports: {moment}}) => {
  const [planned] = params.entity.scheduledEncountersOfType('Water quality');
  const days = moment(planned.maxVisitDateTime).diff(planned.earliestVisitDateTime, 'days');
  return {scheduledDateTime: moment(planned.earliestVisitDateTime).endOf('day').toDate(), parameters: [planned.name, days]};
}

//! why a test did not take place
//  on  hand_pump
//  all  {"parameters":["Other: road closed"]}
({params}) => ({parameters: params.entity.encounters.filter((e) => e.cancelDateTime).map((e) => `${e.findCancelEncounterObservationReadableValue('Cancel reason')}: ${e.findCancelEncounterObservation('Other reason').getValue()}`)})

//! days since the last test
//  on  hand_pump
//  UTC              {"parameters":[52,52,52,7,0]}
//  Asia/Kolkata     {"parameters":[52,52,52,12,330]}
//  America/New_York {"parameters":[52,52,52,3,-240]}
({params, imports: {moment}}) => {
  const last = params.entity.encounters.map((e) => e.encounterDateTime).filter(Boolean).reduce((a, b) => (a > b ? a : b));
  return {parameters: [moment().diff(last, 'days'), moment().diff(moment(last).startOf('day'), 'days'), Math.floor((Date.now() - last) / 864e5), moment(last).hours(), moment(last).utcOffset()]};
}

//! a new worker's welcome
//  on  worker
//  all  {"scheduledDateTime":"2024-05-01T10:00:00.000Z","shouldSend":true,"parameters":["Lata Devi","lata","Arogya"]}
({params}) => ({scheduledDateTime: new Date(), shouldSend: true, parameters: [params.entity.name, params.entity.username.split('@')[0], params.entity.organisationName]})

//! a worker's settings
//  on  worker
//  all  {"parameters":["{\"locale\":\"hi_IN\",\"trackLocation\":false}","hi_IN",false,"{}","ce9ad8ee-193e-49ee-8626-49802c8b4bd7"]}
({params}) => ({parameters: [params.entity.settings, params.entity.getSettings().locale, params.entity.getSettings().trackLocation, params.entity.syncSettings, params.entity.uuid]})

//! who made the worker
//  on  worker
//  all  {"parameters":["admin@arogya","user-admin","user-lata",1,"Administrators",false]}
({params: {user, myUserGroups, entity}}) => ({parameters: [user.username, user.userUUID, entity.userUUID, myUserGroups.length, myUserGroups[0].groupName, myUserGroups[0].voided]})

//! tomorrow morning, for a worker
//  on  worker
//  UTC              {"scheduledDateTime":"2024-05-02T07:00:00.000Z"}
//  Asia/Kolkata     {"scheduledDateTime":"2024-05-02T01:30:00.000Z"}
//  America/New_York {"scheduledDateTime":"2024-05-02T11:00:00.000Z"}
({imports: {moment}}) => ({scheduledDateTime: moment().add(1, 'day').hour(7).startOf('hour')})
