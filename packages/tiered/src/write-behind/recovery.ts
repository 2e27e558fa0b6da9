import { type Back, type Clock, ClosedError, type Lease, type Mark, prefixRange, type StoreKey } from '@tidemark/core'
import { Batch } from './batch.ts'
import type { Buffered } from './buffered-write.ts'
import { flushBatch } from './flush-batch.ts'
import { FlushFailure } from './flush-failure.ts'
import { flushedKey, ownerKey, ownerOf, OWNERS, rowOf, rowsOf } from './journal-keys.ts'
import { decodeRow } from './journal-row.ts'
import { type CommitFlush } from './store-target.ts'
import { recoveryTarget } from './recovery-target.ts'
import { isLeaseLost } from './tenure.ts'

const PAGE = 100
/** Beyond the time that is left to a lease: its end is exclusive, and clocks round. */
const SLACK_MS = 5

export interface RecoveryOptions {
  readonly back: Pick<Back, 'codec' | 'commit' | 'leases' | 'marks'>
  readonly clock: Clock
  readonly leaseMs: number
  readonly commit: CommitFlush
  /** Whose journal this process writes itself. */
  readonly own: () => string | undefined
  /** Whether who described itself so is known to be gone. */
  readonly isGone: (by: unknown) => boolean
  readonly onError: (error: unknown) => void
}

/** Flushes the journals of those who are gone: whose lease is free. */
export class Recovery {
  readonly #options: RecoveryOptions
  #running: Promise<void> | undefined
  #cancel: () => void = () => {}
  #isWaiting = false
  #isClosed = false

  constructor(options: RecoveryOptions) {
    this.#options = options
  }

  /** Whether it looks, or is going to. */
  get isRunning(): boolean {
    return this.#running !== undefined || this.#isWaiting
  }

  /**
   * Resolves when every journal that was free is flushed; looks again when those that are not may have become it.
   * What fails goes to `onError`, and is tried again.
   * @throws ClosedError
   */
  run(): Promise<void> {
    return (this.#running ??= this.#run().finally(() => (this.#running = undefined)))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    await this.#running?.catch(() => undefined)
  }

  async #run(): Promise<void> {
    this.#cancel()
    this.#isWaiting = false
    let waitMs = Infinity
    for (const { owner, by } of await this.#others()) {
      try {
        waitMs = Math.min(waitMs, await this.#recover(owner, by))
      } catch (error) {
        if (error instanceof ClosedError) throw error
        // Somebody else recovers it; or the disk is full, say: reads go on, and it is tried again.
        if (!isLeaseLost(error)) queueMicrotask(() => this.#options.onError(error))
        waitMs = Math.min(waitMs, this.#options.leaseMs)
      }
    }
    if (waitMs === Infinity || this.#isClosed) return
    this.#isWaiting = true
    this.#cancel = this.#options.clock.schedule(waitMs + SLACK_MS, () => {
      this.run().catch((error: unknown) => this.#options.onError(error))
    })
  }

  async #others(): Promise<readonly { readonly owner: string; readonly by: unknown }[]> {
    const { back, own } = this.#options
    const others = (await marksIn(back, OWNERS)).filter(({ key }) => ownerOf(key) !== own())
    return others.map(({ key, value }) => ({
      owner: ownerOf(key),
      by: (value.decode() as { readonly by?: unknown }).by,
    }))
  }

  /** @returns after how many milliseconds to look again; Infinity: it is done */
  async #recover(owner: string, by: unknown): Promise<number> {
    const { back, leaseMs, isGone } = this.#options
    const key = ownerKey(owner)
    const [remainingMs = 0] = await back.leases.remaining([key])
    if (remainingMs > 0) {
      if (!isGone(by)) return remainingMs
      await back.leases.endRange(prefixRange(key.tuple))
    }
    const grant = await back.leases.acquire(key, leaseMs)
    if (grant.lease === undefined) return grant.remainingMs
    try {
      const [mark] = await back.marks.read([ownerKey(owner)])
      if (mark === undefined) await back.leases.release(grant.lease)
      else await this.#flush(owner, grant.lease)
      return Infinity
    } catch (error) {
      await back.leases.release(grant.lease).catch(() => undefined)
      throw error
    }
  }

  async #flush(owner: string, lease: Lease): Promise<void> {
    const { back, clock, commit, onError } = this.#options
    const batch = new Batch<Buffered>(0, 0)
    const rows = await marksIn(back, rowsOf(owner))
    const used: StoreKey[] = [ownerKey(owner), flushedKey(owner)]
    for (const { key, value } of rows) {
      batch.add(decodeRow(back.codec, value.decode() as Uint8Array, clock.now()), rowOf(key))
      used.push(key)
    }
    await flushBatch(batch, recoveryTarget({ back, clock, owner, lease, used, commit }))
    const failures = batch.failures.map(({ writes, error }) => ({ keys: writes.map(({ id }) => id), error }))
    if (failures.length > 0) onError(new FlushFailure(failures))
  }
}

async function marksIn({ marks }: Pick<Back, 'marks'>, range: typeof OWNERS): Promise<readonly Mark[]> {
  const found: Mark[] = []
  for (;;) {
    const page = await marks.scan(range, { after: found.at(-1)?.key, limit: PAGE })
    found.push(...page)
    if (page.length < PAGE) return found
  }
}
