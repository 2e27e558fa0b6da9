import { TidemarkError } from '@tidemark/core'
import { fromBase64Url, toBase64Url } from './base64url.ts'
import { NO_CHECK } from './check.ts'
import { hash32 } from './hash.ts'

/** Where a subscriber resumes: right after change `seq` of one log. */
export interface Position {
  /** Of the log. */
  readonly id: string
  readonly epoch: number
  /** The last change that was taken; 0 before the first. */
  readonly seq: number
  /** `checkOf` that change; 0 when it is not known, and then a resume cannot tell a log that has diverged. */
  readonly check: number
}

// Stored by subscribers, so fixed for good: version (1 byte) · epoch, seq (8 each) · check (4) · log id (UTF-8) ·
// hash of all before it (4); big-endian. The hash tells a damaged token from one whose log has diverged, and from one of
// another version: every version begins with its number, and ends with the hash.
const VERSION = 1
const FIXED_BYTES = 21
const HASH_BYTES = 4
const MAX_ID_BYTES = 255
/** Far more than any release needs, so that what is longer is not decoded, which costs stack for each of its bytes. */
const MAX_CHARACTERS = 4_096

const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * A position as an opaque text: URL-safe, about 80 characters, valid for as long as the log holds what follows.
 *
 * @throws RangeError when a number is not a non-negative safe integer, `check` exceeds 32 bits, or the id 255 bytes.
 */
export function encodeToken(position: Position): string {
  const { epoch, seq, check } = position
  const id = utf8.encode(position.id)
  if (id.length > MAX_ID_BYTES) throw new RangeError(`the id of a log may take at most ${MAX_ID_BYTES} bytes`)
  for (const [name, value] of Object.entries({ epoch, seq, check })) {
    if (!Number.isSafeInteger(value) || value < 0)
      throw new RangeError(`${name} must be a non-negative integer, not ${value}`)
  }
  if (check > 0xffff_ffff) throw new RangeError(`check must fit 32 bits, not ${check}`)
  const bytes = new Uint8Array(FIXED_BYTES + id.length + HASH_BYTES)
  const view = new DataView(bytes.buffer)
  view.setUint8(0, VERSION)
  view.setBigUint64(1, BigInt(epoch))
  view.setBigUint64(9, BigInt(seq))
  view.setUint32(17, seq === 0 ? NO_CHECK : check)
  bytes.set(id, FIXED_BYTES)
  const end = FIXED_BYTES + id.length
  view.setUint32(end, hash32(bytes.subarray(0, end)))
  return toBase64Url(bytes)
}

/**
 * @throws TidemarkError TOKEN_INVALID for anything that `encodeToken` did not write; TOKEN_TOO_NEW for what that of a newer
 * release did.
 */
export function decodeToken(token: string): Position {
  const bytes = typeof token === 'string' && token.length <= MAX_CHARACTERS ? fromBase64Url(token) : undefined
  if (bytes === undefined || bytes.length < FIXED_BYTES + HASH_BYTES)
    throw invalid('it is not a token, or only a part of one')
  const view = new DataView(bytes.buffer)
  const end = bytes.length - HASH_BYTES
  if (view.getUint32(end) !== hash32(bytes.subarray(0, end))) throw invalid('it is damaged')
  if (bytes[0] !== VERSION) throw tooNew(bytes[0]!)
  const epoch = Number(view.getBigUint64(1))
  const seq = Number(view.getBigUint64(9))
  if (!Number.isSafeInteger(epoch) || !Number.isSafeInteger(seq)) throw invalid('its numbers are out of range')
  return { id: readId(bytes.subarray(FIXED_BYTES, end)), epoch, seq, check: view.getUint32(17) }
}

function readId(bytes: Uint8Array): string {
  try {
    return fromUtf8.decode(bytes)
  } catch (cause) {
    throw invalid('its log id is not text', cause)
  }
}

function invalid(why: string, cause?: unknown): TidemarkError {
  return new TidemarkError('TOKEN_INVALID', `cannot resume from this token: ${why}`, { cause })
}

function tooNew(version: number): TidemarkError {
  return new TidemarkError(
    'TOKEN_TOO_NEW',
    `cannot resume from this token: a newer release of Tidemark made it, with version ${version} of its form; this one reads version ${VERSION}`,
  )
}
