import { type ChangeOp, type ChangeSource, type Codec, CorruptError, type LogChange, type Path } from '@tidemark/core'
import { toKey, toPayload } from './entry-rows.ts'

/** Stored: never renumber them. */
const OPS: readonly ChangeOp[] = ['set', 'delete', 'expire']

export const SET_CODE = 0

export function opCode(op: ChangeOp): number {
  return OPS.indexOf(op)
}

/** In the order of {@link LogRow}. */
export const LOG_COLUMNS =
  'seq, op, position, size, at, origin, prev_version, expires_at, key, path, source, meta, value'

/** The same without what may be large: SQLite then leaves it on its pages. */
export const LOG_COLUMNS_WITHOUT_VALUES: string = LOG_COLUMNS.replace('meta, value', 'NULL, NULL')

export type LogRow = readonly [
  seq: number,
  op: number,
  position: number,
  size: number,
  at: number,
  origin: string,
  prevVersion: number,
  expiresAt: number | null,
  key: Uint8Array,
  path: string | null,
  source: string | null,
  meta: Uint8Array | null,
  value: Uint8Array | null,
]

/** @throws CorruptError */
export function toChange(codec: Codec, row: LogRow): LogChange {
  const [seq, code, position, size, at, origin, prevVersion, expiresAt, key, path, source, meta, value] = row
  const op = OPS[code]
  if (op === undefined) throw new CorruptError(`the log has an unknown operation, ${code}, at ${seq}`)
  const first = seq - position
  return {
    seq,
    first,
    last: first + size - 1,
    op,
    key: toKey(key),
    path: path === null ? undefined : (JSON.parse(path) as Path),
    prevVersion,
    payload: toPayload(codec, value),
    expiresAt: expiresAt ?? undefined,
    meta: toPayload(codec, meta),
    at,
    origin,
    source: source === null ? undefined : (JSON.parse(source) as ChangeSource),
  }
}
