import Fastify, { type FastifyInstance, type FastifyReply } from 'fastify'
import { ApiError } from './api-error.ts'
import { acceptJson, MAX_BODY_BYTES } from './bodies.ts'
import { toApiError } from './error-answers.ts'
import { answerMalformed, fromFastify } from './refusals.ts'
import type { Traffic } from './traffic.ts'

export interface HttpOptions {
  readonly traffic: Traffic
  /** Called with what no client did wrong; the client is told no more than that. */
  readonly onError: (error: unknown) => void
}

const UNKNOWN_FAULT = new ApiError(500, 'INTERNAL', 'something went wrong here; the log of this instance says what')

/** A server without routes, which answers every error in the form of this API. */
export function createHttp({ traffic, onError }: HttpOptions): FastifyInstance {
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
  acceptJson(app)
  app.addHook('onRequest', async ({ headers, raw }) => {
    if (headers.host !== undefined || raw.httpVersion !== '1.1') return
    throw new ApiError(400, 'INVALID_HEADER', 'HTTP/1.1 demands a Host header')
  })
  app.addHook('onResponse', async (_request, reply) => traffic.answered(reply.statusCode, reply.elapsedTime))
  app.setErrorHandler(async (error: Error, _request, reply) => answerError(error, reply))
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
