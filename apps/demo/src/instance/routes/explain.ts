import type { FastifyInstance } from 'fastify'
import type { Tidemark } from 'tidemark'
import { placeKey } from '../../places/keys.ts'
import { UnknownPlaceError } from '../../places/places.ts'
import { idOf } from './place.ts'

/** `GET /places/:id/explain`: what every tier holds of a place, and which one would answer a read of it, and why. */
export function explainRoutes(app: FastifyInstance, store: Pick<Tidemark, 'explain'>): void {
  app.get('/places/:id/explain', async (request, reply) => {
    const id = idOf(request)
    const explanation = await store.explain(placeKey(id))
    if (explanation.back.version === undefined) throw new UnknownPlaceError(id)
    return reply.type('application/json; charset=utf-8').send(JSON.stringify(explanation, readable, 2))
  })
}

/** What is not there is said to be not there, rather than left out; of an error there is a message to read. */
function readable(_name: string, value: unknown): unknown {
  if (value instanceof Error) return value.message
  return value === undefined ? null : value
}
