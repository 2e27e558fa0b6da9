import type { FastifyInstance } from 'fastify'
import { isCountry } from '../../places/place.ts'
import type { Places } from '../../places/places.ts'
import { integer, invalidParameter, readQuery } from '../query.ts'
import { representation } from './place.ts'

const MAX_LIMIT = 500
const DEFAULT_LIMIT = 50

const PARAMETERS = {
  country(text: string): string {
    if (isCountry(text)) return text
    throw invalidParameter('country', 'must be two capital letters, as in ?country=DE')
  },
  limit: integer('limit', 1, MAX_LIMIT),
  after: integer('after', 0),
}

/** `GET /places?country=&limit=&after=`: by id, page by page. */
export function listingRoutes(app: FastifyInstance, places: Places): void {
  app.get('/places', async (request) => {
    const { country, limit = DEFAULT_LIMIT, after } = readQuery(request.query, PARAMETERS)
    const page = await places.list({ country, limit, after })
    return { places: page.places.map(representation), next: page.next ?? null }
  })
}
