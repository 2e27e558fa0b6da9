import type { Tidemark } from 'tidemark'
import { type CountryTotal, TOTALS } from '../places/country-totals.ts'
import type { Place } from '../places/place.ts'

/** How the totals of the consumer compare with the places. */
export interface CheckedTotals {
  /** How many countries were compared. */
  readonly countries: number
  /** How many of them have other totals than their places add up to. */
  readonly differences: number
  /** The first of these, in words; null: there is none. */
  readonly first: string | null
}

/** Adds the places up, once more and from the table. To be called when nothing is written any more. */
export async function checkTotals(store: Pick<Tidemark, 'entries'>): Promise<CheckedTotals> {
  const expected = new Map<string, CountryTotal>()
  for await (const { value } of store.entries<Place>({ prefix: ['place'] })) {
    const { places, population } = expected.get(value.country) ?? { places: 0, population: 0 }
    expected.set(value.country, { places: places + 1, population: population + value.population })
  }
  const counted = new Map<string, CountryTotal>()
  for await (const { key, value } of store.entries<CountryTotal>({ prefix: [TOTALS] })) {
    counted.set(String(key[1]), value)
  }
  const countries = new Set([...expected.keys(), ...counted.keys()])
  const wrong = [...countries].filter((country) => text(expected.get(country)) !== text(counted.get(country)))
  const [first] = wrong
  return {
    countries: countries.size,
    differences: wrong.length,
    first:
      first === undefined
        ? null
        : `${first} has ${text(expected.get(first))}, and ${text(counted.get(first))} were counted`,
  }
}

function text(total: CountryTotal | undefined): string {
  return `${total?.places ?? 0} places with ${total?.population ?? 0} people`
}
