import type { FastifyInstance } from 'fastify'
import type { Tidemark } from 'tidemark'
import { type CountryTotal, totalKey } from '../../places/country-totals.ts'
import { isCountry } from '../../places/place.ts'
import { ApiError } from '../api-error.ts'
import { readQuery } from '../query.ts'

/** `GET /countries/:country`: how many places it has, and how many people live there, as the consumer has counted them. */
export function countryRoutes(app: FastifyInstance, store: Pick<Tidemark, 'get'>): void {
  app.get('/countries/:country', async (request) => {
    readQuery(request.query, {})
    const { country } = request.params as { country: string }
    if (!isCountry(country)) {
      throw new ApiError(400, 'INVALID_COUNTRY', 'a country is two capital letters, as in /countries/DE')
    }
    const { places, population } = (await store.get<CountryTotal>(totalKey(country))) ?? { places: 0, population: 0 }
    return { country, places, population }
  })
}
