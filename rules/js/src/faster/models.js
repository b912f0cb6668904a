// Puts native functions in the place of the few methods of openchs-models that rules spend
// their time in. They do the same.
import AbstractEncounter from 'openchs-models/dist/AbstractEncounter';
import BaseEntity from 'openchs-models/dist/BaseEntity';
import Concept from 'openchs-models/dist/Concept';
import ConceptAnswer from 'openchs-models/dist/ConceptAnswer';
import Encounter from 'openchs-models/dist/Encounter';
import EncounterType from 'openchs-models/dist/EncounterType';
import EntityApprovalStatus from 'openchs-models/dist/EntityApprovalStatus';
import Gender from 'openchs-models/dist/Gender';
import Individual from 'openchs-models/dist/Individual';
import KeyValue from 'openchs-models/dist/application/KeyValue';
import Observation from 'openchs-models/dist/Observation';
import ProgramEncounter from 'openchs-models/dist/ProgramEncounter';
import ProgramEnrolment from 'openchs-models/dist/ProgramEnrolment';
import List from 'openchs-models/dist/framework/RealmListProxy';
import SubjectType from 'openchs-models/dist/SubjectType';
import host from '../host.js';
import { put } from '../prelude/define.js';

const CLASSES = [
  Concept, ConceptAnswer, Encounter, EncounterType, EntityApprovalStatus, Gender, Individual, KeyValue, ProgramEncounter, ProgramEnrolment,
  SubjectType,
];

// Getters that return a field of `that`.
const FIELDS = [
  [BaseEntity, ['uuid', 'voided']],
  [EncounterType, ['name']],
  [Gender, ['name']],
  [Concept, ['name', 'datatype']],
  [Individual, ['firstName', 'lastName', 'registrationDate', 'dateOfBirth']],
  [AbstractEncounter, ['name', 'encounterDateTime', 'earliestVisitDateTime', 'maxVisitDateTime', 'cancelDateTime']],
  [ProgramEnrolment, ['enrolmentDateTime', 'programExitDateTime']],
  [Observation, ['valueJSON']],
];
const ENTITIES = [
  [Observation, { concept: Concept }],
  [ConceptAnswer, { concept: Concept }],
  [AbstractEncounter, { encounterType: EncounterType }],
  [Encounter, { individual: Individual }],
  [ProgramEncounter, { programEnrolment: ProgramEnrolment }],
  [ProgramEnrolment, { individual: Individual }],
];
const LISTS = [
  [Concept, { answers: ConceptAnswer, keyValues: KeyValue }],
  [Individual, { observations: Observation, encounters: Encounter, enrolments: ProgramEnrolment }],
  [AbstractEncounter, { observations: Observation, cancelObservations: Observation }],
  [ProgramEnrolment, { observations: Observation, programExitObservations: Observation, encounters: ProgramEncounter }],
];

// A new version of the models must not go unnoticed: what is replaced is looked at.
const checkText = (name, method, text) => {
  const found = `${method}`.replace(/\s/g, '').replace(/;}$/, '}');
  if (!text.test(found)) throw new Error(`openchs-models has another ${name}: ${found}`);
};

const checkClass = (Class, blank) => {
  const that = {};
  const made = new Class(that);
  const names = Object.getOwnPropertyNames(made).filter((name) => name !== blank);
  if (made.that !== that || names.length !== 1 || made[blank] !== undefined) throw new Error(`openchs-models has another ${Class.name}`);
};

const replaceGetter = (Class, name, body, make) => {
  const { get, set } = Object.getOwnPropertyDescriptor(Class.prototype, name);
  checkText(name, get, body);
  Object.defineProperty(Class.prototype, name, { get: make(get), set, enumerable: false, configurable: true });
};

CLASSES.forEach((Class) => {
  checkClass(Class);
  host.declare(Class);
});
checkClass(Observation, 'abnormal');
host.declare(Observation, 'abnormal');
host.declareList(List.prototype);

FIELDS.forEach(([Class, names]) => names.forEach((name) => (
  replaceGetter(Class, name, new RegExp(`{returnthis\\.that\\.${name}}`), (get) => host.getter(name, get)))));
ENTITIES.forEach(([Class, fields]) => Object.keys(fields).forEach((name) => (
  replaceGetter(Class, name, new RegExp(`{returnthis\\.toEntity\\("${name}",`), (get) => host.entityGetter(name, get, fields[name])))));
LISTS.forEach(([Class, fields]) => Object.keys(fields).forEach((name) => (
  replaceGetter(Class, name, new RegExp(`{returnthis\\.toEntityList\\("${name}",`), (get) => host.listGetter(name, get, fields[name])))));

const FIND = new RegExp('^findObservation\\(conceptNameOrUuid,parentConceptNameOrUuid\\){(let|const)observations='
  + '_lodash\\.default\\.isNil\\(parentConceptNameOrUuid\\)\\?this\\.observations:this\\.findGroupedObservation\\(parentConceptNameOrUuid\\);'
  + 'return_lodash\\.default\\.find\\(observations,\\(?observation\\)?=>observation\\.concept\\.name===conceptNameOrUuid'
  + '\\|\\|observation\\.concept\\.uuid===conceptNameOrUuid\\)}$');

[Individual, AbstractEncounter, ProgramEnrolment].forEach(({ prototype }) => {
  const original = prototype.findObservation;
  checkText('findObservation', original, FIND);
  put(prototype, 'findObservation', host.finder(original, Observation));
});
