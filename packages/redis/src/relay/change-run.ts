import {
  type ChangeOp,
  type Codec,
  CorruptError,
  createCborCodec,
  type LogChange,
  type Path,
  Payload,
  StoreKey,
} from '@tidemark/core'

/** Changes that follow each other without a gap, as one entry of the stream. */
export interface ChangeRun {
  /** The seq of the first one. */
  readonly first: number
  /** That of the last one: the id of the entry. */
  readonly last: number
  /**
   * The lowest seq behind which a reader may begin in this run without finding the rest of a commit: `first - 1`, or the
   * end of the commit that an earlier run has begun.
   */
  readonly boundary: number
  /** The seq of the last change in it that ends a commit; 0: none does. */
  readonly whole: number
  readonly bytes: Uint8Array
}

/** Stored: never renumber. */
const OPS: readonly ChangeOp[] = ['set', 'delete', 'expire']
const FORMAT = 1
/** Stands where a value is too large to travel. */
const LEFT_OUT = true

/** In Redis for as long as the run is; read by other releases. New fields come last. */
type Row = readonly [
  op: number,
  position: number,
  size: number,
  at: number,
  prevVersion: number,
  expiresAt: number | null,
  origin: string,
  key: Uint8Array,
  path: Path | null,
  meta: Uint8Array | typeof LEFT_OUT | null,
  value: Uint8Array | typeof LEFT_OUT | null,
  source: readonly [log: string, seq: number, at: number] | null,
]

const codec = createCborCodec()

/** @param maxValueBytes a value, or meta, that takes more stays behind: its reader learns that there is one */
export function encodeRun(changes: readonly LogChange[], maxValueBytes: number): ChangeRun {
  const head = changes[0]!
  const rows = changes.map((change): Row => {
    const { op, seq, first, last, at, prevVersion, expiresAt, origin, key, path, meta, payload, source } = change
    const carried = (payloadOf: Payload | undefined): Row[9] =>
      payloadOf === undefined ? null : payloadOf.byteLength > maxValueBytes ? LEFT_OUT : payloadOf.bytes
    return [
      OPS.indexOf(op),
      seq - first,
      last - first + 1,
      at,
      prevVersion,
      expiresAt ?? null,
      origin,
      key.bytes,
      path ?? null,
      carried(meta),
      carried(payload),
      source === undefined ? null : [source.log, source.seq, source.at],
    ]
  })
  return {
    first: head.seq,
    last: changes.at(-1)!.seq,
    boundary: head.seq === head.first ? head.seq - 1 : head.last,
    whole: changes.findLast(({ seq, last }) => seq === last)?.seq ?? 0,
    bytes: codec.encode([FORMAT, rows]),
  }
}

/**
 * What {@link encodeRun} was given. Payloads are decoded when they are read.
 * @throws CorruptError
 */
export function decodeRun(first: number, bytes: Uint8Array, codecs: Codec | readonly Codec[]): LogChange[] {
  const [format, rows] = codec.decode(bytes) as readonly [number, readonly Row[]]
  if (format !== FORMAT) {
    throw new CorruptError(`the stream holds changes in format ${format}, which this release does not know; upgrade it`)
  }
  return rows.map((row, i) => {
    const [code, position, size, at, prevVersion, expiresAt, origin, keyBytes, path, meta, value, source] = row
    const op = OPS[code]
    const seq = first + i
    if (op === undefined) throw new CorruptError(`the stream has an unknown operation, ${code}, at ${seq}`)
    const key = StoreKey.fromBytes(keyBytes)
    const carried = (stored: Row[9], part: 'value' | 'meta'): Payload | undefined =>
      stored instanceof Uint8Array ? Payload.fromBytes(codecs, stored).at(key, seq, part) : undefined
    return {
      seq,
      first: seq - position,
      last: seq - position + size - 1,
      op,
      key,
      path: path ?? undefined,
      prevVersion,
      payload: carried(value, 'value'),
      expiresAt: expiresAt ?? undefined,
      meta: carried(meta, 'meta'),
      at,
      origin,
      ...(source && { source: { log: source[0], seq: source[1], at: source[2] } }),
      ...((value === LEFT_OUT || meta === LEFT_OUT) && { leftOut: true as const }),
    }
  })
}
