import { afterTurn } from '../../batching/after-turn.ts'
import { CorruptError } from '../../errors.ts'
import type { KeyRange } from '../../keys/key-range.ts'
import { StoreKey } from '../../keys/store-key.ts'
import { assertKnown, wholeAtLeast } from '../../options/checks.ts'
import type { ReadOptions } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import type { BlobHead } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'
import { isStanding } from '../parts/is-standing.ts'
import { replaced } from '../parts/part-reads.ts'
import type { PartStore } from '../parts/part-store.ts'
import { checkVersion } from '../write-options.ts'

/** Chunks per look at the back tier. */
export const PAGE = 4

/** Which bytes are read, and of which blob. */
export interface BlobReadOptions {
  /** The first byte. @default 0 */
  readonly start?: number | undefined
  /** The first byte that is not read; past the end of the blob: its end. @default the end of the blob */
  readonly end?: number | undefined
  /** The version that the blob must have: for who goes on with what it has read of it before. Otherwise a ConflictError. */
  readonly ifVersion?: number | undefined
}

const READ_OPTIONS: readonly (keyof BlobReadOptions)[] = ['start', 'end', 'ifVersion']

/** @throws TypeError or RangeError for wrong options */
export function checkReading(options: BlobReadOptions): void {
  assertKnown(options, READ_OPTIONS, 'read')
  const { start, end, ifVersion } = options
  if (ifVersion !== undefined) checkVersion(ifVersion)
  if (start !== undefined) wholeAtLeast('option start', start, 0)
  if (end !== undefined) wholeAtLeast('option end', end, 0)
}

/** One reading of some bytes of the blob that a head names, chunk by chunk. */
export class ChunkReading {
  readonly #key: StoreKey
  readonly #head: BlobHead
  readonly #start: number
  readonly #end: number
  readonly #last: number
  #next: number

  constructor(key: StoreKey, head: BlobHead, { start = 0, end = head.size }: BlobReadOptions) {
    const isNothing = start >= head.size || end <= start
    this.#key = key
    this.#head = head
    this.#start = isNothing ? 0 : start
    this.#end = isNothing ? 0 : Math.min(end, head.size)
    this.#next = Math.floor(this.#start / head.chunkBytes)
    this.#last = Math.ceil(this.#end / head.chunkBytes)
  }

  get isOver(): boolean {
    return this.#next >= this.#last
  }

  /** Where the chunks are that are still to come. */
  get rest(): KeyRange {
    const base = partsKey('chunk', this.#key, this.#head.id)
    const at = (n: number): Uint8Array => StoreKey.of([...base.tuple, n]).bytes
    return { start: at(this.#next), end: at(this.#last) }
  }

  /** The bytes of what was found there. @returns whether it began with the next chunk, and none was missing between them */
  *take(entries: readonly Entry[]): Generator<Uint8Array<ArrayBuffer>, boolean> {
    const { size, chunkBytes } = this.#head
    for (const entry of entries) {
      if (entry.key.tuple.at(-1) !== this.#next) return false
      const from = this.#next * chunkBytes
      const bytes = chunkOf(entry, this.#key, Math.min(chunkBytes, size - from))
      this.#next += 1
      yield bytes.subarray(Math.max(0, this.#start - from), Math.min(bytes.length, this.#end - from))
    }
    return entries.length > 0
  }

  /** Of a blob that still stands. */
  missing(): CorruptError {
    const { id } = this.#key
    return new CorruptError(`chunk ${this.#next} of the blob at ${id} is missing`, { key: id })
  }
}

/**
 * The bytes of the blob that `head` names, chunk by chunk. One that was written in its place meanwhile is never mixed in:
 * its chunks have another id.
 *
 * @throws TidemarkError REPLACED when a chunk is gone with its blob; CorruptError when one is missing, or is none
 */
export async function* bytesOf<R extends ReadOptions, W extends object>(
  store: PartStore<R, W>,
  key: StoreKey,
  head: BlobHead,
  options: BlobReadOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
  const reading = new ChunkReading(key, head, options)
  while (!reading.isOver) {
    const { entries } = await store.back.scan(reading.rest, { after: undefined, limit: PAGE, reverse: false })
    const isWhole = yield* reading.take(entries)
    if (!isWhole) throw (await isStanding(store, key, head.id)) ? reading.missing() : replaced(key, 'blob')
    // A back tier that answers at once would otherwise keep everyone else waiting until the end.
    if (!reading.isOver) await new Promise<void>((resolve) => afterTurn(resolve))
  }
}

/** All of them in one piece. */
export function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) {
    whole.set(piece, at)
    at += piece.length
  }
  return whole
}

function chunkOf(entry: Entry, { id }: StoreKey, length: number): Uint8Array<ArrayBuffer> {
  let bytes: unknown
  try {
    bytes = entry.payload.decode()
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    throw new CorruptError(`a chunk of the blob at ${id} is damaged: ${cause.message}`, { key: id, cause })
  }
  if (!(bytes instanceof Uint8Array) || bytes.length !== length) {
    throw new CorruptError(`a chunk of the blob at ${id} is not what was written`, { key: id })
  }
  return bytes as Uint8Array<ArrayBuffer>
}
