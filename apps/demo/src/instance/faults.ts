import type { Tidemark } from 'tidemark'
import type { StoredPlace } from '../places/places.ts'
import { Places } from '../places/places.ts'
import type { ChangeSource } from './routes/changes.ts'

/** What tests break on purpose, to see that the fleet's self-check notices. Named in the environment of the fleet. */
export const FAULT_VARIABLE = 'TIDEMARK_DEMO_FAULT'

/** Answers every read with what the first one found: the cache that nobody invalidates. */
export class StalePlaces extends Places {
  readonly #first = new Map<number, StoredPlace | undefined>()

  override async find(id: number): Promise<StoredPlace | undefined> {
    if (!this.#first.has(id)) this.#first.set(id, await super.find(id))
    return this.#first.get(id)
  }
}

/** Begins anew whenever somebody resumes: the stream that knows no tokens. */
export function forgetful(store: Pick<Tidemark, 'changes'>): ChangeSource {
  return (options) => store.changes({ ...options, after: undefined, from: 'now' })
}

/** Tells everything twice: the stream that retries what was only answered late. */
export function repeating(store: Pick<Tidemark, 'changes'>): ChangeSource {
  return async function* (options) {
    for await (const batch of store.changes(options)) {
      yield batch
      if (batch.changes.length > 0) yield batch
    }
  }
}
