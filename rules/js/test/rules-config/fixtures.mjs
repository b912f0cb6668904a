// Small entities to put conditions to, made of Avni's own models. Times are local, as rules see them.

import models from 'openchs-models';

const {
  ChecklistItem, Encounter, Individual, ProgramEncounter, ProgramEnrolment,
} = models;

export const date = (text) => new Date(`${text}T09:00:00`);

// Observations as the models store them: a concept and the text of a value.
const concept = (name, datatype, answers) => ({ uuid: `uuid-${name}`, name, datatype, answers });
const observation = (about, value) => ({ concept: about, valueJSON: JSON.stringify(value) });
const plain = (name, datatype, answer) => observation(concept(name, datatype, []), { answer });
const number = (name, answer) => plain(name, 'Numeric', answer);
const text = (name, answer) => plain(name, 'Text', answer);
const day = (name, answer) => plain(name, 'Date', answer);

const answer = (name, order, voided = false) => ({
  uuid: `answer-${name}`, concept: { uuid: `uuid-${name}`, name, datatype: 'NA' }, answerOrder: order, voided,
});
const coded = (name, value, answers) => observation(concept(name, 'Coded', answers), { answer: value });

const riskAnswers = [answer('Yes', 1), answer('No', 2), answer('Unknown', 3)];
const symptomAnswers = [answer('Fever', 1), answer('Cough', 2), answer('None', 3), answer('Dizzy', 4, true)];

const child = (name, value) => ({ concept: concept(name, 'Numeric', []), valueJSON: { answer: value } });
const group = (name, children) => observation(concept(name, 'QuestionGroup', []), { groupObservations: children });
const groups = (name, occurrences) => observation(concept(name, 'QuestionGroup', []), {
  repeatableObservations: occurrences.map((children) => ({ groupObservations: children })),
});

const subjectThat = (changes) => Object.assign({
  uuid: 'subject',
  firstName: 'Subject',
  registrationDate: date('2023-01-10'),
  dateOfBirth: date('2000-06-15'),
  gender: { uuid: 'gender', name: 'Female' },
  lowestAddressLevel: { uuid: 'address', name: 'North', type: 'Village' },
  observations: [
    number('Income', 1200),
    text('Nickname', ''),
    coded('High risk', 'uuid-Yes', riskAnswers),
    group('House', [child('Rooms', 3)]),
  ],
  encounters: [],
}, changes);

const enrolmentThat = (changes) => Object.assign({
  uuid: 'enrolment',
  individual: subjectThat(),
  enrolmentDateTime: date('2023-02-01'),
  observations: [
    number('Parity', 2),
    day('LMP', '2023-01-01'),
    number('Only in enrolment', 7),
    groups('Pregnancies', [[child('Weight at birth', 2)], [child('Weight at birth', 3)]]),
  ],
  programExitObservations: [text('Exit reason', 'Moved')],
  encounters: [
    // Not in the order of time, as they come from a sync.
    {
      uuid: 'second',
      encounterType: { name: 'ANC' },
      encounterDateTime: date('2023-04-01'),
      earliestVisitDateTime: date('2023-03-30'),
      observations: [number('Weight', 52), number('Height', 150), group('Vitals', [child('Pulse', 80)])],
    },
    {
      uuid: 'first',
      encounterType: { name: 'ANC' },
      encounterDateTime: date('2023-03-01'),
      observations: [number('Weight', 48), text('Only in first', 'x')],
    },
    {
      uuid: 'home',
      encounterType: { name: 'Home' },
      encounterDateTime: date('2023-04-15'),
      observations: [number('Steps', 10)],
    },
    { uuid: 'voided', voided: true, encounterType: { name: 'ANC' }, encounterDateTime: date('2023-04-20'), observations: [number('Weight', 1)] },
    { uuid: 'planned', encounterType: { name: 'Home' }, earliestVisitDateTime: date('2023-06-20'), observations: [] },
  ],
}, changes);

/** A subject of 23; changes replace properties. */
export const subject = (changes) => new Individual(subjectThat(changes));

/** An enrolment with encounters in March and April, a voided and a planned one. */
export const enrolment = (changes) => new ProgramEnrolment(enrolmentThat(changes));

/** The visit of 1 May within that enrolment. */
export const visit = (changes) => new ProgramEncounter(Object.assign({
  uuid: 'current',
  name: 'ANC 3',
  encounterType: { name: 'ANC' },
  encounterDateTime: date('2023-05-01'),
  programEnrolment: enrolmentThat(),
  observations: [
    number('Weight', 55),
    text('Remark', 'fine'),
    group('Vitals', [child('Pulse', 90)]),
    coded('High risk', 'uuid-No', riskAnswers),
    coded('Symptoms', ['uuid-Fever', 'uuid-Cough'], symptomAnswers),
    coded('Past symptoms', ['uuid-Dizzy'], symptomAnswers),
    day('Next visit', '2023-05-20'),
    groups('Tests', [[child('Reading', 10)], [child('Reading', 20)]]),
  ],
  cancelObservations: [text('Cancel reason', 'Travel')],
}, changes));

/** An encounter of 1 May with a subject who was also seen in April. */
export const encounter = (changes) => new Encounter(Object.assign({
  uuid: 'now',
  encounterType: { name: 'Survey' },
  encounterDateTime: date('2023-05-01'),
  individual: subjectThat({
    encounters: [
      { uuid: 'earlier', encounterType: { name: 'Survey' }, encounterDateTime: date('2023-04-01'), observations: [number('Score', 3), number('Old', 1)] },
      { uuid: 'scheduled', encounterType: { name: 'Survey' }, earliestVisitDateTime: date('2023-07-01'), observations: [] },
    ],
  }),
  observations: [number('Score', 5)],
  cancelObservations: [],
}, changes));

export const checklistItem = () => new ChecklistItem({ uuid: 'item', observations: [text('Batch', 'B7')] });
