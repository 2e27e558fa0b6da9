import type { RaceProduct } from '@tidemark/bench-peers/races/race-cache'
import { notApplicable, type Outcome } from '../outcome.ts'
import type { Scenario } from '../scenario.ts'
import { settled } from '../waiting.ts'
import { World } from '../world.ts'

/** Far above what any race takes: what is not over by then hangs. */
const CELL_MS = 15_000

/** Runs one race with one product. Never throws, and always ends. */
export async function runCell(scenario: Scenario, product: RaceProduct): Promise<Outcome> {
  const missing = scenario.needs.find((feature) => product.lacks[feature] !== undefined)
  if (missing !== undefined) return notApplicable(product.lacks[missing]!)
  const strays: unknown[] = []
  const stray = (error: unknown): void => void strays.push(error)
  // A peer that lets an error escape shall not end the scoreboard.
  process.on('unhandledRejection', stray)
  process.on('uncaughtException', stray)
  let world: World | undefined
  try {
    world = await World.create(product)
    const end = await settled(scenario.run(world), CELL_MS)
    if (end.kind === 'pending') return { kind: 'error', words: `not over within ${CELL_MS} ms` }
    if (end.kind === 'error') return { kind: 'error', words: text(end.error) }
    const outcome = end.value as Outcome
    if (strays.length === 0 || outcome.kind !== 'holds') return outcome
    return { kind: 'fails', words: `an error that nobody could catch: ${text(strays[0])}` }
  } catch (error) {
    return { kind: 'error', words: text(error) }
  } finally {
    await world?.close()
    process.off('unhandledRejection', stray)
    process.off('uncaughtException', stray)
  }
}

function text(error: unknown): string {
  return error instanceof Error ? `${error.name}: ${error.message}` : String(error)
}
