// Which field of avni-server's contract becomes which field of an openchs-models object.
// Go makes the objects (rules/node_model.go): a field is converted when a rule touches it.
//
// What rules-server leaves out is left out: middleName, name, program, the address beyond
// uuid and name.
import Concept from 'openchs-models/dist/Concept';
import KeyValue from 'openchs-models/dist/application/KeyValue';
import Observation from 'openchs-models/dist/Observation';
import QuestionGroup from 'openchs-models/dist/observation/QuestionGroup';
import MultipleCodedValues from 'openchs-models/dist/observation/MultipleCodedValues';
import PrimitiveValue from 'openchs-models/dist/observation/PrimitiveValue';
import RepeatableQuestionGroup from 'openchs-models/dist/observation/RepeatableQuestionGroup';
import SingleCodedValue from 'openchs-models/dist/observation/SingleCodedValue';
import UserInfo from 'openchs-models/dist/UserInfo';
import host from '../host.js';

const copy = (from) => ({ kind: 'copy', from });
const date = (from) => ({ kind: 'date', from });
const one = (shape, from) => ({ kind: 'one', shape, from });
const many = (shape, from) => ({ kind: 'many', shape, from });
// The contract's object, or else the object that holds this one: an enrolment in a subject
// has that subject as its individual.
const owner = (shape, from) => ({ kind: 'owner', shape, from });
const make = (convert, from) => ({ kind: 'make', convert, from });
// Known to the models, not part of JSON.stringify.
const hidden = (field) => Object.assign({ hidden: true }, field);

const define = (name, fields) => host.defineShape(name, Object.keys(fields).map((key) => Object.assign({ name: key }, fields[key], { from: fields[key].from || key })));

const groupOf = (observations) => new QuestionGroup(observations.map((observation) => new Observation(host.model('observation', observation))));

const questionGroup = (value) => {
  const groups = value || [];
  return Array.isArray(groups[0]) ? new RepeatableQuestionGroup(groups.map(groupOf)) : groupOf(groups);
};

// The usual kinds of value, without asking the concept what else it may be.
const usualWrapper = (value, datatype) => {
  if (datatype === Concept.dataType.Coded) return Array.isArray(value) ? new MultipleCodedValues(value) : new SingleCodedValue(value);
  if (datatype === Concept.dataType.Numeric || datatype === Concept.dataType.Text) return new PrimitiveValue(value, datatype);
  return undefined;
};

const valueWrapper = (value, observation) => {
  const usual = observation.concept && usualWrapper(value, observation.concept.datatype);
  if (usual) return usual;
  const concept = new Concept(observation.concept);
  return concept.isQuestionGroup() ? questionGroup(value) : concept.getValueWrapperFor(value);
};

const text = (whenMissing) => (value) => (value === undefined || value === null ? whenMissing : JSON.stringify(value));

define('concept', {
  uuid: copy(), name: copy(), datatype: copy(), lowAbsolute: copy(), hiAbsolute: copy(), lowNormal: copy(), hiNormal: copy(),
  unit: copy(), keyValues: many('keyValue'), answers: many('conceptAnswer'), voided: copy(), media: hidden(many('media')),
});
define('keyValue', { key: copy(), value: make((value) => KeyValue.fromResource({ value }).value) });
define('conceptAnswer', { uuid: copy(), concept: one('concept'), answerOrder: copy(), abnormal: copy(), unique: copy(), voided: copy() });
define('media', {});
define('observation', { concept: one('concept'), valueJSON: make(valueWrapper, 'value') });

define('gender', { uuid: copy(), name: copy() });
define('address', { uuid: copy(), name: copy() });
define('subjectType', {
  uuid: copy(), name: copy(), type: copy(), group: copy(), household: copy(), voided: copy(), allowEmptyLocation: copy(),
  allowMiddleName: copy(), lastNameOptional: copy(), allowProfilePicture: copy(), uniqueName: copy(), directlyAssignable: copy(),
  attendanceEnabled: copy(),
});
define('encounterType', { uuid: copy(), name: copy(), active: copy(), immutable: copy() });

define('approvalStatus', { uuid: copy(), status: copy(), voided: copy() });
define('entityApprovalStatus', {
  uuid: copy(), entityUUID: copy(), entityType: copy(), approvalStatus: one('approvalStatus'), approvalStatusComment: copy(),
  autoApproved: copy(), statusDateTime: date(), voided: copy(),
});

define('groupRole', {
  uuid: copy(), groupSubjectType: one('subjectType'), memberSubjectType: one('subjectType'), role: copy(), primary: copy(),
  maximumNumberOfMembers: copy(), minimumNumberOfMembers: copy(), voided: copy(),
});
define('groupSubject', {
  uuid: copy(), groupSubject: one('subject'), memberSubject: one('subject'), groupRole: one('groupRole'),
  membershipStartDate: date(), membershipEndDate: date(), voided: copy(),
});

define('subject', {
  uuid: copy(), firstName: copy(), lastName: copy(), profilePicture: copy(), dateOfBirth: date(), gender: one('gender'),
  registrationDate: date(), lowestAddressLevel: one('address'), subjectType: one('subjectType'), observations: many('observation'),
  enrolments: many('enrolment'), encounters: many('encounter'), groups: many('groupSubject'),
  approvalStatuses: many('entityApprovalStatus', 'entityApprovalStatuses'), voided: copy(),
});
define('enrolment', {
  uuid: copy(), enrolmentDateTime: date(), programExitDateTime: date(), observations: many('observation'),
  programExitObservations: many('observation', 'exitObservations'), encounters: many('programEncounter', 'programEncounters'),
  individual: owner('subject', 'subject'), approvalStatuses: many('entityApprovalStatus', 'entityApprovalStatuses'), voided: copy(),
});

const visit = {
  uuid: copy(), name: copy(), encounterType: one('encounterType'), encounterDateTime: date(), earliestVisitDateTime: date(),
  maxVisitDateTime: date(), cancelDateTime: date(), observations: many('observation'), cancelObservations: many('observation'),
  approvalStatuses: many('entityApprovalStatus', 'entityApprovalStatuses'), voided: copy(),
};
define('encounter', Object.assign({ individual: owner('subject', 'subject') }, visit));
define('programEncounter', Object.assign({ programEnrolment: owner('enrolment') }, visit));

define('user', {
  uuid: make(() => UserInfo.UUID), username: copy(), organisationName: copy(), name: copy(), userUUID: copy('uuid'),
  settings: make(text(UserInfo.DEFAULT_SETTINGS)), syncSettings: make(text('{}')),
});
define('userGroup', { uuid: copy(), groupUuid: copy(), groupName: copy(), voided: copy() });
