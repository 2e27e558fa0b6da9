import type { Change, Consumer, KeyTuple, StoreConsumerOptions, Tidemark } from 'tidemark'
import type { Place } from './place.ts'

/** What a country has, as a consumer adds it up from the changes of its places. */
export interface CountryTotal {
  readonly places: number
  readonly population: number
}

/** All totals lie below this. */
export const TOTALS = 'total'

/** As many as there may be processes that add up at once. */
export const TOTAL_LANES = 3

/** Where the totals of a country lie. */
export function totalKey(country: string): readonly [string, string] {
  return [TOTALS, country]
}

const OPTIONS = {
  prefix: ['place'],
  from: 'start',
  lanes: TOTAL_LANES,
  batch: 500,
  // Who was killed is succeeded soon.
  leaseMs: 2_000,
  transaction: true,
} as const satisfies StoreConsumerOptions & { batch: number; transaction: true }

type Deltas = Map<string, { places: number; population: number }>

/** What a change replaced. */
export type ValueBefore = (change: Change<Place>) => Promise<Place | undefined>

/**
 * Keeps the totals of all countries in step with the places, whichever process has written these, for as long as the store is open.
 * What is added is committed together with how far the log has been taken into account: each change counts exactly once,
 * whoever is killed when.
 *
 * @param before for tests that miscount
 */
export function countTotals(store: Tidemark, before: ValueBefore = valueBefore(store)): Promise<Consumer> {
  return store.consume<Place>('country-totals', OPTIONS, async (changes, { tx }) => {
    const deltas: Deltas = new Map()
    for (const change of changes) {
      add(deltas, await before(change), -1)
      add(deltas, change.op === 'set' ? change.value : undefined, 1)
    }
    for (const [country, { places, population }] of deltas) {
      if (places === 0 && population === 0) continue
      const total = await tx.get<CountryTotal>(totalKey(country))
      const sum = { places: (total?.places ?? 0) + places, population: (total?.population ?? 0) + population }
      if (sum.places === 0) tx.delete(totalKey(country))
      else tx.set(totalKey(country), sum)
    }
  })
}

/** The log tells it: version by version, whatever the place is by now. */
function valueBefore(store: Tidemark): ValueBefore {
  return async ({ key, prevVersion }) =>
    prevVersion === 0 ? undefined : store.get<Place>(key as KeyTuple, { at: prevVersion })
}

function add(deltas: Deltas, place: Place | undefined, sign: 1 | -1): void {
  if (place === undefined) return
  const delta = deltas.get(place.country) ?? { places: 0, population: 0 }
  deltas.set(place.country, {
    places: delta.places + sign,
    population: delta.population + sign * place.population,
  })
}
