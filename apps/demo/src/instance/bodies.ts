import type { FastifyInstance } from 'fastify'
import { ApiError } from './api-error.ts'

/** The largest request body that is read. */
export const MAX_BODY_BYTES = 64 * 1024

const JSON_TYPES = ['application/json', 'application/merge-patch+json']

/** JSON is the only body there is. The parser is our own so that the answer can say what is wrong. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(JSON_TYPES, { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, JSON.parse(body as string))
    } catch (error) {
      done(new ApiError(400, 'INVALID_JSON', `the body is not JSON: ${(error as Error).message}`))
    }
  })
}

/** What Fastify itself refuses, in the words of this API. */
export function fromFastify(error: { code?: string; statusCode?: number; message: string }): ApiError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError(413, 'BODY_TOO_LARGE', `a body may have at most ${MAX_BODY_BYTES} bytes`, {
        details: { maxBytes: MAX_BODY_BYTES },
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', `the body must be ${JSON_TYPES.join(' or ')}`, {
        details: { allowed: JSON_TYPES },
      })
    default: {
      const { statusCode = 500 } = error
      return statusCode >= 400 && statusCode < 500
        ? new ApiError(statusCode, error.code ?? 'BAD_REQUEST', error.message)
        : undefined
    }
  }
}
