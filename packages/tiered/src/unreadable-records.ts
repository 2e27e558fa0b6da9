import type { Found, StoreKey } from '@tidemark/core'
import { asError } from './tier-events.ts'

/**
 * Why an answer cannot be decoded; undefined: it can. The reader decodes it anyway, and that happens once. Never throws: many
 * callers share a read, and none of them fails for the record of another.
 */
export function readingError({ entry }: Found): Error | undefined {
  try {
    entry?.payload.read()
    entry?.meta?.read()
    return undefined
  } catch (error) {
    return asError(error)
  }
}

/**
 * What the fronts held for one read, and nobody could decode: damaged, forged, under a key that is gone. It counts as not
 * held, and has to go before the front is filled: a fill never takes the place of a record of its own version.
 */
export class UnreadableRecords<Front> {
  #byFront: Map<Front, Set<string>> | undefined

  note(front: Front, { id }: StoreKey): void {
    const byFront = (this.#byFront ??= new Map<Front, Set<string>>())
    byFront.set(front, (byFront.get(front) ?? new Set()).add(id))
  }

  /** Whether any front holds the key so. */
  has({ id }: StoreKey): boolean {
    return this.#byFront !== undefined && [...this.#byFront.values()].some((ids) => ids.has(id))
  }

  /** Those of these keys that the front holds so. */
  of(front: Front, keys: readonly StoreKey[]): readonly StoreKey[] {
    const ids = this.#byFront?.get(front)
    return ids === undefined ? [] : keys.filter(({ id }) => ids.has(id))
  }
}
