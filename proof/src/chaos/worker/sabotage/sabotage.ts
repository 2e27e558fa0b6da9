import type { Subject } from '../subject.ts'
import { blindUpdate } from './blind-update.ts'
import { forgottenTags } from './forgotten-tags.ts'
import { withoutFences } from './no-fences.ts'
import type { SabotageContext } from './sabotage-context.ts'
import { swappedRecord } from './swapped-record.ts'
import { unfencedFill } from './unfenced-fill.ts'
import { unleasedLoad } from './unleased-load.ts'

/** Where a worker is told what to break. Nothing outside of this folder knows of it. */
export const SABOTAGE_VARIABLE = 'TIDEMARK_CHAOS_SABOTAGE'

/**
 * What can be broken on purpose, to see that the checker notices. `no-fences`: the production code, with scripts that ask
 * no fence. It needs faults to show: only they make what is late arrive late. `unfenced-fill`: records are put back late and past the
 * scripts. `blind-update`: increments read, then write, in two steps. `swapped-record`: a record gets under another key.
 * `unleased-load`: what a loader brings is written, whatever has happened meanwhile. `forgotten-tags`: values are stored without
 * their tags.
 */
export const SABOTAGES = [
  'no-fences',
  'unfenced-fill',
  'blind-update',
  'swapped-record',
  'unleased-load',
  'forgotten-tags',
] as const

export type Sabotage = (typeof SABOTAGES)[number]

/** Before the store is opened: breaks what it will send. */
export function sabotageClient(): void {
  if (process.env[SABOTAGE_VARIABLE] === 'no-fences') withoutFences()
}

/** The subject, or what takes its place; something may go on in the background until the signal aborts. */
export function sabotaged(subject: Subject, context: SabotageContext): Subject {
  const chosen = process.env[SABOTAGE_VARIABLE]
  if (chosen === undefined || chosen === 'no-fences') return subject
  if (chosen === 'blind-update') return blindUpdate(subject)
  if (chosen === 'unleased-load') return unleasedLoad(subject)
  if (chosen === 'forgotten-tags') return forgottenTags(subject)
  if (chosen === 'unfenced-fill') unfencedFill(context)
  else if (chosen === 'swapped-record') swappedRecord(context)
  else throw new RangeError(`${SABOTAGE_VARIABLE} is ${chosen}; allowed: ${SABOTAGES.join(', ')}`)
  return subject
}
