import type { Socket } from 'node:net'
import { type ServerResponse, STATUS_CODES } from 'node:http'
import { ApiError } from './api-error.ts'
import { MAX_BODY_BYTES, unsupportedType } from './bodies.ts'

/** What Fastify itself refuses, in the words of this API; undefined: that was a fault of ours. */
export function fromFastify(error: Error & { code?: string; statusCode?: number }): ApiError | undefined {
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new ApiError(413, 'BODY_TOO_LARGE', `a body may have at most ${MAX_BODY_BYTES} bytes`, {
        details: { maxBytes: MAX_BODY_BYTES },
      })
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
    case 'FST_ERR_CTP_EMPTY_TYPE':
      return unsupportedType()
    case 'FST_ERR_BAD_URL':
      return new ApiError(400, 'INVALID_URL', 'the url cannot be decoded; a % must be followed by UTF-8 in hex')
    default: {
      const { statusCode = 500 } = error
      if (statusCode === 414) return new ApiError(414, 'URL_TOO_LONG', 'the url is too long')
      return statusCode >= 400 && statusCode < 500
        ? new ApiError(statusCode, 'BAD_REQUEST', 'the request could not be read to its end')
        : undefined
    }
  }
}

/** Answers what is no HTTP, and thus never becomes a request. Closes the connection: where the next one begins is unknown. */
export function answerMalformed(error: { code?: string }, socket: Socket): void {
  // The client is gone, or in the middle of an answer. Where that is kept, Node tells only itself.
  const { _httpMessage: answer } = socket as { _httpMessage?: ServerResponse | null }
  if (error.code === 'ECONNRESET' || !socket.writable || answer?.headersSent === true) {
    socket.destroy()
    return
  }
  const { status, code, message } = fromParser(error.code)
  const body = JSON.stringify({ error: { code, message } })
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'content-type: application/json; charset=utf-8',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ]
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => socket.destroy())
}

function fromParser(code: string | undefined): ApiError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return new ApiError(431, 'HEADERS_TOO_LARGE', 'the url and the headers are too large')
    case 'HPE_CHUNK_EXTENSIONS_OVERFLOW':
      return new ApiError(413, 'BODY_TOO_LARGE', 'the chunk extensions are too large')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new ApiError(408, 'REQUEST_TIMEOUT', 'the request did not arrive in time')
    default:
      return new ApiError(400, 'MALFORMED_REQUEST', 'this is not HTTP/1.1 as RFC 9112 has it')
  }
}
