import { assertKnown, between, callback, type Clock, clockOption } from '@tidemark/core'
import { type Secret, secretsOf } from './secret.ts'

export interface WebhookOptions {
  /** What requests are signed with. Several, while one takes the place of another: each makes a signature. */
  readonly secret: Secret | readonly Secret[]
  /** Sent with every request. Those of the sink itself take precedence. */
  readonly headers?: Readonly<Record<string, string>> | undefined
  /** The longest that a request takes, its answer included. @default 10_000 */
  readonly timeoutMs?: number | undefined
  /** @default the one of the platform */
  readonly fetch?: typeof globalThis.fetch | undefined
  readonly clock?: Clock | undefined
}

export interface ResolvedWebhookOptions {
  readonly url: URL
  readonly secrets: readonly Uint8Array<ArrayBuffer>[]
  readonly headers: Headers
  readonly timeoutMs: number
  readonly fetch: typeof globalThis.fetch
  readonly clock: Clock
}

/** What a timer can count. */
const LONGEST_TIMEOUT_MS = 2 ** 31 - 1

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveWebhookOptions(url: string | URL, options: WebhookOptions): ResolvedWebhookOptions {
  assertKnown(options, ['secret', 'headers', 'timeoutMs', 'fetch', 'clock'], 'webhook')
  const { secret, headers = {}, timeoutMs = 10_000, fetch = globalThis.fetch, clock } = options
  return Object.freeze({
    url: checkedUrl(url),
    secrets: secretsOf(secret),
    headers: new Headers(headers),
    timeoutMs: between('option timeoutMs', timeoutMs, 1, LONGEST_TIMEOUT_MS),
    fetch: callback('option fetch', fetch),
    clock: clockOption(clock),
  })
}

/** A URL may hold secrets in any of its parts, so messages do not show it. */
function checkedUrl(given: string | URL): URL {
  const url = URL.parse(given)
  if (url === null || !['http:', 'https:'].includes(url.protocol)) {
    throw new TypeError('the url of a webhook must begin with https:// or http://')
  }
  if (url.username !== '' || url.password !== '') {
    throw new TypeError('the url of a webhook must not hold a user name or password; put them in the option headers')
  }
  return url
}
