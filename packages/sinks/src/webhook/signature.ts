import { fromBase64, hmacKey, type Secret, secretsOf, toBase64 } from './secret.ts'

// https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md: there are libraries for
// receivers in most languages.
export const ID_HEADER = 'webhook-id'
export const TIMESTAMP_HEADER = 'webhook-timestamp'
export const SIGNATURE_HEADER = 'webhook-signature'
const VERSION = 'v1,'

/** What is signed besides the body. */
export interface Signed {
  readonly id: string
  /** In seconds since the epoch. */
  readonly timestamp: number
  readonly body: string | Uint8Array
}

/** The headers of a request as a server has them, by their names in any case. */
export type RequestHeaders = Headers | Readonly<Record<string, string | readonly string[] | undefined>>

export interface VerifyOptions {
  /** By how much the time of a request may differ from ours, in either direction. @default 300_000 (5 minutes) */
  readonly toleranceMs?: number | undefined
  /** The time of the receiver, in milliseconds since the epoch. @default that of the machine */
  readonly now?: number | undefined
}

/** One signature for each secret, as the header has them. */
export async function signatureOf(keys: readonly CryptoKey[], signed: Signed): Promise<string> {
  const bytes = signedBytes(signed)
  const signatures = await Promise.all(keys.map((key) => crypto.subtle.sign('HMAC', key, bytes)))
  return signatures.map((signature) => VERSION + toBase64(signature)).join(' ')
}

/**
 * Whether a request was signed with one of the secrets, not long ago. `body` is what was received, byte for byte: parsed and
 * put together again it is something else. A request that was recorded passes again within the tolerance: the ids of its
 * changes tell.
 *
 * @throws TypeError for a secret that is none
 */
export async function verifySignature(
  secret: Secret | readonly Secret[],
  headers: RequestHeaders,
  body: string | Uint8Array,
  options: VerifyOptions = {},
): Promise<boolean> {
  const { toleranceMs = 300_000, now = Date.now() } = options
  const secrets = secretsOf(secret)
  const [id, time, signatures] = [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER].map((name) => headerOf(headers, name))
  if (id === undefined || time === undefined || signatures === undefined || !/^\d{1,12}$/.test(time)) return false
  const timestamp = Number(time)
  if (!(Math.abs(now - timestamp * 1_000) <= toleranceMs)) return false
  const bytes = signedBytes({ id, timestamp, body })
  const keys = await Promise.all(secrets.map(hmacKey))
  const candidates = signatures.split(' ').flatMap((one) => {
    const signature = one.startsWith(VERSION) ? fromBase64(one.slice(VERSION.length)) : undefined
    return signature === undefined ? [] : keys.map((key) => ({ key, signature }))
  })
  // In constant time each, and all of them: how long it takes says nothing about how near a guess was.
  const verdicts = await Promise.all(
    candidates.map(({ key, signature }) => crypto.subtle.verify('HMAC', key, signature, bytes)),
  )
  return verdicts.includes(true)
}

function signedBytes({ id, timestamp, body }: Signed): Uint8Array<ArrayBuffer> {
  const utf8 = new TextEncoder()
  const head = utf8.encode(`${id}.${timestamp}.`)
  const rest = typeof body === 'string' ? utf8.encode(body) : body
  const bytes = new Uint8Array(head.length + rest.length)
  bytes.set(head)
  bytes.set(rest, head.length)
  return bytes
}

function headerOf(headers: RequestHeaders, name: string): string | undefined {
  if (headers instanceof Headers) return headers.get(name) ?? undefined
  const found = Object.entries(headers).find(([header]) => header.toLowerCase() === name)?.[1]
  return typeof found === 'string' ? found : undefined
}
