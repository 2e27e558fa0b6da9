import { DeliveryError } from './delivery-error.ts'

/** 4xx, and yet about the time and not about the request. */
const TRY_AGAIN: ReadonlySet<number> = new Set([408, 425, 429])
/** Longer, and a receiver that has miscounted would end the delivery. */
const LONGEST_RETRY_AFTER_MS = 3_600_000
const SHOWN_CHARACTERS = 200
const READ_BYTES = 16_384

/**
 * What an answer that is no success means.
 * @param now in milliseconds since the epoch
 */
export async function refusalOf(response: Response, receiver: string, now: number): Promise<DeliveryError> {
  const { status } = response
  // Browsers hide where it leads, and that it is a redirect.
  if (response.type === 'opaqueredirect' || (status >= 300 && status < 400)) {
    const message = `${receiver} redirects, which is not followed: what is signed is for one address; correct the url`
    return new DeliveryError(message, { status: status === 0 ? undefined : status, retryable: false })
  }
  const text = (await textOf(response)).slice(0, SHOWN_CHARACTERS)
  return new DeliveryError(`${receiver} answered ${status}${text === '' ? '' : `: ${text}`}`, {
    status,
    retryable: status >= 500 || TRY_AGAIN.has(status),
    retryAfterMs: retryAfterMs(response.headers.get('retry-after'), now),
  })
}

/** The beginning of a body, read so that the connection can be used again where the body is short. Never rejects. */
export async function textOf({ body }: Response): Promise<string> {
  if (body === null) return ''
  let text = ''
  let bytes = 0
  const decoder = new TextDecoder()
  const reader = body.getReader()
  try {
    while (bytes < READ_BYTES) {
      const { done, value } = await reader.read()
      if (done) return text
      bytes += value.length
      text += decoder.decode(value, { stream: true })
    }
    await reader.cancel()
  } catch {
    // It was answered; that the rest did not arrive changes nothing.
  }
  return text
}

/** Of seconds, or of a date. */
function retryAfterMs(header: string | null, now: number): number | undefined {
  if (header === null) return undefined
  const ms = /^\d+$/.test(header) ? Number(header) * 1_000 : Date.parse(header) - now
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), LONGEST_RETRY_AFTER_MS)
}
