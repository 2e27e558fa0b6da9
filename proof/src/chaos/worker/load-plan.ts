import { TAGS } from '../keys.ts'
import type { LoadEvent } from '../history/events.ts'
import type { Draw } from '../random.ts'

/** What a loader is going to do. */
export interface LoadPlan {
  readonly outcome: LoadEvent['outcome']
  readonly tags: readonly string[]
  readonly takesMs: number
  readonly bodyLength: number
  /** How long it is remembered that it found nothing. */
  readonly negativeTtlMs: number
}

/** What a loader throws. The message names the load. */
export class LoaderError extends Error {
  readonly code = 'LOADER'
}

/** Longer than any run: expiry is no change that a worker has made, so the checker could not follow it. */
const FOR_EVER_MS = 1e9
/** In half of the runs; in the others it is as quick as can be. */
const LONGEST_MS = 80

export function planLoad(draw: Draw, bodyLength: number): LoadPlan {
  const chance = draw.unit()
  return {
    outcome: chance < 0.8 ? 'value' : chance < 0.92 ? 'nothing' : 'error',
    tags: someTags(draw),
    takesMs: draw.unit() < 0.5 ? 0 : draw.between(0, LONGEST_MS),
    bodyLength,
    negativeTtlMs: draw.unit() < 0.5 ? FOR_EVER_MS : 0,
  }
}

export function someTags(draw: Draw): readonly string[] {
  return TAGS.filter(() => draw.unit() < 0.5)
}
