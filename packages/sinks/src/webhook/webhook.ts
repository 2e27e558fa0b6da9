import { changeJson } from '@tidemark/core'
import { assertBatch, type Sink } from '../sink.ts'
import { refusalOf, textOf } from './answer.ts'
import { DeliveryError } from './delivery-error.ts'
import { resolveWebhookOptions, type ResolvedWebhookOptions, type WebhookOptions } from './options.ts'
import { hmacKey } from './secret.ts'
import { ID_HEADER, SIGNATURE_HEADER, signatureOf, TIMESTAMP_HEADER } from './signature.ts'

/**
 * Posts every batch to a URL, signed: `{"changes":[…]}`, each with its `id`, and `lane` and `fence` where the consumer says
 * them. One request at a time per lane, so in order per key. Resolves with the first answer of 2xx; the receiver gets a batch
 * again when its answer was lost, whole, in part, or beside new changes, and tells by the ids.
 *
 * The sink rejects with a DeliveryError. `retryable`: no answer in time, 5xx, 408, 425, 429. Not: every other answer, a
 * redirect among them, which is not followed. While a receiver asks to be left alone (`Retry-After`, an hour at most), every
 * batch waits before it is sent; the time that the consumer gives its handler goes on.
 *
 * @throws TypeError or RangeError for a wrong option.
 */
export function webhook(url: string | URL, options: WebhookOptions): Sink {
  const resolved = resolveWebhookOptions(url, options)
  const keys = Promise.all(resolved.secrets.map(hmacKey))
  // Where there is no WebCrypto, the first batch says so.
  keys.catch(() => {})
  const { clock } = resolved
  let closedUntil = -Infinity
  const sink: Sink = async (changes, context) => {
    assertBatch(changes)
    const { signal } = context
    signal.throwIfAborted()
    if (changes.length === 0) return
    const ids = changes.map((change) => context.idempotencyKey(change))
    const { lane, fence } = context
    const head = JSON.stringify({ lane, fence }).slice(1, -1)
    const lines = changes.map((change, i) => changeJson(ids[i]!, change))
    const body = `{${head}${head === '' ? '' : ','}"changes":[${lines.join(',')}]}`
    const id = await batchId(ids)
    for (let left = closedUntil - clock.monotonic(); left > 0; left = closedUntil - clock.monotonic()) {
      await within(signal, (done) => clock.schedule(left, done))
    }
    // Anew for each attempt, so that an old one is refused by its time.
    const timestamp = Math.floor(clock.now() / 1_000)
    const headers = new Headers(resolved.headers)
    headers.set('content-type', 'application/json')
    headers.set('idempotency-key', id)
    headers.set(ID_HEADER, id)
    headers.set(TIMESTAMP_HEADER, String(timestamp))
    headers.set(SIGNATURE_HEADER, await signatureOf(await keys, { id, timestamp, body }))
    signal.throwIfAborted()
    const refusal = await post(resolved, { headers, body }, signal)
    if (refusal === undefined) return
    if (refusal.retryAfterMs !== undefined) {
      closedUntil = Math.max(closedUntil, clock.monotonic() + refusal.retryAfterMs)
    }
    throw refusal
  }
  return Object.assign(sink, { takesBatches: true as const })
}

/** @returns why it was not taken @throws what the signal was aborted for */
async function post(
  { url, timeoutMs, fetch, clock }: ResolvedWebhookOptions,
  request: { readonly headers: Headers; readonly body: string },
  signal: AbortSignal,
): Promise<DeliveryError | undefined> {
  const receiver = `the webhook at ${url.host}`
  const late = new AbortController()
  const cancel = clock.schedule(timeoutMs, () => late.abort())
  try {
    const response = await fetch(url, {
      ...request,
      method: 'POST',
      redirect: 'manual',
      credentials: 'omit',
      signal: AbortSignal.any([signal, late.signal]),
    })
    if (!response.ok) return await refusalOf(response, receiver, clock.now())
    await textOf(response)
    return undefined
  } catch (cause) {
    signal.throwIfAborted()
    if (late.signal.aborted) {
      return new DeliveryError(`${receiver} did not answer within ${timeoutMs} ms`, { retryable: true, cause })
    }
    return new DeliveryError(`${receiver} cannot be reached: ${reasonOf(cause)}`, { retryable: true, cause })
  } finally {
    cancel()
  }
}

/** The same for the same changes. */
async function batchId(ids: readonly string[]): Promise<string> {
  const [first, last] = [ids[0]!, ids.at(-1)!]
  if (ids.length === 1) return first
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(ids.join('\n')))
  const hash = Array.from(new Uint8Array(digest, 0, 8), (byte) => byte.toString(16).padStart(2, '0')).join('')
  return `${first}-${last.slice(last.lastIndexOf(':') + 1)}-${hash}`
}

/** Waits for `done`, and no longer than until the signal aborts. @throws its reason */
async function within(signal: AbortSignal, start: (done: () => void) => () => void): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = (): void => {
      cancel()
      reject(signal.reason as Error)
    }
    const cancel = start(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    })
    signal.addEventListener('abort', onAbort, { once: true })
  })
}

/** What `fetch` says is that it failed; why stands below. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message === '' && 'code' in cause ? String(cause.code) : cause.message
}
