import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { isRecord, toPlace } from '../../places/place.ts'
import { type Places, type StoredPlace, UnknownPlaceError } from '../../places/places.ts'
import { assertPrecondition } from '../../places/precondition.ts'
import { ApiError } from '../api-error.ts'
import { ifMatchOf, isNotModified, preconditionOf, versionTag } from '../etag.ts'
import { readQuery } from '../query.ts'

const PATH = '/places/:id'

/** `GET /places/:id`: the ETag is the version. */
export function placeReadRoutes(app: FastifyInstance, places: Pick<Places, 'find'>): void {
  app.get(PATH, async (request, reply) => {
    const id = idOf(request)
    const demanded = ifMatchOf(request.headers['if-match'])
    const stored = await places.find(id)
    assertPrecondition(demanded, stored?.version ?? 0)
    if (stored === undefined) throw new UnknownPlaceError(id)
    void reply.header('etag', versionTag(stored.version))
    if (isNotModified(request.headers['if-none-match'], stored.version)) return reply.code(304).send()
    return representation(stored)
  })
}

/** `PUT PATCH DELETE /places/:id`. */
export function placeWriteRoutes(app: FastifyInstance, places: Places): void {
  app.put(PATH, async (request, reply) => {
    const id = idOf(request)
    const place = toPlace(withoutId(request.body, id))
    const stored = await places.put(id, place, preconditionOf(request.headers))
    if (stored.created) void reply.code(201).header('location', `/places/${id}`)
    return sendStored(reply, stored)
  })

  app.patch(PATH, async (request, reply) => {
    const id = idOf(request)
    const patch = withoutId(request.body, id)
    return sendStored(reply, await places.patch(id, patch, preconditionOf(request.headers)))
  })

  app.delete(PATH, async (request) => {
    const id = idOf(request)
    return { deleted: id, version: await places.remove(id, preconditionOf(request.headers)) }
  })
}

/** A place as clients see it. */
export function representation({ id, place }: StoredPlace): Record<string, unknown> {
  return { id, ...place }
}

function sendStored(reply: FastifyReply, stored: StoredPlace): Record<string, unknown> {
  void reply.header('etag', versionTag(stored.version))
  return representation(stored)
}

/** Of a path below {@link PATH}, which takes no parameters. @throws ApiError 400 */
export function idOf(request: FastifyRequest): number {
  readQuery(request.query, {})
  const { id } = request.params as { id: string }
  if (/^[1-9]\d{0,14}$/.test(id)) return Number(id)
  throw new ApiError(
    400,
    'INVALID_ID',
    'the id of a place is a positive integer of up to 15 digits, as in /places/2643743',
  )
}

/** What was read can be sent back: the id may be in the body, when it is that of the path. */
function withoutId(body: unknown, id: number): unknown {
  if (body === undefined) throw new ApiError(400, 'BODY_MISSING', 'the body is missing; it must be a JSON object')
  if (!isRecord(body) || !Object.hasOwn(body, 'id')) return body
  const { id: given, ...rest } = body
  if (given === id) return rest
  throw new ApiError(422, 'INVALID_PLACE', `the id in the body must be that of the path, ${id}, or left out`)
}
