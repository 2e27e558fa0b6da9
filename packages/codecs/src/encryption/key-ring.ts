import { assertKnown, wholeBetween } from '@tidemark/core'
import { createHmac, KeyObject } from 'node:crypto'
import { KEY_BYTES, Xaes256Gcm } from './xaes-256-gcm.ts'

/** A key, and the number by which stored values name it. */
export interface EncryptionKey {
  /** 0..4,294,967,295. Never the same for two keys. */
  readonly id: number
  /** 32 random bytes; not a password, nor anything else that can be guessed. */
  readonly key: Uint8Array | KeyObject
}

/** What tells two keys with the same id apart. */
export const CHECK_BYTES = 4
const CHECK_LABEL = 'tidemark encryption key check 1'

export interface RingKey {
  readonly id: number
  readonly check: Uint8Array
  readonly cipher: Xaes256Gcm
}

/** @throws TypeError or RangeError that names what is wrong, and never shows a key */
export function keyRing(keys: readonly EncryptionKey[], current: number): KeyRing {
  if (!Array.isArray(keys) || keys.length === 0) throw new TypeError('option keys must be an array of at least one key')
  const byId = new Map<number, RingKey>()
  for (const [i, key] of (keys as readonly EncryptionKey[]).entries()) {
    if (typeof key !== 'object' || key === null) throw new TypeError(`keys[${i}] must be an object with id and key`)
    assertKnown(key, ['id', 'key'], `keys[${i}]`)
    const id = wholeBetween(`keys[${i}].id`, key.id, 0, 0xffff_ffff)
    if (byId.has(id)) throw new TypeError(`two of the keys have the id ${id}`)
    byId.set(id, ringKey(id, key.key))
  }
  const writing = byId.get(current)
  if (writing === undefined)
    throw new TypeError(`option current must be the id of one of the keys, not ${String(current)}`)
  return { current: writing, get: (id) => byId.get(id) }
}

export interface KeyRing {
  /** With which values are encrypted. */
  readonly current: RingKey
  get(id: number): RingKey | undefined
}

function ringKey(id: number, key: Uint8Array | KeyObject): RingKey {
  const bytes = key instanceof KeyObject && key.type === 'secret' ? key.export() : key
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`the key ${id} must be a Uint8Array or a secret KeyObject`)
  if (bytes.length !== KEY_BYTES)
    throw new RangeError(`the key ${id} must have ${KEY_BYTES} bytes, not ${bytes.length}`)
  const check = createHmac('sha256', bytes).update(CHECK_LABEL).digest().subarray(0, CHECK_BYTES)
  return { id, check: new Uint8Array(check), cipher: new Xaes256Gcm(bytes) }
}
