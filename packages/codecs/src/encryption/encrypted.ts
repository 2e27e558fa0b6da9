import {
  assertKnown,
  type BindingCodec,
  type Codec,
  codecPort,
  CorruptError,
  flag,
  isBinding,
  type JudgingCodec,
  openValue,
  type ReadingCodec,
  sealValue,
} from '@tidemark/core'
import { type EncryptionKey, keyRing, type RingKey } from './key-ring.ts'
import { Nonces } from './nonces.ts'
import {
  associatedData,
  BODY_AT,
  headerOf,
  ID,
  NONCE_AT,
  type SealedHeader,
  sealedForm,
  tampered,
} from './sealed-form.ts'

/** How {@link encrypted} encrypts. */
export interface EncryptionOptions {
  /** All that anything is still encrypted with: the current one, and those before it. */
  readonly keys: readonly EncryptionKey[]
  /** The id of the one with which values are written. */
  readonly current: number
  /**
   * What is authenticated with every value, and has to be the same to read it: the name of the store, a tenant. Up to 65,535
   * bytes of UTF-8. @default nothing
   */
  readonly context?: string | undefined
  /**
   * Reads what is not encrypted, too: while a store is moved to encryption, and no longer. Until then whoever can write where
   * values are stored can put there what they like.
   * @default false
   */
  readonly readsUnencrypted?: boolean | undefined
}

const OPTIONS: readonly (keyof EncryptionOptions)[] = ['keys', 'current', 'context', 'readsUnencrypted']
const NO_KEY = new Uint8Array(0)

/** Where stored bytes stand, as it is authenticated. */
interface Spot extends Pick<SealedHeader, 'part' | 'version'> {
  readonly key: Uint8Array
}

/** What `encode` on its own comes to: something that a store does not do. */
const NOWHERE: Spot = { key: NO_KEY, version: 0, part: 'none' }

/**
 * A codec that encrypts what `codec` encodes with AES-256-GCM, meta and tags included, and binds it to its key and version: it
 * can be read there and nowhere else. Keys of entries, dates and sizes are not hidden.
 *
 * Every value has a random nonce of 192 bits (XAES-256-GCM): there is no number of values after which a key has to be changed.
 *
 * @throws TypeError or RangeError for a wrong option; no message shows a key
 */
export function encrypted(codec: Codec, options: EncryptionOptions): Codec {
  codecPort('the codec', codec)
  if (isBinding(codec)) throw new TypeError('the codec encrypts already')
  assertKnown(options, OPTIONS, 'encrypted')
  const ring = keyRing(options.keys, options.current)
  const context = contextOf(options.context)
  const readsUnbound = flag('option readsUnencrypted', options.readsUnencrypted ?? false)
  const nonces = new Nonces()
  const alsoReads = [codec, ...('alsoReads' in codec ? (codec as ReadingCodec).alsoReads : [])]

  function seal(envelope: Uint8Array, { key, version, part }: Spot): Uint8Array {
    const { id: keyId, check, cipher } = ring.current
    const bytes = sealedForm({ part, keyId, check, version }, envelope.length)
    const nonce = nonces.next()
    bytes.set(nonce, NONCE_AT)
    cipher.seal(nonce, envelope, associatedData(bytes, context, key), bytes, BODY_AT)
    return bytes
  }

  function open(bytes: Uint8Array, spot: Spot): Uint8Array {
    const header = headerOf(bytes)
    const { cipher } = keyOf(header)
    if (header.version !== spot.version || header.part !== spot.part) throw misplaced(header, spot)
    const nonce = bytes.subarray(NONCE_AT, BODY_AT)
    const envelope = cipher.open(nonce, bytes.subarray(BODY_AT), associatedData(bytes, context, spot.key))
    if (envelope === undefined) throw tampered()
    return envelope
  }

  /** @throws CorruptError */
  function keyOf({ keyId, check }: SealedHeader): RingKey {
    const key = ring.get(keyId)
    if (key === undefined) {
      throw new CorruptError(`it is encrypted with the key ${keyId}, which is not among the keys`, {
        code: 'KEY_MISSING',
      })
    }
    if (check.every((byte, i) => byte === key.check[i])) return key
    throw new CorruptError(`it is encrypted with another key than the one that is called ${keyId} here`, {
      code: 'KEY_WRONG',
    })
  }

  const made: BindingCodec & JudgingCodec = {
    id: ID,
    inner: codec,
    alsoReads,
    readsUnbound,
    bind: (envelope, { key, version, part }) => seal(envelope, { key: key.bytes, version, part }),
    unbind: (bytes, { key, version, part }) => open(bytes, { key: key.bytes, version, part }),
    isCurrent: (bytes) => keyOf(headerOf(bytes)) === ring.current,
    encode: (value) => seal(sealValue(codec, value), NOWHERE),
    decode: (bytes) => openValue(alsoReads, open(bytes, NOWHERE)),
  }
  return made
}

function contextOf(text: unknown = ''): Uint8Array {
  if (typeof text !== 'string' || !text.isWellFormed())
    throw new TypeError('option context must be a well-formed string')
  const bytes = new TextEncoder().encode(text)
  if (bytes.length > 0xffff) throw new RangeError(`option context takes ${bytes.length} bytes; allowed: up to 65,535`)
  return bytes
}

function misplaced(header: SealedHeader, spot: Spot): CorruptError {
  const what = ({ part, version }: Pick<SealedHeader, 'part' | 'version'>): string =>
    `the ${part} of version ${version}`
  return new CorruptError(`it was written as ${what(header)}, and stands as ${what(spot)}`, { code: 'MISPLACED' })
}
