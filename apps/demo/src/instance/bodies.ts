import type { FastifyInstance, FastifyRequest } from 'fastify'
import { ApiError } from './api-error.ts'

/** The largest request body that is read. */
export const MAX_BODY_BYTES = 64 * 1024

const JSON_TYPES = ['application/json', 'application/merge-patch+json']
const CHARSET = 'utf-8'

/** JSON in UTF-8 is the only body there is. The parser is our own so that the answer can say what is wrong. */
export function acceptJson(app: FastifyInstance): void {
  app.removeAllContentTypeParsers()
  const parse = async (request: FastifyRequest, body: Buffer): Promise<unknown> => {
    // Whatever its headers say, it is as if it were not there.
    if (body.length === 0) return undefined
    refuseOtherCodings(request)
    return parseJson(decode(body))
  }
  app.addContentTypeParser(JSON_TYPES, { parseAs: 'buffer' }, parse)
  app.addContentTypeParser('*', { parseAs: 'buffer' }, async (_request: FastifyRequest, body: Buffer) => {
    if (body.length > 0) throw unsupportedType()
    return undefined
  })
}

export function unsupportedType(): ApiError {
  return new ApiError(415, 'UNSUPPORTED_MEDIA_TYPE', `the body must be ${JSON_TYPES.join(' or ')}`, {
    details: { allowed: JSON_TYPES },
  })
}

function refuseOtherCodings({ headers }: FastifyRequest): void {
  const encoding = headers['content-encoding']?.trim().toLowerCase() ?? 'identity'
  if (encoding !== 'identity') {
    throw new ApiError(415, 'UNSUPPORTED_ENCODING', 'the body must be sent as it is, without a Content-Encoding', {
      // RFC 9110, 12.5.3: tells this 415 from that of a media type.
      headers: { 'accept-encoding': 'identity' },
    })
  }
  const [, charset = CHARSET] = /;\s*charset\s*=\s*"?([^\s;"]*)"?/i.exec(headers['content-type'] ?? '') ?? []
  if (charset.toLowerCase() !== CHARSET) {
    throw new ApiError(415, 'UNSUPPORTED_CHARSET', `the body must be in ${CHARSET}`, {
      details: { allowed: [CHARSET] },
    })
  }
}

/** Without a byte order mark, if there is one. Unlike a lenient decoder it never stores U+FFFD for what was sent. */
function decode(body: Buffer): string {
  try {
    return new TextDecoder(CHARSET, { fatal: true }).decode(body)
  } catch {
    throw new ApiError(400, 'INVALID_UTF8', 'the body is not valid UTF-8')
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new ApiError(400, 'INVALID_JSON', `the body is not JSON: ${(error as Error).message}`)
  }
}
