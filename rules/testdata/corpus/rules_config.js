//! condition: high risk and female
//  on  pregnancy
//  all  {"shouldSend":true,"scheduledDateTime":"2024-05-02T04:30:00Z"}
({params, imports}) => {
  const condition = new imports.rulesConfig.RuleCondition({programEnrolment: params.entity});
  return {shouldSend: condition.when.valueInEnrolment('High risk conditions').containsAnswerConceptName('Anaemia').and.is.female.matches(), scheduledDateTime: '2024-05-02T04:30:00Z'};
}

//! condition: any of the answers, none of the others
//  on  pregnancy
//  all  {"parameters":[true,true,false,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEnrolment: params.entity}).when.valueInEnrolment('High risk conditions');
  return {parameters: [
    when().containsAnyAnswerConceptName('Hypertension', 'Anaemia').matches(), when().containsAnswerConceptNameOtherThan('Anaemia').matches(),
    when().containsAnswerConceptName('None').matches(), when().containsAnyAnswerConceptName('None').or.containsAnswerConceptName('Short stature').matches(), when().not.containsAnswerConceptName('None').matches(),
  ]};
}

//! condition: numbers
//  on  pregnancy
//  all  {"parameters":[true,false,true,true,false,true,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const parity = () => new RuleCondition({programEnrolment: params.entity}).when.valueInEnrolment('Parity');
  return {parameters: [parity().equals(2).matches(), parity().lessThan(2).matches(), parity().lessThanOrEqualTo(2).matches(), parity().greaterThan(1).and.lessThan(3).matches(), parity().greaterThanOrEqualTo(3).matches(), parity().equalsOneOf(1, 2).matches(), parity().is.defined.matches(), parity().is.truthy.matches()]};
}

//! condition: a date of the enrolment
//  on  pregnancy
//  UTC              {"parameters":[false,true,true,true,true]}
//  Asia/Kolkata     {"parameters":[false,true,true,true,true]}
//  America/New_York {"parameters":[false,true,true,false,true]}
({params, imports: {moment, rulesConfig: {RuleCondition}}}) => {
  const lmp = () => new RuleCondition({programEnrolment: params.entity}).when.valueInEnrolment('Last menstrual period');
  return {parameters: [lmp().lessThan(moment('2023-12-10'), 'day').matches(), lmp().equals(moment('2023-12-01'), 'month').matches(), lmp().greaterThan(new Date(2023, 11, 9), 'day').matches(), lmp().asDaysSince.equals(36).matches(), lmp().asAge.is.lessThan(1).matches()]};
}

//! condition: values across visits
//  on  pregnancy
//  all  {"parameters":[true,true,true,true,false,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEnrolment: params.entity}).when;
  return {parameters: [
    when().valueInEntireEnrolment('Weight').equals(45.5).matches(), when().latestValueInAllEncounters('Weight').equals(47).matches(), when().latestValueInEntireEnrolment('Haemoglobin').lessThan(11).matches(),
    when().latestValueInEntireEnrolment('Chlorine').is.notDefined.matches(), when().valueInExit('Exit reason').is.defined.matches(), when().valueInRegistration('Mobile number').matchesFn((v) => v === '9000000001').matches(),
  ]};
}

//! condition: this visit and the one before
//  on  anc_done
//  all  {"parameters":[true,true,true,true,false,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEncounter: params.entity}).when;
  return {parameters: [
    when().valueInEncounter('Systolic').is.greaterThanOrEqualTo(140).or.valueInEncounter('Diastolic').is.greaterThanOrEqualTo(90).matches(), when().latestValueInPreviousEncounters('Systolic').equals(118).matches(),
    when().valueInLastEncounter('Haemoglobin', ['ANC']).lessThan(10).matches(), when().valueInEncounter('Referred').is.yes.matches(), when().valueInEncounter('Referred').is.no.matches(), when().encounterType.equals('ANC').matches(), when().encounterMonth.equals(3).matches(),
  ]};
}

//! condition: then
//  on  anc_done
//  all  {"parameters":["eat more",true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const said = new RuleCondition({programEncounter: params.entity}).when.valueInEncounter('Weight').is.lessThan(50).then(() => 'eat more');
  const unsaid = new RuleCondition({programEncounter: params.entity}).when.valueInEncounter('Weight').is.lessThan(40).then(() => 'eat more');
  return {parameters: [said, unsaid === undefined]};
}

//! condition: age
//  on  pregnancy
//  all  {"parameters":[true,false,true,true,false,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEnrolment: params.entity}).when;
  return {parameters: [when().age.equals(25).matches(), when().ageInMonths.greaterThan(305).matches(), when().ageInWeeks.is.lessThan(1331).matches(), when().ageInDays.equals(9311).matches(), when().male.matches(), when().gender.equals('Female').matches(), when().lowestAddressLevel.equals('Wadgaon').matches()]};
}

//! condition: a cancelled visit
//  on  anc_cancelled
//  all  {"parameters":[true,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEncounter: params.entity}).when;
  return {parameters: [when().valueInCancelEncounter('Cancel reason').containsAnswerConceptName('At mother\'s house').matches(), when().valueInCancelEncounter('Other reason').equals('back for the festival').matches(), when().valueInEncounter('Weight').is.notDefined.matches()]};
}

//! condition: question groups
//  on  anc_done
//  all  {"parameters":[true,true,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({programEncounter: params.entity, individual: params.entity.individual}).when;
  return {parameters: [when().questionGroupValueInRegistration('Rooms', 'House details', 0).equals(2).matches(), when().questionGroupValueInRegistration('Relation', 'Family members', 1).containsAnswerConceptName('Mother-in-law').matches(), when().questionGroupValueInEnrolment('Birth weight', 'Past deliveries', 0).greaterThan(2.5).matches(), when().questionGroupValueInEnrolment('Birth weight', 'Past deliveries', 1).is.notDefined.matches()]};
}

//! condition: general encounter
//  on  follow_up
//  all  {"parameters":[true,true,true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => {
  const when = () => new RuleCondition({encounter: params.entity}).when;
  return {parameters: [when().valueInEncounter('Substances').containsAnswerConceptName('Tobacco').matches(), when().latestValueInPreviousEncounters('Days sober').equals(16).matches(), when().latestValueInAllEncounters('Mood').containsAnswerConceptName('Good').matches(), when().male.and.valueInEncounter('Days sober').greaterThan(40).matches()]};
}

//! condition: subject
//  on  student
//  all  {"parameters":[true,true]}
({params, imports: {rulesConfig: {RuleCondition}}}) => ({parameters: [new RuleCondition({individual: params.entity}).when.age.is.lessThan(11).and.valueInRegistration('Class').equals('5 B').matches(), new RuleCondition({individual: params.entity}).when.valueInRegistration('Class').matchesFn((c) => /^5/.test(c)).matches()]})

//! condition without what it needs
//  on  student
//  all  throws Error
({params, imports}) => ({shouldSend: new imports.rulesConfig.RuleCondition({individual: params.entity}).when.valueInEnrolment('Parity').equals(1).matches()})

//! visits by a schedule builder
//  on  pregnancy
//  UTC              {"scheduledDateTime":"2024-06-10T00:00:00.000Z","parameters":["PNC 1","ANC 5"]}
//  Asia/Kolkata     {"scheduledDateTime":"2024-06-09T18:30:00.000Z","parameters":["PNC 1","ANC 5"]}
//  America/New_York {"scheduledDateTime":"2024-06-10T04:00:00.000Z","parameters":["PNC 1","ANC 5"]}
({params, imports: {moment, rulesConfig: {VisitScheduleBuilder}}}) => {
  const builder = new VisitScheduleBuilder({programEnrolment: params.entity});
  builder.add({name: 'PNC 1', encounterType: 'PNC', earliestDate: moment('2024-09-16').toDate(), maxDate: moment('2024-09-23').toDate()}).when.valueInEnrolment('Parity').is.greaterThan(1);
  builder.add({name: 'PNC 9', encounterType: 'PNC', earliestDate: moment('2024-10-16').toDate(), maxDate: moment('2024-10-23').toDate()}).whenItem(1).equals(2);
  builder.add({name: 'ANC 5', encounterType: 'ANC', earliestDate: moment('2024-06-10').toDate(), maxDate: moment('2024-06-17').toDate()}).whenItem(true).is.truthy;
  const visits = builder.getAll();
  return {scheduledDateTime: _.minBy(visits, 'earliestDate').earliestDate, parameters: visits.map((v) => v.name)};
}

//! visits, one of each type
//  on  pregnancy
//  all  {"parameters":["PNC 2 30/9"]}
({params, imports: {moment, rulesConfig: {VisitScheduleBuilder}}}) => {
  const builder = new VisitScheduleBuilder({programEnrolment: params.entity});
  [1, 2].forEach((n) => builder.add({name: `PNC ${n}`, encounterType: 'PNC', earliestDate: moment('2024-09-16').add(n, 'w').toDate(), maxDate: moment('2024-09-23').add(n, 'w').toDate()}));
  return {parameters: builder.getAllUnique('encounterType').map((v) => `${v.name} ${moment(v.earliestDate).format('D/M')}`)};
}

//! a form rule's helper is not there
//  on  pregnancy
//  all  throws Error
({imports}) => ({parameters: [typeof imports.rulesConfig.FormElementStatus]})

//! what imports holds
//  on  pregnancy
//  all  {"parameters":["common,lodash,log,moment,motherCalculations,rulesConfig","function",true,true,"function","RuleCondition,VisitScheduleBuilder"]}
({imports}) => ({parameters: [Object.keys(imports).sort().join(), typeof imports.log, imports.moment === moment, imports.lodash === _, typeof imports.common.calculateBMI, Object.keys(imports.rulesConfig).join()]})

//! what params holds
//  on  pregnancy
//  all  {"parameters":["imports,params","entity,user,myUserGroups"]}
(input) => ({parameters: [Object.keys(input).sort().join(), Object.keys(input.params).join()]})
