import { type Back, type Clock, Payload, type Lease, TidemarkError } from '@tidemark/core'
import type { JournalKeys } from './journal-keys.ts'

/** The right to write the journal of an owner, and to flush it. */
export interface Holding {
  readonly owner: string
  readonly lease: Lease
}

export interface TenureOptions {
  readonly back: Pick<Back, 'commit' | 'leases' | 'marks' | 'codec'>
  readonly keys: JournalKeys
  readonly clock: Clock
  readonly leaseMs: number
  /** What others have to know in order to recover the journal; undefined: there is nothing to recover. */
  readonly record: object | undefined
  /** Whether there is anything that somebody else would have to recover. */
  readonly isInUse: () => boolean
  /** Somebody else has recovered the journal: everything in it is flushed. */
  readonly onLost: () => void
}

/**
 * One process owns its journal as long as its lease lasts: it is prolonged while there is anything in the journal. Whoever
 * finds it free recovers what is there, and the former owner, if it was only slow, notices before it writes or flushes again.
 */
export class Tenure {
  readonly #options: TenureOptions
  #holding: Promise<Holding> | undefined
  #renewing = false
  #cancel: () => void = () => {}
  #isEnded = false
  /** Whose journal it is; undefined: nothing was journaled yet. */
  owner: string | undefined

  constructor(options: TenureOptions) {
    this.#options = options
  }

  held(): Promise<Holding> {
    const holding = (this.#holding ??= this.#begin())
    if (!this.#renewing) this.#keep()
    return holding
  }

  /**
   * After LEASE_LOST. `kept`: nobody has touched the journal, and the lease is held again · `lost`: somebody has recovered it,
   * everything in it is flushed, and a new one is begun.
   */
  async reclaim({ owner, lease }: Holding): Promise<'kept' | 'lost'> {
    const current = await this.#latest()
    if (current !== undefined && current.lease.token !== lease.token) return current.owner === owner ? 'kept' : 'lost'
    const again = this.#again(owner)
    this.#holding = again.then(({ holding }) => holding)
    this.#holding.catch(() => (this.#holding = undefined))
    return (await again).outcome
  }

  /** Nothing is left in the journal: nobody need look at it. */
  async end(): Promise<void> {
    this.#isEnded = true
    this.#cancel()
    const holding = await this.#holding?.catch(() => undefined)
    if (holding === undefined) return
    const { owner, lease } = holding
    const { back, keys } = this.#options
    const marks = [keys.owner(owner), keys.flushed(owner), keys.flushing(owner)].map((key) => ({
      key,
      value: undefined,
    }))
    try {
      await back.commit({ reads: [], decide: () => [], lease, marks })
    } catch (error) {
      // Somebody has recovered it, or is about to, and finds nothing.
      if (!isLeaseLost(error)) throw error
    }
  }

  /** Something is left in the journal: it is for others to recover, at once. */
  async leave(): Promise<void> {
    this.#isEnded = true
    this.#cancel()
    const holding = await this.#holding?.catch(() => undefined)
    // When it cannot be released, they have to wait for its end.
    if (holding !== undefined) await this.#options.back.leases.release(holding.lease).catch(() => undefined)
  }

  /** Whoever finds out at the same time waits for the one that has found out first. */
  async #latest(): Promise<Holding | undefined> {
    for (;;) {
      const holding = this.#holding
      const current = await holding?.catch(() => undefined)
      if (holding === this.#holding) return current
    }
  }

  async #begin(): Promise<Holding> {
    try {
      return await this.#register(crypto.randomUUID())
    } catch (error) {
      this.#holding = undefined
      throw error
    }
  }

  async #register(owner: string): Promise<Holding> {
    const { back, keys, record } = this.#options
    const holding = await this.#acquire(owner)
    if (record !== undefined) {
      const value = Payload.encode(back.codec, { v: 1, ...record })
      const marks = [{ key: keys.owner(owner), value }]
      await back.commit({ reads: [], decide: () => [], lease: holding.lease, keepLease: true, marks })
    }
    this.owner = owner
    return holding
  }

  async #acquire(owner: string): Promise<Holding> {
    const { back, keys, clock, leaseMs } = this.#options
    for (;;) {
      const grant = await back.leases.acquire(keys.owner(owner), leaseMs)
      if (grant.lease !== undefined) return { owner, lease: grant.lease }
      await clock.sleep(grant.remainingMs)
    }
  }

  async #again(owner: string): Promise<{ readonly holding: Holding; readonly outcome: 'kept' | 'lost' }> {
    const { back, keys, record } = this.#options
    if (record !== undefined) {
      const holding = await this.#acquire(owner)
      const [mark] = await back.marks.read([keys.owner(owner)])
      // A part of it may be flushed already.
      const isMine = mark !== undefined && (mark.decode() as { isRecovered?: boolean }).isRecovered !== true
      if (isMine) return { holding, outcome: 'kept' }
      await back.leases.release(holding.lease)
    }
    this.#options.onLost()
    return { holding: await this.#register(crypto.randomUUID()), outcome: 'lost' }
  }

  #keep(): void {
    this.#renewing = true
    const { clock, leaseMs } = this.#options
    this.#cancel = clock.schedule(leaseMs / 3, () => void this.#renew())
  }

  async #renew(): Promise<void> {
    this.#renewing = false
    if (this.#isEnded || !this.#options.isInUse()) return
    this.#keep()
    const { back, leaseMs } = this.#options
    try {
      const holding = await this.#holding
      if (holding !== undefined) await back.leases.renew(holding.lease, leaseMs)
    } catch {
      // A back tier that is busy now may have time for the next renewal; every row and every flush checks the lease.
    }
  }
}

export function isLeaseLost(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'LEASE_LOST'
}
