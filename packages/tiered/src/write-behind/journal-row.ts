import { type Codec, CorruptError, type Path, Payload, StoreKey } from '@tidemark/core'
import { type Buffered, bufferedCheckpoint, bufferedWrite } from './buffered-write.ts'
import type { RowFormat } from './journal.ts'

/**
 * A row of the journal is a bundle. Its own value are bytes: `[version]`, then per write `[kind and flags] [length][key]
 * [length][path] [expiry]`, where lengths are uint32 and the expiry a float64, both big-endian, and what the flags do not name
 * is left out. It carries, per write, the envelopes of value and meta. A release that writes another version reads this one too.
 */
const VERSION = 1

const SET = 1
const CHECKPOINT = 2
const KIND = 0x0f
const HAS_META = 0x10
const HAS_PATH = 0x20
const EXPIRES = 0x40
/** What follows need not be written together with it. */
const APART = 0x80

const text = new TextEncoder()

export function rowFormat(codec: Codec): RowFormat<Buffered> {
  return {
    encode: (writes, areTogether = () => true) => encodeRow(codec, writes, areTogether),
    decode: (bytes, at) => decodeRow(codec, bytes, at),
  }
}

function encodeRow(
  codec: Codec,
  writes: readonly Buffered[],
  areTogether: (one: Buffered, next: Buffered) => boolean,
): Uint8Array {
  const parts = writes.map((each, i) => {
    const next = writes[i + 1]
    return toParts(each, next === undefined || areTogether(each, next) ? 0 : APART)
  })
  let size = 1
  for (const { fields, expiresAt } of parts) {
    size += 1 + (expiresAt === undefined ? 0 : 8)
    for (const field of fields) size += 4 + field.length
  }
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes[0] = VERSION
  let at = 1
  for (const { flags, fields, expiresAt } of parts) {
    bytes[at++] = flags
    for (const field of fields) {
      view.setUint32(at, field.length)
      bytes.set(field, at + 4)
      at += 4 + field.length
    }
    if (expiresAt === undefined) continue
    view.setFloat64(at, expiresAt)
    at += 8
  }
  // Bound as a part of the mark or row that it is stored in.
  return Payload.bundle(
    codec,
    bytes,
    parts.flatMap(({ carried }) => carried),
  ).envelope
}

interface Parts {
  readonly flags: number
  readonly fields: readonly Uint8Array[]
  readonly expiresAt: number | undefined
  readonly carried: readonly Uint8Array[]
}

function toParts({ write, checkpoint }: Buffered, apart: number): Parts {
  if (write === undefined) {
    const { name, state } = checkpoint
    return { flags: CHECKPOINT | apart, fields: [text.encode(name)], expiresAt: undefined, carried: [state.envelope] }
  }
  const { key, payload, meta, path, expiresAt } = write
  const fields = [key.bytes]
  const carried = [payload.envelope]
  let flags = SET | apart
  if (meta !== undefined) {
    flags |= HAS_META
    carried.push(meta.envelope)
  }
  if (path !== undefined) {
    flags |= HAS_PATH
    fields.push(text.encode(JSON.stringify(path)))
  }
  if (expiresAt !== undefined) flags |= EXPIRES
  return { flags, fields, expiresAt, carried }
}

function decodeRow(codec: Codec, bytes: Uint8Array, at: number): readonly Buffered[] {
  const payload = Payload.fromEnvelope(codec, bytes)
  const own = payload.decode()
  if (!(own instanceof Uint8Array) || own[0] !== VERSION)
    throw new CorruptError('a row of a write-behind journal is of a later release', { mayBeWhole: true })
  const row = new RowReader(own, payload.carried)
  const writes: Buffered[] = []
  let call = {}
  while (!row.isAtEnd) {
    const flags = row.byte()
    writes.push({ ...readWrite(codec, row, flags, at), call })
    if ((flags & APART) !== 0) call = {}
  }
  return writes
}

function readWrite(codec: Codec, row: RowReader, flags: number, at: number): Buffered {
  const kind = flags & KIND
  if (kind === CHECKPOINT) {
    const name = new TextDecoder().decode(row.field())
    return bufferedCheckpoint(name, Payload.fromEnvelope(codec, row.envelope()))
  }
  if (kind !== SET) {
    const message = `a row of a write-behind journal holds a write of the unknown kind ${kind}`
    throw new CorruptError(message, { mayBeWhole: true })
  }
  const key = StoreKey.fromBytes(row.field())
  const payload = Payload.fromEnvelope(codec, row.envelope())
  const meta = (flags & HAS_META) === 0 ? undefined : Payload.fromEnvelope(codec, row.envelope())
  const path = (flags & HAS_PATH) === 0 ? undefined : (JSON.parse(new TextDecoder().decode(row.field())) as Path)
  const expiresAt = (flags & EXPIRES) === 0 ? undefined : row.float()
  return bufferedWrite({ op: 'set', key, payload, meta, path, expiresAt }, at)
}

class RowReader {
  readonly #bytes: Uint8Array
  readonly #view: DataView
  readonly #carried: readonly Uint8Array[]
  #at = 1
  #next = 0

  constructor(bytes: Uint8Array, carried: readonly Uint8Array[]) {
    this.#bytes = bytes
    this.#carried = carried
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length
  }

  byte(): number {
    return this.#bytes[this.#take(1)]!
  }

  float(): number {
    return this.#view.getFloat64(this.#take(8))
  }

  /** A copy: what is read is kept, the row is not. */
  field(): Uint8Array {
    const length = this.#view.getUint32(this.#take(4))
    const start = this.#take(length)
    return this.#bytes.slice(start, start + length)
  }

  /** A copy, too. */
  envelope(): Uint8Array {
    const envelope = this.#carried[this.#next++]
    if (envelope === undefined) throw truncated()
    return envelope.slice()
  }

  #take(length: number): number {
    const start = this.#at
    if (start + length > this.#bytes.length) throw truncated()
    this.#at = start + length
    return start
  }
}

function truncated(): CorruptError {
  return new CorruptError('a row of a write-behind journal is truncated')
}
