// What a message rule finds under `imports.rulesConfig`. The members mean what they mean in Avni's rules-config, of which
// this is not a copy: only conditions and visit schedules are here.
//
// The bundle also puts this module in the place of the package `rules-config`, which avni-health-modules names as a peer.
// Its `common` and `mother/calculations`, the parts that message rules get, load without anything from it.

import { RuleCondition } from './condition.js';
import { VisitScheduleBuilder } from './schedule-builder.js';
import { refuseOthers } from './unavailable.js';

/**
 * What `imports.rulesConfig` must be: this object, not the module's namespace, which cannot refuse the other names.
 * Frozen, because all rules of an organisation share it.
 */
export const rulesConfig = Object.freeze(refuseOthers({ RuleCondition, VisitScheduleBuilder }));

export { RuleCondition, VisitScheduleBuilder };
export default rulesConfig;
