import { Payload } from '../../codec/payload.ts'
import type { StoreKey } from '../../keys/store-key.ts'
import { assertKnown } from '../../options/checks.ts'
import type { Entry } from '../../ports/entry.ts'
import type { Write } from '../../ports/back.ts'
import { type BlobHead, readHead } from '../parts/part-head.ts'
import { assertRoomForParts, newId, partsKey } from '../parts/part-key.ts'
import { replaced } from '../parts/part-reads.ts'
import { isStandingNow, type SyncPartStore } from '../parts/sync-part-store.ts'
import { writeResult } from '../results.ts'
import { commitSeenNow } from '../seen-commit.ts'
import {
  assertVersion,
  checkVersion,
  CONDITION_OPTIONS,
  type ConditionOptions,
  SET_OPTIONS,
  type SetOptions,
  toHeadWrite,
} from '../write-options.ts'
import { type BlobReadOptions, checkReading, ChunkReading, joined, PAGE } from './blob-reading.ts'
import { bytesAtHand } from './blob-source.ts'
import { CHUNK_BYTES, chunkWrite } from './blob-writing.ts'
import type { BlobWriteResult } from './stored-blob.ts'

const WRITE_OPTIONS: readonly string[] = [...SET_OPTIONS, ...CONDITION_OPTIONS]

/** As {@link StoredBlob}, without promises, of bytes that are in memory. */
export class SyncBlob {
  readonly #store: SyncPartStore
  readonly #key: StoreKey

  constructor(store: SyncPartStore, key: StoreKey) {
    this.#store = store
    this.#key = key
  }

  /**
   * Writes all of it in one commit; durable on return.
   * @throws as `write` of the blob with promises rejects; TypeError for what is not bytes
   */
  write(source: Uint8Array | ArrayBuffer, options?: SetOptions & ConditionOptions): BlobWriteResult {
    const { back, codec, clock, collector, assertOpen } = this.#store
    assertOpen()
    if (options !== undefined) assertKnown(options, WRITE_OPTIONS, 'write')
    const bytes = bytesAtHand(source)
    const expected = options?.ifVersion
    if (expected !== undefined) checkVersion(expected)
    assertRoomForParts(this.#key)
    const size = bytes.length
    const id = newId()
    const base = partsKey('chunk', this.#key, id)
    const writes: Write[] = []
    for (let n = 0; n * CHUNK_BYTES < size; n++) {
      const chunk = bytes.subarray(n * CHUNK_BYTES, (n + 1) * CHUNK_BYTES)
      writes.push(chunkWrite(base, n, Payload.encode(codec, chunk)))
    }
    writes.push(toHeadWrite(codec, clock, this.#key, 'blob', { id, size, chunkBytes: CHUNK_BYTES }, options))
    collector.watch(this.#key)
    const reads = expected === undefined ? [] : [this.#key]
    const decide = ([current]: readonly (Entry | undefined)[]): readonly Write[] => {
      if (expected !== undefined) assertVersion(this.#key, expected, current)
      return writes
    }
    return { ...writeResult(commitSeenNow(back, clock, { reads, decide })), size }
  }

  /**
   * The bytes, chunk by chunk, read as they are asked for; undefined: there is no blob.
   * @throws TidemarkError WRONG_TYPE; ConflictError under `ifVersion`; RangeError. The iteration: REPLACED, CorruptError
   */
  read(options: BlobReadOptions = {}): IterableIterator<Uint8Array<ArrayBuffer>> | undefined {
    checkReading(options)
    const head = this.#head(options.ifVersion)
    return head && this.#bytesOf(head, options)
  }

  /** As {@link read}, in one piece. */
  bytes(options: BlobReadOptions = {}): Uint8Array<ArrayBuffer> | undefined {
    const pieces = this.read(options)
    return pieces && joined([...pieces])
  }

  /** In bytes; undefined: there is no blob. @throws TidemarkError WRONG_TYPE */
  size(): number | undefined {
    return this.#head(undefined)?.size
  }

  #head(ifVersion: number | undefined): BlobHead | undefined {
    const entry = this.#store.see(this.#key)
    const head = entry && readHead(entry, 'blob')
    if (ifVersion !== undefined) assertVersion(this.#key, ifVersion, entry)
    return head
  }

  *#bytesOf(head: BlobHead, options: BlobReadOptions): IterableIterator<Uint8Array<ArrayBuffer>> {
    const reading = new ChunkReading(this.#key, head, options)
    while (!reading.isOver) {
      const { entries } = this.#store.back.scan(reading.rest, { after: undefined, limit: PAGE, reverse: false })
      const isWhole = yield* reading.take(entries)
      if (isWhole) continue
      throw isStandingNow(this.#store, this.#key, head.id) ? reading.missing() : replaced(this.#key, 'blob')
    }
  }
}
