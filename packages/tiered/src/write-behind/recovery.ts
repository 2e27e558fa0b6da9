import { type Back, ClosedError, type Lease, prefixRange, type StoreKey, TidemarkError } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import { flushLeft, type FlushLeftOptions } from './flush-left.ts'
import { holdBack } from './held-back.ts'
import { nameIn } from './journal-keys.ts'
import { type LeftJournal, leftJournal } from './left-rows.ts'
import { marksIn } from './marks-in.ts'
import { isLeaseLost } from './tenure.ts'

/** Beyond the time that is left to a lease: its end is exclusive, and clocks round. */
const SLACK_MS = 5
/** How soon to look again, for who waits, whether somebody else has recovered a journal. */
const RECOVERING_POLL_MS = 50
/** How soon to try again what has failed, for who waits. */
const RETRY_MS = 250

export interface RecoveryOptions<D extends Dirty> extends FlushLeftOptions<D> {
  readonly back: Pick<Back, 'codec' | 'leases' | 'marks'>
  readonly leaseMs: number
  /** Whose journal this process writes itself. */
  readonly own: () => string | undefined
  /** Whether who described itself so is known to be gone. */
  readonly isGone: (by: unknown) => boolean
}

/** A journal that cannot be recovered now. */
interface Taken {
  /** For how long at most, as far as can be told. */
  readonly remainingMs: number
  /** Somebody else recovers it, and not its owner holds it. */
  readonly isRecovered: boolean
}

/** A journal that was free, and was not recovered. */
interface Failed {
  readonly error: unknown
  /** When it is recovered at last, what is written until then stays. */
  readonly isHeldBack: boolean
}

/** Flushes the journals of those who are gone: whose lease is free. */
export class Recovery<D extends Dirty> {
  readonly #options: RecoveryOptions<D>
  #running: Promise<void> | undefined
  #cancel: () => void = () => {}
  #isClosed = false
  /** Of the last look. */
  #failed: readonly Failed[] = []
  /** Somebody waits, and is told of what fails in the end. */
  #isRequired = false

  constructor(options: RecoveryOptions<D>) {
    this.#options = options
  }

  /** Whether it looks just now. */
  get isRunning(): boolean {
    return this.#running !== undefined
  }

  /**
   * Resolves when every journal that was free is flushed; from then on it looks again, for those that are not, and for others
   * that come: as often as a lease may run out.
   * What fails goes to `onError`, and is tried again.
   * @throws ClosedError
   */
  run(): Promise<void> {
    return (this.#running ??= this.#run().finally(() => (this.#running = undefined)))
  }

  /**
   * As {@link run}, for who is to see all of it. What fails, and may pass, is tried again for so long.
   * @param mayGoOn without what cannot be recovered by then: `onError` is told of it, and what is written until it is stays
   * @throws TidemarkError UNRECOVERED; ClosedError
   */
  async require(withinMs: number, mayGoOn: boolean): Promise<void> {
    const { clock, onError } = this.#options
    const end = clock.monotonic() + withinMs
    this.#isRequired = true
    try {
      for (;;) {
        await this.run()
        const failed = this.#failed
        if (failed.length === 0) return
        const leftMs = end - clock.monotonic()
        if (leftMs > 0 && failed.some(({ error }) => error instanceof TidemarkError && error.retryable)) {
          await clock.sleep(Math.min(RETRY_MS, leftMs))
          continue
        }
        if (!mayGoOn || !failed.every(({ isHeldBack }) => isHeldBack)) throw unrecovered(failed[0]!.error)
        for (const { error } of failed) queueMicrotask(() => onError(error))
        return
      }
    } finally {
      this.#isRequired = false
    }
  }

  /**
   * As {@link run}, for who must not begin before what others have left: waits until each journal is flushed, or its owner has
   * shown that he lives, by renewing his lease.
   * @throws what a flush fails with; ClosedError
   */
  async runFirst(): Promise<void> {
    const { clock, leaseMs } = this.#options
    // By the monotonic clock: when a lease is over that nobody renews.
    const ends = new Map<string, number>()
    for (;;) {
      const taken = await this.#look()
      if (this.#failed.length > 0) throw this.#failed[0]!.error
      const now = clock.monotonic()
      let waitMs = Infinity
      for (const [owner, { remainingMs, isRecovered }] of taken) {
        if (isRecovered) {
          ends.delete(owner)
          waitMs = Math.min(waitMs, remainingMs, RECOVERING_POLL_MS)
          continue
        }
        // Not what seems to be left now: the clock may be ahead, and be set right.
        const end = ends.get(owner) ?? now + Math.max(remainingMs, leaseMs)
        ends.set(owner, end)
        if (now <= end) waitMs = Math.min(waitMs, remainingMs, end - now)
      }
      if (waitMs === Infinity) break
      await clock.sleep(waitMs + SLACK_MS)
    }
    this.#lookAgain(leaseMs)
  }

  /** Looks no more. */
  stop(): void {
    this.#isClosed = true
    this.#cancel()
  }

  async close(): Promise<void> {
    this.stop()
    await this.#running?.catch(() => undefined)
  }

  async #run(): Promise<void> {
    this.#cancel()
    const { leaseMs, onError } = this.#options
    // Reads go on: a disk that is full may have room later, say.
    const taken = await this.#look()
    if (!this.#isRequired) for (const { error } of this.#failed) queueMicrotask(() => onError(error))
    this.#lookAgain(Math.min(leaseMs, ...Array.from(taken.values(), ({ remainingMs }) => remainingMs)))
  }

  /** @returns the owners of those that could not be recovered, and did not fail */
  async #look(): Promise<ReadonlyMap<string, Taken>> {
    const { back, office, own } = this.#options
    const taken = new Map<string, Taken>()
    const failed: Failed[] = []
    this.#failed = failed
    const attempt = async (work: () => Promise<void>): Promise<void> => {
      try {
        await work()
      } catch (error) {
        if (error instanceof ClosedError) throw error
        failed.push(
          error instanceof HeldBackError ? { error: error.cause, isHeldBack: true } : { error, isHeldBack: false },
        )
      }
    }
    await attempt(async () => {
      for (const mark of await marksIn(back, office.keys.owners)) {
        if (this.#isClosed) return
        const owner = nameIn(mark.key)
        if (owner === own()) continue
        await attempt(async () => {
          const found = await this.#recover(leftJournal(mark, owner))
          if (found !== undefined) taken.set(owner, found)
        })
      }
    })
    return taken
  }

  #lookAgain(afterMs: number): void {
    if (this.#isClosed) return
    const { clock, onError } = this.#options
    this.#cancel = clock.schedule(afterMs + SLACK_MS, () => {
      this.run().catch((error: unknown) => {
        if (!(error instanceof ClosedError)) onError(error)
      })
    })
  }

  /** @returns undefined: it is done */
  async #recover(left: LeftJournal): Promise<Taken | undefined> {
    const { owner, by } = left
    const { back, office, leaseMs, isGone } = this.#options
    const { leases } = back
    const [key, turn] = [office.keys.owner(owner), office.keys.recovering(owner)]
    const [heldMs = 0, recoveredMs = 0] = await leases.remaining([key, turn])
    if (recoveredMs > 0) return { remainingMs: recoveredMs, isRecovered: true }
    if (heldMs > 0 && !isGone(by)) return { remainingMs: heldMs, isRecovered: false }
    // Before the lease of the owner: who sees that held, and this not, knows that it is the owner who holds it.
    const grant = await leases.acquire(turn, leaseMs)
    if (grant.lease === undefined) return { remainingMs: grant.remainingMs, isRecovered: true }
    try {
      if (heldMs > 0) await leases.endRange(prefixRange(key.tuple))
      return await this.#takeOver(left, key)
    } catch (error) {
      if (isLeaseLost(error)) return { remainingMs: leaseMs, isRecovered: true }
      throw error
    } finally {
      await leases.release(grant.lease).catch(() => undefined)
    }
  }

  async #takeOver(left: LeftJournal, key: StoreKey): Promise<Taken | undefined> {
    const { back, leaseMs } = this.#options
    const grant = await back.leases.acquire(key, leaseMs)
    if (grant.lease === undefined) return { remainingMs: grant.remainingMs, isRecovered: false }
    const { lease } = grant
    try {
      const [mark] = await back.marks.read([key])
      if (mark === undefined) await back.leases.release(lease)
      else await flushLeft(this.#options, left, lease)
      return undefined
    } catch (error) {
      const isOver = isLeaseLost(error) || error instanceof ClosedError
      const isHeldBack = !isOver && (await this.#holdBack(left.owner, lease))
      await back.leases.release(lease).catch(() => undefined)
      throw isHeldBack ? new HeldBackError(error) : error
    }
  }

  /** Whether it is noted that others go on without this journal. */
  async #holdBack(owner: string, lease: Lease): Promise<boolean> {
    const { goingOn, office } = this.#options
    if (goingOn === undefined) return false
    return holdBack(goingOn, office.keys, owner, lease).then(
      () => true,
      () => false,
    )
  }
}

/** What a journal failed with that is held back. */
class HeldBackError extends Error {
  constructor(cause: unknown) {
    super('held back', { cause })
  }
}

function unrecovered(cause: unknown): TidemarkError {
  const why = cause instanceof Error ? cause.message : String(cause)
  const message = `writes that others have acknowledged and left behind cannot be recovered: ${why}`
  const retryable = cause instanceof TidemarkError && cause.retryable
  return new TidemarkError('UNRECOVERED', message, { cause, retryable })
}
