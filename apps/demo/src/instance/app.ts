import Fastify, { type FastifyInstance } from 'fastify'
import type { Tidemark } from 'tidemark'
import { Places } from '../places/places.ts'
import { ApiError } from './api-error.ts'
import { acceptJson, fromFastify, MAX_BODY_BYTES } from './bodies.ts'
import { toApiError } from './error-answers.ts'
import { Follower } from './follower.ts'
import { refuseTheRest } from './methods.ts'
import { changesRoutes } from './routes/changes.ts'
import { healthRoutes } from './routes/health.ts'
import { listingRoutes } from './routes/listing.ts'
import { placeRoutes } from './routes/place.ts'
import { TierWatch } from './tier-watch.ts'
import { Traffic } from './traffic.ts'

export interface AppOptions {
  /** Stays open when the app is closed: it belongs to the caller. */
  readonly store: Tidemark
  /** Which instance of the fleet this is, from 1. */
  readonly instance: number
  /** Called with what no client did wrong; the client is told no more than that. */
  readonly onError: (error: unknown) => void
  /** @default the places of `store` */
  readonly places?: Places
}

/** The HTTP API of one instance. */
export function createApp({ store, instance, onError, places = new Places(store) }: AppOptions): FastifyInstance {
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
  })
  const traffic = new Traffic()
  const follower = new Follower(store)
  const tierWatch = new TierWatch(store)
  acceptJson(app)
  app.addHook('onResponse', async (_request, reply) => traffic.answered(reply.statusCode, reply.elapsedTime))
  app.addHook('onClose', async () => {
    tierWatch.close()
    await follower.close()
  })
  app.setErrorHandler(async (error: Error, _request, reply) => {
    let answer = toApiError(error) ?? fromFastify(error)
    if (answer === undefined) {
      onError(error)
      answer = new ApiError(500, 'INTERNAL', 'something went wrong here; the log of this instance says what')
    }
    const { status, code, message, details, headers } = answer
    return reply
      .code(status)
      .headers(headers)
      .send({ error: { code, message, ...details } })
  })
  placeRoutes(app, places)
  listingRoutes(app, places)
  changesRoutes(app, store)
  healthRoutes(app, { instance, store, traffic, follower, tierWatch })
  refuseTheRest(app)
  return app
}
