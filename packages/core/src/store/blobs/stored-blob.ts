import type { StoreKey } from '../../keys/store-key.ts'
import { assertKnown, signalOption } from '../../options/checks.ts'
import type { Commit, ReadOptions, SetWrite } from '../../ports/back.ts'
import { type BlobHead, headPayload, readHead } from '../parts/part-head.ts'
import { assertRoomForParts, newId } from '../parts/part-key.ts'
import { readSeen } from '../parts/part-reads.ts'
import type { PartStore } from '../parts/part-store.ts'
import { type WriteResult, writeResult } from '../results.ts'
import { commitSeen } from '../seen-commit.ts'
import {
  assertVersion,
  checkVersion,
  CONDITION_OPTIONS,
  type ConditionOptions,
  resolveExpiry,
  SET_OPTIONS,
  type SetOptions,
  toHeadWrite,
} from '../write-options.ts'
import { type BlobReadOptions, bytesOf, checkReading, joined } from './blob-reading.ts'
import { assertSource, type BlobSource } from './blob-source.ts'
import { BlobWriting, CHUNK_BYTES, type WrittenChunks } from './blob-writing.ts'

/** What became of the write of a blob. */
export interface BlobWriteResult extends WriteResult {
  /** In bytes. */
  readonly size: number
}

/** What the write of a blob may say beside the bytes. */
export interface BlobWriteOptions extends SetOptions, ConditionOptions {
  /**
   * Ends the write: it rejects with the reason, and the key holds what it held. Without effect once all bytes are written and
   * the blob takes its place.
   */
  readonly signal?: AbortSignal | undefined
}

const WRITE_OPTIONS: readonly (keyof BlobWriteOptions)[] = [...SET_OPTIONS, ...CONDITION_OPTIONS, 'signal']

/**
 * A blob at one key: bytes of any number, written and read as streams, a chunk of 256 KiB at a time. It takes the place of
 * what was at the key in the one commit that follows its last chunk: there is never a part of one, whatever fails. Who
 * reads when it is replaced is given the rest of what it began with, or REPLACED.
 *
 * Chunks are kept in the back tier alone, and read from there.
 */
export class StoredBlob<R extends ReadOptions = ReadOptions, W extends object = object> {
  readonly #store: PartStore<R, W>
  readonly #key: StoreKey
  readonly #known: readonly string[]

  constructor(store: PartStore<R, W>, key: StoreKey) {
    this.#store = store
    this.#key = key
    this.#known = [...WRITE_OPTIONS, ...store.back.writeOptions]
  }

  /**
   * Reads the source as fast as it can be stored. Durable when it resolves; when it rejects, the key holds what it held, and
   * a source that it had begun to read was cancelled.
   *
   * @throws what the source fails with; ConflictError under `ifVersion`, before the source is read and again in the end;
   * TidemarkError LEASE_LOST when the process stood still for minutes; what the back tier fails with; the reason of
   * `signal`; TypeError for what is no source of bytes
   */
  async write(source: BlobSource, options?: BlobWriteOptions & W): Promise<BlobWriteResult> {
    const { back, clock, assertOpen } = this.#store
    assertOpen()
    if (options !== undefined) assertKnown(options, this.#known, 'write')
    assertSource(source)
    // As they are now: what the caller does to them until the last chunk is written is not for this blob.
    const said = options && { ...options }
    const expected = said?.ifVersion
    if (expected !== undefined) checkVersion(expected)
    const { signal } = said ?? {}
    if (signal !== undefined) signalOption(signal)
    assertRoomForParts(this.#key)
    const empty = { id: newId(), size: 0, chunkBytes: CHUNK_BYTES }
    const head = toHeadWrite(back.codec, clock, this.#key, 'blob', empty, said)
    if (expected !== undefined) assertVersion(this.#key, expected, await readSeen(this.#store, this.#key))
    signal?.throwIfAborted()
    this.#store.collector.watch(this.#key)
    const writing = new BlobWriting(this.#store, this.#key, said)
    try {
      const written = await writing.store(source, signal)
      const commit = await writing.whileHeld(this.#finish(written, head, said))
      return { ...writeResult(commit), size: written.size }
    } catch (error) {
      await writing.abandon()
      if (writing.hasBegun) this.#store.collector.due(this.#key)
      throw error
    } finally {
      writing.stop()
    }
  }

  /**
   * The bytes, read as they are asked for; undefined: there is no blob. Cancel the stream to stop early.
   * @throws TidemarkError WRONG_TYPE; ConflictError under `ifVersion`; RangeError. The stream: TidemarkError REPLACED,
   * CorruptError, what the back tier fails with
   */
  async read(options: BlobReadOptions = {}): Promise<ReadableStream<Uint8Array<ArrayBuffer>> | undefined> {
    const bytes = await this.#bytes(options)
    if (bytes === undefined) return undefined
    return new ReadableStream<Uint8Array<ArrayBuffer>>(
      {
        async pull(controller) {
          const { done, value } = await bytes.next()
          if (done === true) controller.close()
          else controller.enqueue(value)
        },
        async cancel() {
          await bytes.return()
        },
      },
      // Nothing is read before somebody asks for it.
      { highWaterMark: 0 },
    )
  }

  /** As {@link read}, in one piece. */
  async bytes(options: BlobReadOptions = {}): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const bytes = await this.#bytes(options)
    if (bytes === undefined) return undefined
    return joined(await Array.fromAsync(bytes))
  }

  /** In bytes; undefined: there is no blob. @throws TidemarkError WRONG_TYPE */
  async size(): Promise<number | undefined> {
    return (await this.#head(undefined))?.size
  }

  async #bytes(options: BlobReadOptions): Promise<AsyncGenerator<Uint8Array<ArrayBuffer>, void> | undefined> {
    checkReading(options)
    const head = await this.#head(options.ifVersion)
    return head && bytesOf(this.#store, this.#key, head, options)
  }

  async #head(ifVersion: number | undefined): Promise<BlobHead | undefined> {
    this.#store.assertOpen()
    const entry = await readSeen(this.#store, this.#key)
    const head = entry && readHead(entry, 'blob')
    if (ifVersion !== undefined) assertVersion(this.#key, ifVersion, entry)
    return head
  }

  /** The commit before which there is no blob, and after which it is whole. */
  #finish(
    { id, size, lease }: WrittenChunks,
    said: SetWrite,
    options: (BlobWriteOptions & W) | undefined,
  ): Promise<Commit> {
    const { back, clock } = this.#store
    const { ttlMs, ifVersion: expected } = options ?? {}
    const head: SetWrite = {
      ...said,
      payload: headPayload(back.codec, { id, size, chunkBytes: CHUNK_BYTES }),
      // The time begins when the blob is there.
      expiresAt: ttlMs === undefined ? said.expiresAt : resolveExpiry({ ttlMs }, clock),
    }
    if (expected === undefined) return back.commit({ reads: [], lease, decide: () => [head] }, options)
    return commitSeen(
      back,
      clock,
      {
        reads: [this.#key],
        lease,
        decide: ([current]) => {
          assertVersion(this.#key, expected, current)
          return [head]
        },
      },
      options,
    )
  }
}
