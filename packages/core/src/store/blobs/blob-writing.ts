import { Payload } from '../../codec/payload.ts'
import { TidemarkError } from '../../errors.ts'
import { StoreKey } from '../../keys/store-key.ts'
import type { Uuid } from '../../keys/uuid.ts'
import { KeptLease } from '../../load/kept-lease.ts'
import type { Commit, ReadOptions, SetWrite } from '../../ports/back.ts'
import type { Lease, LeaseGrant } from '../../ports/leases.ts'
import { newId, partsKey } from '../parts/part-key.ts'
import type { PartStore } from '../parts/part-store.ts'
import { type BlobSource, chunksOf } from './blob-source.ts'

/** Of a blob, what one entry holds. Large enough to make its row's cost vanish, small enough to be held several times. */
export const CHUNK_BYTES: number = 256 * 1024
/** What one commit, and one sync of the disk, is good for. Readers of the log hold a commit as a whole. */
const CHUNKS_PER_COMMIT = 4
/** How long a writer may stand still. What a killed one has left can be collected from then on. */
const LEASE_MS = 300_000

export interface WrittenChunks {
  readonly id: Uuid
  readonly size: number
  readonly lease: Lease
}

/**
 * Writes the chunks of a blob under an id that nobody else has, and that nobody can find before its head names it. They are
 * written under a lease, which says that they are not yet to be collected; who has lost it cannot write any more.
 */
export class BlobWriting<R extends ReadOptions, W extends object> {
  readonly id: Uuid = newId()
  readonly #store: PartStore<R, W>
  readonly #key: StoreKey
  readonly #base: StoreKey
  readonly #options: W | undefined
  #grant: Promise<LeaseGrant> | undefined
  #lease: Lease | undefined
  #kept: KeptLease | undefined

  constructor(store: PartStore<R, W>, key: StoreKey, options: W | undefined) {
    this.#store = store
    this.#key = key
    this.#base = partsKey('chunk', key, this.id)
    this.#options = options
  }

  /** Whether there may be any chunk of it. */
  get hasBegun(): boolean {
    return this.#lease !== undefined
  }

  /** Stores what the source gives. @throws what the source throws, or the back tier; LEASE_LOST; the reason of `signal` */
  async store(source: BlobSource, signal: AbortSignal | undefined): Promise<WrittenChunks> {
    const { back, clock, writings, assertOpen } = this.#store
    const { leases } = back
    assertOpen()
    writings.add(this)
    this.#grant = leases.acquire(this.#base, LEASE_MS)
    const { lease } = await this.#grant
    if (lease === undefined) throw this.#lost()
    this.#lease = lease
    let isLost = false
    this.#kept = new KeptLease(lease, {
      leases,
      clock,
      leaseMs: LEASE_MS,
      forMs: Infinity,
      onLost: () => (isLost = true),
      onGivenUp: () => {},
    })
    let size = 0
    let count = 0
    let writes: SetWrite[] = []
    for await (const chunk of chunksOf(source, CHUNK_BYTES, signal)) {
      signal?.throwIfAborted()
      // A source that gives nothing for longer than the lease lasts is told as soon as it gives something.
      if (isLost) throw this.#lost()
      writes.push(chunkWrite(this.#base, count, Payload.encode(this.#store.back.codec, chunk)))
      size += chunk.length
      count += 1
      if (writes.length === CHUNKS_PER_COMMIT) {
        await this.#commit(writes, lease)
        writes = []
      }
    }
    if (writes.length > 0) await this.#commit(writes, lease)
    signal?.throwIfAborted()
    return { id: this.id, size, lease }
  }

  /** Nothing more is written: the commit of the head has ended the lease. */
  stop(): void {
    this.#store.writings.delete(this)
    this.#kept?.stop()
  }

  /** As {@link stop}, where there was no such commit: what the lease protected is to be collected. Never throws. */
  async abandon(): Promise<void> {
    this.stop()
    try {
      // It may be on its way.
      const lease = (await this.#grant)?.lease
      if (lease !== undefined) await this.#store.back.leases.release(lease)
    } catch {
      // It ends by itself.
    }
  }

  /** What the commit comes to. @throws what it fails with; where that is the lease: what it means for the blob */
  async whileHeld(commit: Promise<Commit>): Promise<Commit> {
    try {
      return await commit
    } catch (error) {
      if (!(error instanceof TidemarkError && error.code === 'LEASE_LOST')) throw error
      // A store that is closing has ended it itself.
      this.#store.assertOpen()
      // The lease is of a key that nobody knows.
      throw this.#lost()
    }
  }

  #commit(writes: readonly SetWrite[], lease: Lease): Promise<Commit> {
    const { back } = this.#store
    return this.whileHeld(back.commit({ reads: [], lease, keepLease: true, decide: () => writes }, this.#options))
  }

  #lost(): TidemarkError {
    const { id } = this.#key
    const message = `the blob at ${id} was not written: its writer stood still for longer than ${LEASE_MS / 60_000} minutes; write it again`
    return new TidemarkError('LEASE_LOST', message, { key: id, retryable: true })
  }
}

/** The write of the chunk of this number. */
export function chunkWrite(base: StoreKey, n: number, payload: Payload): SetWrite {
  const key = StoreKey.of([...base.tuple, n])
  return { op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined, leftOut: true }
}
