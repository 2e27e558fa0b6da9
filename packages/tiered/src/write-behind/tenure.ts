import { type Back, type Clock, Payload, type Lease, TidemarkError } from '@tidemark/core'
import type { JournalKeys } from './journal-keys.ts'

/** The right to write the journal of an owner, and to flush it. */
export interface Holding {
  readonly owner: string
  readonly lease: Lease
}

/** What is known of the lease that was taken or prolonged last. It may have run out since. */
interface Known extends Holding {
  /** From when on, by the monotonic clock, it may have run out. */
  readonly until: number
  /** The head of the log, or an earlier one, when it was certainly held. */
  readonly head: number
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
  /** Looks at the log, before the lease is taken or prolonged. @returns its head @default nobody has to know */
  readonly look?: (() => Promise<number>) | undefined
  /**
   * Of what nobody can recover: the lease had run out, and nobody knew meanwhile that this process lives. It is held again when
   * this resolves.
   * @param token of the lease that has run out
   * @param head of the log when that was certainly held
   */
  readonly onLapsed?: ((token: number, head: number) => Promise<void>) | undefined
}

/**
 * One process owns its journal as long as its lease lasts: it is prolonged while there is anything in the journal. Whoever
 * finds it free recovers what is there, and the former owner, if it was only slow, notices before it writes or flushes again.
 *
 * A lease that has run out, and that nobody has taken, is taken again by the owner, for the same journal: what is in there is
 * his until somebody has begun to recover it. Another journal is begun only when it is known that somebody has.
 */
export class Tenure {
  readonly #options: TenureOptions
  #known: Known | undefined
  #taking: Promise<Holding> | undefined
  #renewing = false
  #cancel: () => void = () => {}
  #isEnded = false
  /** Whose journal it is; undefined: nothing was journaled yet. */
  owner: string | undefined

  constructor(options: TenureOptions) {
    this.#options = options
  }

  /** @throws what the back tier fails with. Whose journal it is, is the same as before then: the next call goes on from there. */
  held(): Promise<Holding> {
    if (!this.#renewing) this.#keep()
    const known = this.#known
    const isHeld = known !== undefined && this.#options.clock.monotonic() < known.until
    if (this.#taking === undefined && isHeld) return Promise.resolve(known)
    return (this.#taking ??= this.#take().finally(() => (this.#taking = undefined)))
  }

  /**
   * After LEASE_LOST. `kept`: nobody has touched the journal, and the lease is held again · `lost`: somebody has recovered it,
   * everything in it is flushed, and a new one is begun.
   * @throws as {@link held}: neither is known yet
   */
  async reclaim({ owner, lease }: Holding): Promise<'kept' | 'lost'> {
    // Whoever finds out at the same time waits for the one that has found out first.
    if (this.#known?.lease.token === lease.token) this.#known = { ...this.#known, until: -Infinity }
    await this.held()
    return this.owner === owner ? 'kept' : 'lost'
  }

  /** Nothing is left in the journal: nobody need look at it. */
  async end(): Promise<void> {
    const holding = await this.#stop()
    if (holding === undefined) return
    const { owner, lease } = holding
    const { back, keys } = this.#options
    const marks = [keys.owner(owner), keys.heldBack(owner), keys.flushed(owner), keys.flushing(owner)].map((key) => ({
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
    const holding = await this.#stop()
    // When it cannot be released, they have to wait for its end.
    if (holding !== undefined) await this.#options.back.leases.release(holding.lease).catch(() => undefined)
  }

  async #stop(): Promise<Holding | undefined> {
    this.#isEnded = true
    this.#cancel()
    await this.#taking?.catch(() => undefined)
    return this.#known
  }

  async #take(): Promise<Holding> {
    const { owner } = this
    this.#known = (owner === undefined ? undefined : await this.#regain(owner)) ?? (await this.#register())
    return this.#known
  }

  /** The lease of another journal, which is known to those who recover. */
  async #register(): Promise<Known> {
    const { back, keys, record } = this.#options
    const owner = crypto.randomUUID()
    for (;;) {
      const taken = await this.#acquire(owner)
      try {
        if (record !== undefined) {
          const value = Payload.encode(back.codec, { v: 1, ...record })
          const marks = [{ key: keys.owner(owner), value }]
          await back.commit({ reads: [], decide: () => [], lease: taken.lease, keepLease: true, marks })
        }
        this.owner = owner
        return taken
      } catch (error) {
        // Stopped between the two for longer than the lease: nobody knows of this journal yet.
        if (isLeaseLost(error)) continue
        await back.leases.release(taken.lease).catch(() => undefined)
        throw error
      }
    }
  }

  /** The lease of the same journal; undefined: somebody has recovered it. When it is not known whether, nothing changes. */
  async #regain(owner: string): Promise<Known | undefined> {
    const { back, keys, record, onLost, onLapsed } = this.#options
    const last = this.#known!
    const prolonged = await this.#prolonged(last)
    if (prolonged !== undefined) return prolonged
    const taken = await this.#acquire(owner)
    try {
      if (record === undefined) {
        await onLapsed?.(last.lease.token, last.head)
        return taken
      }
      const [mark, heldBack] = await back.marks.read([keys.owner(owner), keys.heldBack(owner)])
      // A part of it may be flushed already.
      const isMine = mark !== undefined && (mark.decode() as { isRecovered?: boolean }).isRecovered !== true
      // What is journaled from now on is not as old as that.
      if (isMine && heldBack !== undefined) {
        await back.marks.write([{ key: keys.heldBack(owner), value: undefined }], { lease: taken.lease })
      }
      if (isMine) return taken
    } catch (error) {
      // Stopped again meanwhile.
      if (isLeaseLost(error)) return this.#regain(owner)
      await back.leases.release(taken.lease).catch(() => undefined)
      throw error
    }
    this.owner = undefined
    this.#known = undefined
    onLost()
    // Whoever has recovered a part of it goes on. When it cannot be released, that waits for its end.
    await back.leases.release(taken.lease).catch(() => undefined)
    return undefined
  }

  async #acquire(owner: string): Promise<Known> {
    const { back, keys, clock, leaseMs } = this.#options
    for (;;) {
      const { head, until } = await this.#look()
      const grant = await back.leases.acquire(keys.owner(owner), leaseMs)
      if (grant.lease !== undefined) return { owner, lease: grant.lease, until, head }
      await clock.sleep(grant.remainingMs)
    }
  }

  /** undefined: it is not held any more. */
  async #prolonged({ owner, lease }: Holding): Promise<Known | undefined> {
    const { back, leaseMs } = this.#options
    const { head, until } = await this.#look()
    return (await back.leases.renew(lease, leaseMs)) ? { owner, lease, until, head } : undefined
  }

  /** Before anything is asked of the lease: what comes after this may be later, never earlier, than it says. */
  async #look(): Promise<Pick<Known, 'head' | 'until'>> {
    const { clock, leaseMs, look } = this.#options
    const head = (await look?.()) ?? 0
    return { head, until: clock.monotonic() + leaseMs }
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
    const known = this.#known
    if (known === undefined || this.#taking !== undefined) return
    try {
      const prolonged = await this.#prolonged(known)
      // Another one is held by now, perhaps, or none any more.
      if (this.#isEnded || this.#known !== known) return
      this.#known = prolonged ?? { ...known, until: -Infinity }
      // Now, and not at the next flush: what others have written for it is not to be read here for longer.
      if (prolonged === undefined) await this.held()
    } catch {
      // A back tier that is busy now may have time for the next renewal; every row and every flush checks the lease.
    }
  }
}

export function isLeaseLost(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'LEASE_LOST'
}
