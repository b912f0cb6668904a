// The rest of what Avni's rulesConfig holds. It serves forms, decisions and checklists, none of which a message rule has.

const names = [
  'Action', 'ActionEligibilityResponse', 'AddDecisionActionDetails', 'AdditionalComplicationsBuilder', 'CompoundRule',
  'ConceptScope', 'Condition', 'DecisionRule', 'DeclarativeRule', 'DeclarativeRuleHolder', 'EditFormRuleResponse',
  'EncounterEligibilityCheck', 'EnrolmentEligibilityCheck', 'FormElementRule', 'FormElementStatus',
  'FormElementStatusBuilder', 'FormElementsStatusHelper', 'FormValidationActionDetails', 'LHS', 'ProgramRule', 'RHS',
  'Rule', 'RuleFactory', 'RuleRegistry', 'RuleType', 'Ruleable', 'SkipLogic', 'StatusBuilderAnnotationFactory',
  'ViewFilterActionDetails', 'VisitScheduleActionDetails', 'WithName', 'WorkListUpdationRule', 'complicationsBuilder',
  'defaultTo', 'isDefined', 'lib', 'processServiceCallResults',
];

/**
 * Makes reading any of those names from target an error that says so, rather than an undefined that fails lines later.
 * They are not enumerable, so that copying or printing the object is no error.
 */
export function refuseOthers(target) {
  names.forEach((name) => Object.defineProperty(target, name, {
    get() { throw new Error(`${name} is not available in message rules`); },
  }));
  return target;
}
