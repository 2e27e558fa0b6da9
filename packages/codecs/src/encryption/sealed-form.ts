import { BOUND, CorruptError } from '@tidemark/core'
import { CHECK_BYTES } from './key-ring.ts'
import { NONCE_BYTES, TAG_BYTES } from './xaes-256-gcm.ts'

/*
 * What an encrypted value is, byte by byte. Stored: never change it.
 *
 * | bytes | what |
 * |---|---|
 * | 0–1 | 3, and the id of the codec: 32 |
 * | 2 | how it is encrypted: 1, XAES-256-GCM |
 * | 3 | what it is: 0 a value, 1 meta, 2 a mark, 3 neither of them |
 * | 4–7 | id of the key, big-endian, as all that follows |
 * | 8–11 | what tells keys with the same id apart |
 * | 12–18 | version |
 * | 19–22 | length of the ciphertext |
 * | 23–46 | nonce |
 * | 47– | ciphertext, and the tag of 16 bytes |
 *
 * Associated data: bytes 0–22, length of the context (uint16), the context, the encoded key of the entry.
 */
export const ID = 32
const SUITE_AT = 2
const PART_AT = 3
const KEY_ID_AT = 4
const CHECK_AT = 8
const VERSION_AT = 12
const LENGTH_AT = 19
export const NONCE_AT = 23
export const BODY_AT: number = NONCE_AT + NONCE_BYTES
const XAES_256_GCM = 1
const TWO_32 = 2 ** 32

/** Stored: never renumber them. */
const PARTS = ['value', 'meta', 'mark', 'none'] as const

export interface SealedHeader {
  readonly part: (typeof PARTS)[number]
  readonly keyId: number
  /** A view. */
  readonly check: Uint8Array
  readonly version: number
}

/** Room for everything, with what stands in front of the nonce. */
export function sealedForm(
  { part, keyId, check, version }: SealedHeader,
  plainLength: number,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(BODY_AT + plainLength + TAG_BYTES)
  const view = new DataView(bytes.buffer)
  bytes[0] = BOUND
  bytes[1] = ID
  bytes[SUITE_AT] = XAES_256_GCM
  bytes[PART_AT] = PARTS.indexOf(part)
  view.setUint32(KEY_ID_AT, keyId)
  bytes.set(check, CHECK_AT)
  const high = Math.floor(version / TWO_32)
  bytes[VERSION_AT] = high >>> 16
  view.setUint16(VERSION_AT + 1, high & 0xffff)
  view.setUint32(VERSION_AT + 3, version % TWO_32)
  view.setUint32(LENGTH_AT, plainLength)
  return bytes
}

/** What it says of itself, of which nothing is proven yet. @throws CorruptError */
export function headerOf(bytes: Uint8Array): SealedHeader {
  if (bytes.length < BODY_AT + TAG_BYTES) throw truncated(bytes.length)
  if (bytes[0] !== BOUND || bytes[1] !== ID) throw new CorruptError('it is not an encrypted value')
  if (bytes[SUITE_AT] !== XAES_256_GCM) {
    throw new CorruptError(`it is encrypted in a way that this release does not know, ${bytes[SUITE_AT]}; upgrade it`, {
      mayBeWhole: true,
    })
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const length = view.getUint32(LENGTH_AT)
  const actual = bytes.length - BODY_AT - TAG_BYTES
  if (actual < length) throw truncated(bytes.length)
  const part = PARTS[bytes[PART_AT]!]
  if (part === undefined || actual > length) throw tampered()
  return {
    part,
    keyId: view.getUint32(KEY_ID_AT),
    check: bytes.subarray(CHECK_AT, CHECK_AT + CHECK_BYTES),
    version: (bytes[VERSION_AT]! * 0x1_0000 + view.getUint16(VERSION_AT + 1)) * TWO_32 + view.getUint32(VERSION_AT + 3),
  }
}

export function associatedData(sealed: Uint8Array, context: Uint8Array, key: Uint8Array): Uint8Array {
  const data = new Uint8Array(NONCE_AT + 2 + context.length + key.length)
  data.set(sealed.subarray(0, NONCE_AT))
  data[NONCE_AT] = context.length >>> 8
  data[NONCE_AT + 1] = context.length & 0xff
  data.set(context, NONCE_AT + 2)
  data.set(key, NONCE_AT + 2 + context.length)
  return data
}

export function tampered(): CorruptError {
  return new CorruptError(
    'it is not what was encrypted here: its bytes were changed, or it was written for another key',
    {
      code: 'TAMPERED',
    },
  )
}

function truncated(length: number): CorruptError {
  return new CorruptError(`an encrypted value of ${length} bytes is truncated`, { code: 'TRUNCATED' })
}
