import { type Back, type Clock, ClosedError, CompactedError, type Lease, port, reservedKey } from '@tidemark/core'
import type { Observable } from 'rxjs'
import { Emitter } from '../emitter.ts'
import { GuardedObservable } from '../guarded-observable.ts'
import { lastResort } from '../last-resort.ts'
import { alarmOf, type CompactorEvent } from './compactor-event.ts'
import { type CompactorOptions, type ResolvedCompactorOptions, resolveCompactorOptions } from './compactor-options.ts'
import { Pace } from './pace.ts'
import { Retention, type Target } from './retention.ts'
import { SpareRoom } from './spare-room.ts'

/** Names the lease. Stored: never change it. */
const LEASE_KEY = reservedKey('compaction')

/** Beside two rounds: what the longest step may take. */
const LEASE_SLACK_MS = 10_000

/** How much disk space a step gives back, about: a millisecond. */
const RECLAIM_BYTES = 256 * 1024

/** Writers have the disk for as long as a step has had it, but nobody waits for longer than this for the next one. */
const MAX_PAUSE_MS = 20

export type CompactorBack = Pick<Back, 'log' | 'compaction' | 'leases'>

export interface CompactorStats {
  /** Of this process, since it began. */
  readonly rounds: number
  readonly removed: number
  /** As the last round left the log. */
  readonly floor: number
  readonly head: number
  /** Whether it is this process that compacts, and not another one of the same store. */
  readonly isActive: boolean
}

/** Keeps a log within its bounds, in the background. */
export interface Compactor {
  readonly stats: CompactorStats
  /** Hot. While nobody listens, what needs attention goes to the console. */
  readonly events$: Observable<CompactorEvent>
  /** A round now, whichever process does the others. Rejects when it fails; ends early when it is closed. */
  compactNow(): Promise<CompactorStats>
  /** Ends after the step under way. Idempotent. */
  close(): Promise<void>
}

/**
 * Compacts the log of a store by age, number and size of its changes, as far as nobody needs them. Any number of
 * processes may run one: a lease sees to it that one works; nothing is wrong if two do. Small steps, each a transaction
 * of its own or part of one of this process's writers, with pauses in which others write. The floor of the log only
 * grows. Where rounds let go of more than writers will soon use, disk space is given back, in small steps, too.
 * @throws TypeError or RangeError for wrong options
 */
export function startCompactor(back: CompactorBack, options: CompactorOptions): Compactor {
  return new RunningCompactor(back, resolveCompactorOptions(options))
}

class RunningCompactor implements Compactor {
  readonly events$: Observable<CompactorEvent>
  readonly #back: CompactorBack
  readonly #options: ResolvedCompactorOptions
  readonly #clock: Clock
  readonly #retention: Retention
  readonly #pace: Pace
  readonly #events = new Emitter<CompactorEvent>((error) => lastResort('a subscriber of a compactor failed', error))
  readonly #wakes = new Set<() => void>()
  #stats: CompactorStats = Object.freeze({ rounds: 0, removed: 0, floor: 0, head: 0, isActive: false })
  #lease: Lease | undefined
  #renewedAt = 0
  readonly #room: SpareRoom
  /** Until the next round. */
  #waitMs: number
  /** Who waits for a round of their own. */
  #asked = 0
  #isClosed = false
  #cancel: () => void = () => undefined
  /** The rounds, one after the other. */
  #work: Promise<unknown> = Promise.resolve()

  constructor(back: CompactorBack, options: ResolvedCompactorOptions) {
    this.#back = port<CompactorBack>('the store', back, [])
    this.#options = options
    this.#clock = options.clock
    this.#retention = new Retention(back.log, back.compaction, options)
    this.#pace = new Pace(options)
    this.#room = new SpareRoom(options)
    this.#waitMs = options.everyMs
    this.events$ = new GuardedObservable(
      { onThrow: 'continue', report: (error) => lastResort('a subscriber of a compactor failed', error) },
      (subscriber) => this.#events.connect(subscriber, 0),
    )
    this.#schedule()
  }

  get stats(): CompactorStats {
    return this.#stats
  }

  compactNow(): Promise<CompactorStats> {
    if (this.#isClosed) return Promise.reject(new ClosedError('the compactor'))
    this.#asked++
    // A pause of the round before it would let the process end.
    this.#wakeAll()
    return this.#queue(async () => {
      await this.#round('asked')
      return this.#stats
    }).finally(() => this.#asked--)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#cancel()
    this.#wakeAll()
    await this.#work.catch(() => undefined)
    const lease = this.#lease
    this.#lease = undefined
    // It ends by itself; to give it back only saves the others time.
    if (lease !== undefined) await this.#back.leases.release(lease).catch(() => undefined)
    this.#events.complete()
  }

  #queue<T>(task: () => Promise<T>): Promise<T> {
    const done = this.#work.then(task, task)
    this.#work = done.catch(() => undefined)
    return done
  }

  #schedule(): void {
    if (this.#isClosed) return
    this.#cancel = this.#clock.schedule(this.#waitMs, () => {
      void this.#queue(() => this.#turn()).then(() => this.#schedule())
    })
  }

  /** A round, if it is this process's turn. */
  async #turn(): Promise<void> {
    const { everyMs } = this.#options
    this.#waitMs = everyMs
    try {
      if (this.#isClosed || !(await this.#isMine())) return
      this.#waitMs = await this.#round('due')
    } catch (error) {
      if (!this.#isClosed) this.#tell({ kind: 'trouble', error })
    }
  }

  async #isMine(): Promise<boolean> {
    const { leases } = this.#back
    const { everyMs } = this.#options
    const now = this.#clock.monotonic()
    // To renew is a commit: rounds that follow one another quickly share one.
    if (this.#lease !== undefined && now - this.#renewedAt < everyMs) return true
    const ttlMs = 2 * everyMs + LEASE_SLACK_MS
    const isHeld = this.#lease !== undefined && (await leases.renew(this.#lease, ttlMs))
    if (!isHeld) this.#lease = (await leases.acquire(LEASE_KEY, ttlMs)).lease
    this.#renewedAt = now
    this.#update({ isActive: this.#lease !== undefined })
    return this.#lease !== undefined
  }

  /** @returns milliseconds until the next one is due */
  async #round(why: 'asked' | 'due'): Promise<number> {
    const target = await this.#retention.target(() => this.#pause(0))
    this.#pace.roundBegins(target.head)
    // The first round also meets what another setting of `keepLatestPerKey` has left below the floor.
    const isDue = target.upTo > target.floor || this.#stats.rounds === 0
    const removed = isDue ? await this.#compact(target) : 0
    const floor = await this.#back.log.floor()
    for (const { name, seq } of target.holders) {
      if (seq < floor && floor > target.floor) {
        this.#tell({
          kind: 'lost',
          holder: name,
          after: seq,
          to: floor,
          isFirst: seq >= target.floor,
          error: new CompactedError(seq, floor, target.head),
        })
      }
    }
    this.#update({ rounds: this.#stats.rounds + 1, floor, head: target.head })
    if (this.#room.isSpare(target.head, removed, why)) await this.#reclaim()
    return this.#pace.roundEnds(await this.#back.log.head(), removed)
  }

  async #compact({ floor, upTo }: Target): Promise<number> {
    const { compaction, log } = this.#back
    const { keepLatest } = this.#options
    let removed = 0
    for (let at = floor; !this.#isClosed;) {
      const limit = this.#pace.stepSize(await log.head())
      const began = this.#clock.monotonic()
      const done = await compaction.compact({ upTo, limit, keepLatest })
      removed += done.removed
      this.#update({ removed: this.#stats.removed + done.removed, floor: done.floor })
      if (done.removed > 0) this.#tell({ kind: 'progress', floor: done.floor, target: upTo, removed: done.removed })
      if (done.done || (done.removed === 0 && done.floor === at)) break
      at = done.floor
      await this.#pause(this.#clock.monotonic() - began)
    }
    return removed
  }

  async #reclaim(): Promise<void> {
    for (let isMore = true; isMore && !this.#isClosed;) {
      const began = this.#clock.monotonic()
      isMore = await this.#back.compaction.reclaim(RECLAIM_BYTES)
      if (isMore) await this.#pause(this.#clock.monotonic() - began)
    }
  }

  /** Ends early when somebody asks for a round, or closes the compactor. */
  #pause(ms: number): Promise<void> {
    if (this.#isClosed) return Promise.resolve()
    const pauseMs = Math.min(ms, MAX_PAUSE_MS)
    return new Promise((resolve) => {
      let cancel = (): void => undefined
      const wake = (): void => {
        cancel()
        this.#wakes.delete(wake)
        resolve()
      }
      this.#wakes.add(wake)
      // Slept where somebody waits: what is only scheduled would let the process end.
      if (this.#asked > 0) void this.#clock.sleep(pauseMs).then(wake)
      else cancel = this.#clock.schedule(pauseMs, wake)
    })
  }

  #wakeAll(): void {
    for (const wake of this.#wakes) wake()
  }

  #update(some: Partial<CompactorStats>): void {
    this.#stats = Object.freeze({ ...this.#stats, ...some })
  }

  #tell(event: CompactorEvent): void {
    if (this.#events.observed) return this.#events.emit(event, Infinity)
    // What goes on for as long as somebody stays away is said once.
    if (event.kind === 'lost' && !event.isFirst) return
    if (event.kind !== 'progress') lastResort(alarmOf(event), event.error)
  }
}
