/** Where a place lies in the store. */
export function placeKey(id: number): readonly ['place', number] {
  return ['place', id]
}

/** The entry that lists a place under its country: written and moved in the same commit as the place. */
export function countryKey(country: string, id: number): readonly ['country', string, number] {
  return ['country', country, id]
}
