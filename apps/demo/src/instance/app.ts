import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import type { ChangesOptions, Tidemark } from 'tidemark'
import { Places } from '../places/places.ts'
import { ApiError } from './api-error.ts'
import { acceptJson, MAX_BODY_BYTES } from './bodies.ts'
import { toApiError } from './error-answers.ts'
import { Follower } from './follower.ts'
import { refuseTheRest } from './methods.ts'
import { answerMalformed, fromFastify } from './refusals.ts'
import { type ChangeSource, changesRoutes } from './routes/changes.ts'
import { explainRoutes } from './routes/explain.ts'
import { healthRoutes } from './routes/health.ts'
import { listingRoutes } from './routes/listing.ts'
import { placeRoutes } from './routes/place.ts'
import { Staleness } from './staleness.ts'
import { TierWatch } from './tier-watch.ts'
import { Traffic } from './traffic.ts'

export interface AppOptions {
  /** Stays open when the app is closed: it belongs to the caller. */
  readonly store: Tidemark
  /** Which instance of the fleet this is, from 1. */
  readonly instance: number
  /** Whether the store has a shared front. */
  readonly hasFront: boolean
  /** Called with what no client did wrong; the client is told no more than that. */
  readonly onError: (error: unknown) => void
  /** @default the places of `store` */
  readonly places?: Places | undefined
  /** @default the change stream of `store` */
  readonly changes?: ChangeSource | undefined
}

const UNKNOWN_FAULT = new ApiError(500, 'INTERNAL', 'something went wrong here; the log of this instance says what')

/** The HTTP API of one instance. */
export function createApp(options: AppOptions): FastifyInstance {
  const { store, instance, hasFront, onError, places = new Places(store) } = options
  const { changes = (of: ChangesOptions) => store.changes(of) } = options
  const app = Fastify({
    bodyLimit: MAX_BODY_BYTES,
    // Streams and idle connections must not keep a stopping instance.
    forceCloseConnections: true,
    // A long id is to be refused as an id, not as an unknown path.
    routerOptions: { maxParamLength: 4_096 },
    // A URL that cannot be decoded reaches no route and no error handler.
    frameworkErrors: (error, _request, reply) => void answerError(error, reply),
    clientErrorHandler: answerMalformed,
    // Node would answer without a body; see the hook below.
    http: { requireHostHeader: false },
  })
  const traffic = new Traffic()
  const follower = new Follower(store)
  const tierWatch = new TierWatch(store, hasFront)
  const staleness = new Staleness(store)
  acceptJson(app)
  app.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host !== undefined || raw.httpVersion !== '1.1') return
    throw new ApiError(400, 'INVALID_HEADER', 'HTTP/1.1 demands a Host header')
  })
  app.addHook('onResponse', async (_request, reply) => traffic.answered(reply.statusCode, reply.elapsedTime))
  app.addHook('onClose', async () => {
    tierWatch.close()
    staleness.close()
    await follower.close()
  })
  app.setErrorHandler(async (error: Error, _request, reply) => answerError(error, reply))
  placeRoutes(app, places)
  explainRoutes(app, places)
  listingRoutes(app, places)
  changesRoutes(app, changes)
  healthRoutes(app, { instance, store, traffic, follower, tierWatch, staleness })
  refuseTheRest(app)
  return app

  function answerError(error: Error, reply: FastifyReply): FastifyReply {
    const known = toApiError(error) ?? fromFastify(error)
    if (known === undefined) onError(error)
    const { status, code, message, details, headers } = known ?? UNKNOWN_FAULT
    return reply
      .code(status)
      .headers(headers)
      .send({ error: { code, message, ...details } })
  }
}
