import { createCborCodec, Payload } from '@tidemark/core'
import { type ChaosValue, hashOf } from '../payload.ts'

/** A record as it stands in Redis, told apart without the code that wrote it. */
export interface FrontRecord {
  readonly key: string
  readonly kind: 'value' | 'absent'
  readonly epoch: string
  readonly version: number
  /** Wall-clock ms. */
  readonly until: number
  /** Computed from the value; undefined for an absence, a tag, and where a loader found nothing. */
  readonly hash: string | undefined
}

// See the table in packages/redis/src/record.ts.
const UNTIL_AT = 27
const META_LENGTH_AT = 51
const BODY_AT = 55
const codec = createCborCodec()

/** @throws RangeError or Error for what is no record */
export function parseRecord(key: string, bytes: Buffer): FrontRecord {
  const [, kind, epoch, version] = /^([VN])0([0-9a-f]{8})(\d{16})/.exec(bytes.toString('latin1', 0, 26)) ?? []
  if (epoch === undefined) throw new Error(`${key} begins with ${bytes.toString('latin1', 0, 26)}`)
  const body = bytes.subarray(BODY_AT + bytes.readUInt32BE(META_LENGTH_AT))
  const value = kind === 'V' ? (Payload.fromBytes(codec, body).decode() as ChaosValue | null) : null
  return {
    key,
    kind: kind === 'V' ? 'value' : 'absent',
    epoch,
    version: Number(version),
    until: bytes.readDoubleBE(UNTIL_AT),
    hash: value === null ? undefined : hashOf(value),
  }
}
