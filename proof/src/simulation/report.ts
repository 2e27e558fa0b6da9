import type { Violation } from './checker/violation.ts'
import { renderEvent, timeOf } from './render.ts'
import type { SeedResult } from './run-seed.ts'
import type { Summary } from './totals.ts'

/** How many events of a history are shown before the one where it went wrong. */
const EXCERPT = 40

/** @param mutant the name of what was run, where it was not what is right */
export function printVerdict(result: SeedResult, isVerbose: boolean, mutant?: string): void {
  const { seed, plan, violations } = result
  console.log(`seed ${seed}: ${violations.length} violations; ${JSON.stringify(plan)}`)
  for (const violation of violations) console.log(`  ${renderViolation(violation)}`)
  for (const line of excerptOf(result, isVerbose)) console.log(`    ${line}`)
  if (isVerbose) return
  const what = mutant === undefined ? '' : ` --mutant ${mutant}`
  console.log(`  again, with everything: npm run simulate -- --seed ${seed} --seeds 1${what} --verbose`)
}

export function renderViolation({ invariant, what, event }: Violation): string {
  return `${invariant}: ${what}${event === undefined ? '' : `: ${renderEvent(event).trim()}`}`
}

/** What led to the first violation; `everything`: all that happened. */
export function excerptOf({ history, violations }: SeedResult, everything: boolean): readonly string[] {
  const events = history.toSorted((a, b) => timeOf(a) - timeOf(b))
  if (everything) return events.map(renderEvent)
  const event = violations[0]?.event
  const key = event !== undefined && 'key' in event ? event.key : undefined
  const end = event === undefined ? events.length : events.indexOf(event) + 1
  const told = events.slice(0, end).filter((each) => key === undefined || !('key' in each) || each.key === key)
  return told.slice(-EXCERPT).map(renderEvent)
}

export function printSummary({ failedSeeds, byInvariant, ...sums }: Summary): void {
  console.log(
    Object.entries(sums)
      .map(([name, value]) => `${name} ${value}`)
      .join(' · '),
  )
  for (const [invariant, count] of Object.entries(byInvariant)) console.log(`  ${invariant}: ${count}`)
  if (failedSeeds.length > 0) console.log(`  seeds: ${failedSeeds.slice(0, 20).join(' ')}`)
}
