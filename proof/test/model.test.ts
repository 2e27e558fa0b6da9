import { describe, expect, test } from 'vitest'
import { FLAW_NAMES } from '../src/model/flaws.ts'
import { check, hunt } from '../src/model/run.ts'
import { SCENARIOS } from '../src/model/scenarios/scenarios.ts'

const quiet = (): void => {}

describe('the coherence protocol, in every interleaving with every fault', () => {
  for (const scenario of SCENARIOS.filter(({ quick }) => quick)) {
    test(`is safe: ${scenario.name}, ${scenario.about}`, () => {
      const { finding, complete, states } = check(scenario, quiet).exploration
      expect(finding).toBeUndefined()
      expect(complete).toBe(true)
      expect(states).toBeGreaterThan(500)
    })
  }
})

describe('the model notices each broken rule', () => {
  for (const flaw of FLAW_NAMES) {
    test(flaw, () => {
      const { first, caughtBy } = hunt(flaw, quiet)
      expect(caughtBy).toBeDefined()
      expect(first?.trace.length).toBeGreaterThan(0)
    })
  }
})
