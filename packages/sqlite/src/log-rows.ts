import {
  type ChangeOp,
  type ChangeSource,
  type Codec,
  CorruptError,
  type LogChange,
  type Path,
  Payload,
} from '@tidemark/core'
import { plainBytes, toKey, toPayload } from './entry-rows.ts'

/** Stored: never renumber them. */
const OPS: readonly ChangeOp[] = ['set', 'delete', 'expire']

export const SET_CODE = 0

export function opCode(op: ChangeOp): number {
  return OPS.indexOf(op)
}

/** As they are written. */
export const LOG_COLUMNS =
  'seq, op, position, size, at, origin, prev_version, expires_at, key, path, source, meta, value'

const READ = 'seq, op, position, size, at, origin, prev_version, expires_at, path, source'

/**
 * As they are read, in the order of {@link LogRow}. Key and value come as one: each blob costs the driver as much as all
 * other columns together. What is no set has no value.
 */
export const LOG_READ: string = `${READ}, meta, length(key), CAST(key || ifnull(value, x'') AS BLOB)`

/** What of a change may be large, in bytes: SQLite knows it without reading the pages that it lies on. */
export const LOG_BYTES: string = 'length(key) + ifnull(length(value), 0) + ifnull(length(meta), 0)'

/** As {@link LOG_READ}, without what may be large: SQLite then leaves it on its pages. */
export const LOG_READ_WITHOUT_VALUES: string = `${READ}, NULL, -1, key`

export type LogRow = readonly [
  seq: number,
  op: number,
  position: number,
  size: number,
  at: number,
  origin: string,
  prevVersion: number,
  expiresAt: number | null,
  path: string | null,
  source: string | null,
  meta: Uint8Array | null,
  /** Where in the last column the value begins; -1: it was not asked for. */
  keyLength: number,
  keyAndValue: Uint8Array,
]

/** @throws CorruptError */
export function toChange(codec: Codec, row: LogRow): LogChange {
  const [seq, code, position, size, at, origin, prevVersion, expiresAt, path, source, meta, keyLength, keyAndValue] =
    row
  const op = OPS[code]
  if (op === undefined) throw new CorruptError(`the log has an unknown operation, ${code}, at ${seq}`)
  const first = seq - position
  // Without one, a set has left it to the entry: no value is of no bytes.
  const isLeftOut = op === 'set' && keyLength === keyAndValue.length
  const hasValue = op === 'set' && keyLength >= 0 && !isLeftOut
  const key = toKey(keyLength < 0 ? keyAndValue : keyAndValue.subarray(0, keyLength))
  return {
    seq,
    first,
    last: first + size - 1,
    op,
    key,
    path: path === null ? undefined : (JSON.parse(path) as Path),
    prevVersion,
    payload: hasValue ? Payload.fromBytes(codec, plainBytes(keyAndValue), keyLength).at(key, seq) : undefined,
    expiresAt: expiresAt ?? undefined,
    meta: toPayload(codec, meta)?.at(key, seq, 'meta'),
    at,
    origin,
    source: source === null ? undefined : (JSON.parse(source) as ChangeSource),
    ...(isLeftOut && { leftOut: true }),
  }
}
