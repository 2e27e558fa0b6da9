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

/** What a row begins with: that of a turn of a few dozen writes fits. */
const FIRST_BYTES = 2_048

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
  const row = new RowWriter()
  row.byte(VERSION)
  for (const [i, each] of writes.entries()) {
    const next = writes[i + 1]
    writeTo(row, each, next === undefined || areTogether(each, next) ? 0 : APART)
  }
  // Bound as a part of the mark or row that it is stored in.
  return Payload.bundle(codec, row.bytes, row.carried).envelope
}

function writeTo(row: RowWriter, { write, checkpoint }: Buffered, apart: number): void {
  if (write === undefined) {
    row.byte(CHECKPOINT | apart)
    row.field(text.encode(checkpoint.name))
    row.carried.push(checkpoint.state.envelope)
    return
  }
  const { key, payload, meta, path, expiresAt } = write
  let flags = SET | apart
  if (meta !== undefined) flags |= HAS_META
  if (path !== undefined) flags |= HAS_PATH
  if (expiresAt !== undefined) flags |= EXPIRES
  row.byte(flags)
  row.field(key.bytes)
  row.carried.push(payload.envelope)
  if (meta !== undefined) row.carried.push(meta.envelope)
  if (path !== undefined) row.field(text.encode(JSON.stringify(path)))
  if (expiresAt !== undefined) row.float(expiresAt)
}

/** Writes into one piece of memory: lists of what there is to write cost more than the copies when it has to grow. */
class RowWriter {
  readonly carried: Uint8Array[] = []
  #view = new DataView(new ArrayBuffer(FIRST_BYTES))
  #memory = new Uint8Array(this.#view.buffer)
  #at = 0

  get bytes(): Uint8Array {
    return this.#memory.subarray(0, this.#at)
  }

  byte(value: number): void {
    const at = this.#take(1)
    this.#memory[at] = value
  }

  float(value: number): void {
    const at = this.#take(8)
    this.#view.setFloat64(at, value)
  }

  field(field: Uint8Array): void {
    const at = this.#take(4 + field.length)
    this.#view.setUint32(at, field.length)
    this.#memory.set(field, at + 4)
  }

  #take(length: number): number {
    const start = this.#at
    this.#at += length
    if (this.#at > this.#memory.length) this.#grow()
    return start
  }

  #grow(): void {
    const larger = new Uint8Array(2 * this.#at)
    larger.set(this.#memory)
    this.#memory = larger
    this.#view = new DataView(larger.buffer)
  }
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
