import { describe, expect, it } from 'vitest'
import { catchMutant, MUTANTS } from '../src/simulation/mutants.ts'
import { renderEvent } from '../src/simulation/render.ts'
import { excerptOf, renderViolation } from '../src/simulation/report.ts'
import { runSeed } from '../src/simulation/run-seed.ts'
import { totalsOf } from '../src/simulation/totals.ts'

const SEEDS = 1_000
/** As patient as a machine that does other things needs it. */
const PATIENT_MS = 300_000
/** Each of them shows in one of a hundred seeds at least. */
const SEEDS_PER_MUTANT = 800

describe('the simulation', () => {
  it(`finds nothing wrong in ${SEEDS} seeds, and looks where something could be`, { timeout: PATIENT_MS }, async () => {
    const totals = totalsOf()
    const found: string[] = []
    for (let seed = 1; seed <= SEEDS; seed++) {
      const result = await runSeed(seed)
      totals.add(result)
      for (const violation of result.violations) found.push(`seed ${seed}: ${renderViolation(violation)}`)
      if (result.violations.length > 0 && found.length < 5) found.push(...excerptOf(result, false))
    }
    expect(found).toEqual([])
    const summary = totals.summary()
    // Otherwise little happens in it, and it proves little.
    expect(summary.atRiskReads).toBeGreaterThan(SEEDS * 50)
    expect(summary.frontHits).toBeGreaterThan(SEEDS * 5)
    expect(summary.faults).toBeGreaterThan(SEEDS * 5)
  })

  it('runs a seed the same way each time', async () => {
    for (const seed of [7, 8, 9]) {
      const [first, second] = [await runSeed(seed), await runSeed(seed)]
      expect(second.history.map(renderEvent)).toEqual(first.history.map(renderEvent))
      expect(second.virtualMs).toBe(first.virtualMs)
    }
  })

  it.each(MUTANTS.filter(({ isRare }) => !isRare))('notices $name', { timeout: PATIENT_MS }, async (mutant) => {
    expect(await catchMutant(mutant, 1, SEEDS_PER_MUTANT)).toBeDefined()
  })
})
