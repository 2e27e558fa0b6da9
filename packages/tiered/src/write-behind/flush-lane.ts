import type { Clock } from '@tidemark/core'
import { Batch, type Dirty } from './batch.ts'
import { type Destination, flushBatch } from './flush-batch.ts'
import { FlushFailure, flushFailure } from './flush-failure.ts'
import type { ResolvedLimits } from './limits.ts'

/** Pauses after failed flushes, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE_MS = 50
const LAST_PAUSE_MS = 10_000

/** How far a buffer has come. */
interface Place {
  /** Every call up to this one is journaled or refused. */
  readonly call: number
  /** The last row that is journaled or refused. */
  readonly row: number
}

export interface FlushLaneOptions<D extends Dirty> {
  readonly destination: Destination<D>
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly random: () => number
  readonly place: () => Place
  /** Gets what a flush failed with that nobody asked for. */
  readonly onError: (error: unknown) => void
  /** Called with the ids of what a flush has written. */
  readonly onFlushed: (ids: Iterable<string>) => void
}

/**
 * What one destination is still to get: one flush at a time, what is acknowledged meanwhile goes with the next one. A flush that
 * fails is repeated as it was, so that its destination can tell that it has seen it before.
 */
export class FlushLane<D extends Dirty> {
  readonly #options: FlushLaneOptions<D>
  #active: Batch<D>
  #flushing: Batch<D> | undefined
  #passing: Promise<void> | undefined
  /**
   * Keys of rows that were refused, and the last such row: it may stand in the journal all the same, until a flush has covered it.
   */
  readonly #uncertain = new Map<string, number>()
  /** Rows are to be removed that nobody waits for any more. */
  #isUntidy = false
  #failed = 0
  #cancelAge: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #isStopped = false

  /** @param inherited what it is still to get, and the first row that holds something of that */
  constructor(options: FlushLaneOptions<D>, inherited: readonly D[] = [], row = 1) {
    this.#options = options
    this.#active = this.#begin()
    if (inherited.length === 0) return
    const { place, clock } = options
    this.#active = new Batch(0, row, clock.monotonic())
    for (const write of inherited) this.#active.add([write], place().row)
  }

  /** The latest acknowledged write, unless it is flushed. */
  get(id: string): D | undefined {
    return this.#active.writes.get(id) ?? this.#flushing?.writes.get(id)
  }

  /** Whether a call that was refused may have left a write in the journal. */
  isUncertain(id: string): boolean {
    return this.#uncertain.has(id)
  }

  get isIdle(): boolean {
    return this.#flushing === undefined && this.#active.size === 0 && !this.#isUnsettled
  }

  /** Acknowledged keys that wait to be flushed. */
  get size(): number {
    return this.#active.size + (this.#flushing?.size ?? 0)
  }

  get bytes(): number {
    return this.#active.bytes + (this.#flushing?.bytes ?? 0)
  }

  /** Bytes that the journal holds of it. */
  get journaled(): number {
    return this.#active.journaled + (this.#flushing?.journaled ?? 0)
  }

  /** The last flush has failed, and the next one is not due yet. */
  get isPausing(): boolean {
    return this.#cancelRetry !== undefined
  }

  /** The first row that holds something that is still to be flushed. */
  get owes(): number {
    if (this.#flushing !== undefined && this.#flushing.size > 0) return this.#flushing.from
    return this.#active.size > 0 ? this.#active.from : Infinity
  }

  /** Whether a flush under way, or due, has writes of a call up to this one. */
  isDue(upTo: number): boolean {
    if (this.#isUnsettled || this.#flushing !== undefined) return true
    return this.#active.size > 0 && this.#active.first <= upTo
  }

  /** Every acknowledged write that waits to be flushed, the latest of each key. */
  *all(): Generator<D> {
    for (const [id, write] of this.#flushing?.writes ?? []) if (!this.#active.writes.has(id)) yield write
    yield* this.#active.writes.values()
  }

  take(call: number, writes: readonly D[], row: number): void {
    if (this.#active.size === 0) this.#active = new Batch(call, this.#active.from, this.#options.clock.monotonic())
    this.#active.add(writes, row)
  }

  /** These were refused, and may stand in the row all the same. */
  doubt(writes: readonly D[], row: number): void {
    for (const { id } of writes) this.#uncertain.set(id, row)
  }

  /** Another destination gets nothing any more: the rows that stood for it alone can go, with a flush that begins now. */
  tidy(): void {
    this.#isUntidy = true
    this.flushSoon()
  }

  /** Begins a flush in the background; not while a failed flush waits for its next attempt. */
  flushSoon(): void {
    if (this.#cancelRetry === undefined) this.pass().catch(() => undefined)
  }

  /** Flushes by count, bytes and age. */
  watch(): void {
    if (this.#isStopped) return
    const { limits, clock } = this.#options
    const { maxDirty, maxBytes, maxAgeMs } = limits
    const { size, bytes, journaled, since } = this.#active
    if (size === 0 && !this.#isUnsettled) return
    const leftMs = size === 0 ? 0 : since + maxAgeMs - clock.monotonic()
    if (leftMs <= 0 || size >= maxDirty || bytes >= maxBytes || journaled >= maxBytes) this.flushSoon()
    else this.#cancelAge ??= clock.schedule(leftMs, () => this.#onAge())
  }

  /** One attempt at a time; what it fails with is told once. */
  pass(): Promise<void> {
    if (this.#passing !== undefined) return this.#passing
    if (this.#isStopped) return Promise.resolve()
    const passing = this.#attempt().finally(() => this.#leave(passing))
    this.#passing = passing
    passing.then(
      // What has gathered meanwhile may be enough for the next one.
      () => this.watch(),
      (error: unknown) => {
        if (error instanceof FlushFailure) this.watch()
        // Later, so that an error handler that throws cannot get between the flush and who waits for it.
        queueMicrotask(() => this.#options.onError(error))
      },
    )
    return passing
  }

  /**
   * Flushes until every call up to this one is flushed.
   * @returns what was refused for good, and set aside @throws what the flush failed with: it is tried again
   */
  async flush(upTo: number): Promise<FlushFailure['failures']> {
    const failures: FlushFailure['failures'][number][] = []
    while (!this.#isStopped && this.isDue(upTo)) {
      try {
        await this.pass()
      } catch (error) {
        if (!(error instanceof FlushFailure)) throw error
        failures.push(...error.failures)
      }
    }
    return failures
  }

  /** Runs a task after the attempt that is under way, whatever becomes of it, and before the next one. */
  between<T>(task: () => Promise<T>): Promise<T> {
    const before = this.#passing ?? Promise.resolve()
    const turn = before.then(task, task)
    const ended = (): void => this.#leave(held)
    const held: Promise<void> = turn.then(ended, ended)
    this.#passing = held
    // What has fallen due meanwhile found this in its place.
    void held.then(() => (this.#flushing === undefined ? this.watch() : this.flushSoon()))
    return turn
  }

  /** Forgets everything that is acknowledged: somebody else has taken the journal over, and flushes it. */
  abandon(): void {
    if (this.#flushing !== undefined) {
      this.#flushing.isLost = true
      this.#flushing.drop([...this.#flushing.writes.values()])
      this.#flushing.parts?.splice(0)
    }
    this.#active = this.#begin()
    this.#uncertain.clear()
    this.#stopAge()
  }

  /** Resolves when nothing is flushed any more. */
  async stop(): Promise<void> {
    this.#isStopped = true
    this.#stopAge()
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    while (this.#passing !== undefined) await this.#passing.catch(() => undefined)
  }

  /** Whether there is a row to be removed, though perhaps nothing to be written. */
  get #isUnsettled(): boolean {
    return this.#uncertain.size > 0 || this.#isUntidy
  }

  #onAge(): void {
    this.#cancelAge = undefined
    this.flushSoon()
  }

  #leave(passing: Promise<void>): void {
    if (this.#passing === passing) this.#passing = undefined
  }

  async #attempt(): Promise<void> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const batch = (this.#flushing ??= this.#seal())
    // What becomes so while this is flushed, also in another attempt, is for the next flush.
    if (batch.parts === undefined) this.#isUntidy = false
    const writes = [...batch.writes.values()]
    try {
      await flushBatch(batch, this.#options.destination)
    } catch (error) {
      this.#retryLater()
      throw error
    }
    this.#flushing = undefined
    this.#failed = 0
    for (const [id, row] of this.#uncertain) if (row <= batch.to) this.#uncertain.delete(id)
    if (!batch.isLost) this.#tell(writes, batch.failures)
    if (batch.failures.length > 0) throw flushFailure(batch.failures)
  }

  /** Nobody counts as flushed what was refused. */
  #tell(writes: readonly D[], failures: Batch<D>['failures']): void {
    const refused = new Set(failures.flatMap((failure) => failure.writes))
    const flushed = refused.size === 0 ? writes : writes.filter((write) => !refused.has(write))
    if (flushed.length === 0) return
    const ids: string[] = []
    for (const { id, checkpoint } of flushed) if (checkpoint === undefined) ids.push(id)
    this.#options.onFlushed(ids)
  }

  /** What is acknowledged from now on goes with the next flush. */
  #seal(): Batch<D> {
    const batch = this.#active
    // Rows that were refused, too: they may be there.
    batch.to = this.#options.place().row
    this.#active = this.#begin()
    this.#stopAge()
    return batch
  }

  #begin(): Batch<D> {
    const { call, row } = this.#options.place()
    return new Batch(call + 1, row + 1)
  }

  #stopAge(): void {
    this.#cancelAge?.()
    this.#cancelAge = undefined
  }

  #retryLater(): void {
    if (this.#isStopped) return
    const { clock, random } = this.#options
    const pause = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failed++) * (0.5 + random() / 2)
    this.#cancelRetry = clock.schedule(pause, () => {
      this.#cancelRetry = undefined
      this.flushSoon()
    })
  }
}
