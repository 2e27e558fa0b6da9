import type { Tidemark } from 'tidemark'
import type { KnownPlace } from './data-set.ts'
import { countryKey, placeKey } from './keys.ts'

/** How many places are in: written in the commit of each batch, so that an interrupted load goes on exactly there. */
const LOADED_KEY = ['demo', 'loaded'] as const

/** Places per commit; each is two keys. */
const BATCH = 500

export interface LoadOptions {
  /** Ends the load between two batches. */
  readonly signal: AbortSignal
  /** `done` places are in the store. Called first with what was there before. */
  readonly onProgress: (done: number) => void
}

/** Brings the places into the store, unless they are there already. @returns how many had to be written. */
export async function loadPlaces(
  store: Pick<Tidemark, 'get' | 'setMany'>,
  places: readonly KnownPlace[],
  { signal, onProgress }: LoadOptions,
): Promise<number> {
  const before = Math.min((await store.get<number>(LOADED_KEY)) ?? 0, places.length)
  let done = before
  onProgress(done)
  while (done < places.length && !signal.aborted) {
    const batch = places.slice(done, done + BATCH)
    done += batch.length
    const items = batch.flatMap(({ id, place }) => [
      [placeKey(id), place] as const,
      [countryKey(place.country, id), true] as const,
    ])
    await store.setMany([...items, [LOADED_KEY, done]])
    onProgress(done)
  }
  return done - before
}
