import {
  type Back,
  type Clock,
  ClosedError,
  type Lease,
  type Payload,
  prefixRange,
  type SharedJournal,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { Batch, type Dirty, type Failure } from './batch.ts'
import { damagedMark, type DeadLetterOffice } from './dead-letters.ts'
import { type Destination, flushBatch } from './flush-batch.ts'
import { flushFailure } from './flush-failure.ts'
import { heldBack, holdBack } from './held-back.ts'
import { nameIn } from './journal-keys.ts'
import { type LeftJournal, leftJournal, leftRows } from './left-rows.ts'
import { marksIn } from './marks-in.ts'
import type { RecoveredJournal } from './recovered-journal.ts'
import { isLeaseLost } from './tenure.ts'

/** Beyond the time that is left to a lease: its end is exclusive, and clocks round. */
const SLACK_MS = 5
/** How soon to look again, for who waits, whether somebody else has recovered a journal. */
const RECOVERING_POLL_MS = 50
/** How soon to try again what has failed, for who waits. */
const RETRY_MS = 250

export interface RecoveryOptions<D extends Dirty> {
  readonly back: Pick<Back, 'codec' | 'leases' | 'marks'>
  readonly office: DeadLetterOffice<D>
  readonly clock: Clock
  readonly leaseMs: number
  /** Where a journal is flushed to that somebody has left behind. */
  readonly target: (journal: RecoveredJournal) => Destination<D>
  /** The names of the destinations that it is flushed to, one after the other. @default there is one */
  readonly lanes?: (() => readonly string[]) | undefined
  /** Where rows lie that are not in the back tier; undefined: nowhere. */
  readonly shared?: SharedJournal | undefined
  /** Whose journal this process writes itself. */
  readonly own: () => string | undefined
  /** Whether who described itself so is known to be gone. */
  readonly isGone: (by: unknown) => boolean
  readonly onError: (error: unknown) => void
  /** The store, where others go on without what cannot be recovered; undefined: they do not. */
  readonly goingOn?: Pick<Back, 'codec' | 'log' | 'marks'> | undefined
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
        const end = ends.get(owner) ?? now + remainingMs
        ends.set(owner, end)
        if (now <= end) waitMs = Math.min(waitMs, end - now)
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
      else await this.#flush(left, lease)
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

  async #flush(left: LeftJournal, lease: Lease): Promise<void> {
    const { owner, level } = left
    const { back, goingOn, office, clock, target, lanes = () => [''], shared, onError } = this.#options
    const { keys } = office
    const { rows, damaged } = await leftRows({ back, office, shared, at: clock.now() }, left)
    const letters = damaged.map(({ bytes, error }) => damagedMark(office, bytes, error, clock.now()))
    const since = goingOn && (await heldBack(goingOn, keys, owner))
    const [noted] = await back.marks.read([keys.flushing(owner)])
    const failures: Failure<D>[] = []
    for (const [at, lane, all] of lanes().map((each, i, { length }) => [i, each, length] as const)) {
      const isLastLane = at === all - 1
      // What its owner was about to flush comes first, by itself, so that who has it already can tell.
      const { from, to } = begunIn(noted, lane)
      const begun = rows.filter(({ row }) => row <= to)
      const parts = [begun, rows.slice(begun.length)].filter((part) => part.length > 0)
      for (const [i, part] of (parts.length === 0 ? [rows] : parts).entries()) {
        const batch = new Batch<D>(0, (part === begun ? from : undefined) ?? part[0]?.row ?? 0)
        for (const { row, writes } of part) for (const together of byCall(writes)) batch.add(together, row)
        const isLast = isLastLane && i >= parts.length - 1
        const gone = isLast ? damaged : []
        if (part === begun) batch.to = to
        // What lies elsewhere is not read again, damaged or not.
        else batch.to = Math.max(batch.to, ...gone.map(({ row }) => row))
        const used = [keys.flushed(owner), keys.flushing(owner), ...[...part, ...gone].flatMap(({ key }) => key ?? [])]
        const journal = { owner, level, lease, used, letters: isLast ? letters : [], heldBack: since }
        await flushBatch(batch, target({ ...journal, lane, isLastLane, isLast }))
        failures.push(...batch.failures)
      }
    }
    if (level !== 'journal') await shared?.drop(owner).catch(() => undefined)
    if (damaged.length > 0) for (const { error } of damaged) queueMicrotask(() => onError(error))
    if (failures.length > 0) queueMicrotask(() => onError(flushFailure(failures)))
  }
}

/** What was asked for together, in order. */
function byCall<D extends Dirty>(writes: readonly D[]): readonly (readonly D[])[] {
  const calls: D[][] = []
  for (const write of writes) {
    const last = calls.at(-1)
    if (last !== undefined && last[0]!.call === write.call) last.push(write)
    else calls.push([write])
  }
  return calls
}

/** Which rows a flush to a destination was about to write. */
function begunIn(noted: Payload | undefined, lane: string): { readonly from: number | undefined; readonly to: number } {
  // Of a release that flushed to all of them at once: those rows.
  const { from, to, lanes } = (noted?.decode() ?? {}) as {
    readonly from?: number
    readonly to?: number
    readonly lanes?: Readonly<Record<string, readonly [from: number, to: number]>>
  }
  const [first, last] = lanes?.[lane] ?? [from, to]
  return { from: first, to: last ?? -1 }
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
