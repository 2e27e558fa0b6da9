import type { RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import { NoRace } from '../no-race.ts'
import { notApplicable, type Outcome } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled } from '../waiting.ts'
import { World } from '../world.ts'
import { collectStrays } from './strays.ts'

/** Far above what any race takes: what is not over by then hangs. */
const CELL_MS = 15_000
const ATTEMPTS = 3

/** Runs one race with one product. Never throws, and always ends. */
export async function runCell(scenario: Scenario, product: RaceProduct): Promise<Outcome> {
  const missing = scenario.needs.find((feature) => product.lacks[feature] !== undefined)
  if (missing !== undefined) return notApplicable(product.lacks[missing]!)
  const strays = collectStrays()
  try {
    const outcome = await attempt(scenario, product)
    const [stray] = strays.errors
    if (stray === undefined || outcome.kind !== 'holds') return outcome
    return { kind: 'fails', words: `an error that nobody could catch: ${text(stray)}` }
  } finally {
    strays.stop()
  }
}

async function attempt(scenario: Scenario, product: RaceProduct): Promise<Outcome> {
  let last: unknown
  for (let i = 0; i < ATTEMPTS; i++) {
    let world: World | undefined
    try {
      world = await World.create(product)
      const end = await settled(scenario.run(world), CELL_MS)
      if (end.kind === 'value') return end.value as Outcome
      if (end.kind === 'pending') return { kind: 'error', words: `not over within ${CELL_MS} ms` }
      last = end.error
    } catch (error) {
      last = error
    } finally {
      await world?.close()
    }
    if (!(last instanceof NoRace)) break
  }
  return { kind: 'error', words: text(last) }
}

function text(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
