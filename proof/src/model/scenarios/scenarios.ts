import { FENCE_SCENARIOS } from './fence.ts'
import { CERTIFICATE_SCENARIOS } from './certificate.ts'
import { NEAR_SCENARIOS } from './near.ts'
import { RESTORE_SCENARIOS } from './restore.ts'
import type { Scenario } from './scenario.ts'
import { START_SCENARIOS } from './start.ts'
import { TAKEOVER_SCENARIOS } from './takeover.ts'

/** All there are; the quick ones are what the tests run. */
export const SCENARIOS: readonly Scenario[] = [
  ...FENCE_SCENARIOS,
  ...START_SCENARIOS,
  ...CERTIFICATE_SCENARIOS,
  ...TAKEOVER_SCENARIOS,
  ...RESTORE_SCENARIOS,
  ...NEAR_SCENARIOS,
]

/** @throws RangeError when there is none of that name */
export function scenarioNamed(name: string): Scenario {
  const found = SCENARIOS.find((each) => each.name === name)
  if (found === undefined) {
    throw new RangeError(`there is no scenario '${name}': ${SCENARIOS.map((each) => each.name).join(', ')}`)
  }
  return found
}
