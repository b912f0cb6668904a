// The object that a rule gets as params.entity, from the contract's object.
import Encounter from 'openchs-models/dist/Encounter';
import Individual from 'openchs-models/dist/Individual';
import MyGroups from 'openchs-models/dist/MyGroups';
import ProgramEncounter from 'openchs-models/dist/ProgramEncounter';
import ProgramEnrolment from 'openchs-models/dist/ProgramEnrolment';
import UserInfo from 'openchs-models/dist/UserInfo';
import host from '../host.js';
import './shapes.js';

const MODELS = { Subject: Individual, ProgramEnrolment, Encounter, ProgramEncounter, User: UserInfo };

// entity wraps what Go made in the openchs-models class of the entity type.
export const entity = (type, that) => host.instance(MODELS[type], that);

export const user = (that) => (that ? new UserInfo(that) : undefined);

export const userGroups = (groups) => (groups.length ? groups.map((that) => new MyGroups(that)) : []);
