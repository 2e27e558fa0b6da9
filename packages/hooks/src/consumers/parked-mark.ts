import {
  BOUND,
  type ChangeOp,
  type ChangeSource,
  type Codec,
  CorruptError,
  type LogChange,
  type Mark,
  type MarkWrite,
  type Path,
  Payload,
  StoreKey,
} from '@tidemark/core'
import { parkedKey, partsOf } from './consumer-keys.ts'
import { decodeRecord, encodeRecord } from './record.ts'

/** So many are read at a time: they carry their values. */
export const PARKED_PER_PAGE = 50

/** Why and when a change was set aside. */
interface Parking {
  /** Of the log in which the change stands, or stood. */
  readonly epoch: number
  readonly attempts: number
  /** What its last attempt failed with; of one behind another, that it is. */
  readonly error: string
  readonly behind: boolean
  readonly parkedAt: number
}

/**
 * As it is stored: all that is needed to hand the change out again when the log holds it no more. It carries the value, and then
 * the meta, where `carries` says that there is one.
 */
interface ParkedRecord extends Parking {
  readonly first: number
  readonly last: number
  readonly op: ChangeOp
  readonly key: Uint8Array
  readonly path?: Path | undefined
  readonly prevVersion: number
  readonly expiresAt?: number | undefined
  readonly carries: readonly ('value' | 'meta')[]
  readonly leftOut?: true | undefined
  readonly at: number
  readonly origin: string
  readonly source?: ChangeSource | undefined
}

/** A change that was set aside. */
export interface Parked {
  readonly lane: number
  readonly row: LogChange
  readonly parking: Parking
}

export function parkedWrite(codec: Codec, name: string, { lane, row, parking }: Parked): MarkWrite {
  const { seq, key, payload, meta, ...rest } = row
  const record: ParkedRecord = {
    ...withoutUndefined(rest),
    ...parking,
    key: key.bytes,
    carries: [...(payload === undefined ? [] : ['value' as const]), ...(meta === undefined ? [] : ['meta' as const])],
  }
  const carried = [payload, meta].flatMap((each) => (each === undefined ? [] : [envelopeOf(each)]))
  return { key: parkedKey(name, lane, seq), value: encodeRecord(codec, record, carried) }
}

export function decodeParked(codec: Codec, { key: markKey, value }: Mark): Parked {
  const [, lane, seq] = partsOf(markKey) as [name: string, lane: number, seq: number]
  const record = decodeRecord<ParkedRecord>(markKey, value)
  const { epoch, attempts, error, behind, parkedAt, carries } = record
  const { first, last, op, path, prevVersion, expiresAt, leftOut, at, origin, source } = record
  const key = StoreKey.fromBytes(record.key)
  const envelopes = value.carried
  const carried = (part: 'value' | 'meta'): Payload | undefined => {
    const envelope = envelopes[carries.indexOf(part)]
    return envelope && payloadOf(codec, envelope, key, seq, part)
  }
  const row: LogChange = {
    seq,
    first,
    last,
    op,
    key,
    path,
    prevVersion,
    payload: carried('value'),
    expiresAt,
    meta: carried('meta'),
    ...(leftOut && { leftOut }),
    at,
    origin,
    source,
  }
  return { lane, row: Object.freeze(row), parking: { epoch, attempts, error, behind, parkedAt } }
}

/** The mark is encrypted as a whole. What cannot be read, which may be why it is parked, goes as it is. */
function envelopeOf(payload: Payload): Uint8Array {
  try {
    return payload.envelope
  } catch (error) {
    if (error instanceof CorruptError) return payload.bytes
    throw error
  }
}

function payloadOf(codec: Codec, bytes: Uint8Array, key: StoreKey, seq: number, part: 'value' | 'meta'): Payload {
  return bytes[0] === BOUND ? Payload.fromBytes(codec, bytes).at(key, seq, part) : Payload.fromEnvelope(codec, bytes)
}

function withoutUndefined<T extends object>(record: T): T {
  return Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T
}
