import { type Clock, ClosedError } from '@tidemark/core'
import { Batch, type Dirty } from './batch.ts'
import { flushBatch } from './flush-batch.ts'
import { bufferFull, FlushFailure, flushFailure } from './flush-failure.ts'
import type { ResolvedLimits } from './limits.ts'
import type { FlushTarget } from './target.ts'

/** Of the capacity: from where on writes wait for the flush. */
const PRESSED = 0.8
/** Pauses after failed flushes, in milliseconds: doubled from the first to the last. */
const FIRST_PAUSE_MS = 50
const LAST_PAUSE_MS = 10_000

export interface WriteBufferOptions<D extends Dirty> {
  /** What holds the writes, in messages. */
  readonly name: string
  readonly target: FlushTarget<D>
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly random: () => number
  /** Gets what a flush failed with that nobody asked for. */
  readonly onError: (error: unknown) => void
  /** Called with the ids of what a flush has written. @default nobody is told */
  readonly onFlushed?: ((ids: Iterable<string>) => void) | undefined
}

interface Adding<D> {
  readonly number: number
  readonly writes: readonly D[]
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}

/**
 * Acknowledges writes when they are journaled, and flushes them later, the latest of each key.
 *
 * One journal row and one flush at a time: rows are in the order of the calls, and what is acknowledged during a flush goes
 * with the next one. A write is read here from its acknowledgement on, and not before: when its journaling fails, nothing has
 * changed. A flush that fails is repeated as it was, so that its target can tell that it has seen it before.
 */
export class WriteBuffer<D extends Dirty> {
  readonly #options: WriteBufferOptions<D>
  #active: Batch<D>
  #flushing: Batch<D> | undefined
  /** In the order of the calls. */
  readonly #adding: Adding<D>[] = []
  /** How many calls that are being journaled write the key. */
  readonly #pending = new Map<string, number>()
  #pendingBytes = 0
  #appending: Promise<void> | undefined
  #passing: Promise<void> | undefined
  #offered = 0
  /** Every call up to this one is journaled or refused. */
  #settled = 0
  #row = 0
  /** The last row that is journaled or refused. */
  #doneRow = 0
  /**
   * Keys of rows that were refused, and the last such row: it may stand in the journal all the same, until a flush has covered it.
   */
  readonly #uncertain = new Map<string, number>()
  #failed = 0
  #cancelAge: (() => void) | undefined
  #cancelRetry: (() => void) | undefined
  #isClosed = false

  constructor(options: WriteBufferOptions<D>) {
    this.#options = options
    this.#active = new Batch(1, 1)
  }

  /** The latest acknowledged write, unless it is flushed. */
  get(id: string): D | undefined {
    return this.#active.writes.get(id) ?? this.#flushing?.writes.get(id)
  }

  /** Whether there is, or may be, a write that is not flushed, acknowledged or not. */
  has(id: string): boolean {
    return this.#pending.has(id) || this.#uncertain.has(id) || this.get(id) !== undefined
  }

  /** Whether nothing waits: neither to be journaled nor to be flushed. */
  get isIdle(): boolean {
    const isFlushed = this.#flushing === undefined && this.#active.size === 0
    return this.#adding.length === 0 && isFlushed && this.#uncertain.size === 0
  }

  /** Whether no acknowledged write waits to be flushed. */
  get isEmpty(): boolean {
    return this.#active.size === 0 && (this.#flushing === undefined || this.#flushing.size === 0)
  }

  /** Acknowledged keys that wait to be flushed. */
  get size(): number {
    return this.#active.size + (this.#flushing?.size ?? 0)
  }

  /** Every acknowledged write that waits to be flushed, the latest of each key. */
  *all(): Generator<D> {
    for (const [id, write] of this.#flushing?.writes ?? []) if (!this.#active.writes.has(id)) yield write
    yield* this.#active.writes.values()
  }

  /**
   * Resolves when the writes are journaled; all of them, or none.
   * @throws TidemarkError BUFFER_FULL, ClosedError, and what the journal fails with: nothing has changed then
   */
  async add(writes: readonly D[]): Promise<void> {
    if (this.#isClosed) throw new ClosedError(this.#options.name)
    if (this.#fill() >= 1) {
      this.flushSoon()
      throw bufferFull(this.#options.name)
    }
    for (const { id, bytes } of writes) {
      this.#pending.set(id, (this.#pending.get(id) ?? 0) + 1)
      this.#pendingBytes += bytes
    }
    await new Promise<void>((resolve, reject) => {
      this.#adding.push({ number: ++this.#offered, writes, resolve, reject })
      this.#appending ??= this.#append()
    })
    // Acknowledged: whatever becomes of the flush, which others are told of.
    if (this.#fill() >= PRESSED && this.#cancelRetry === undefined) await this.#pass().catch(() => undefined)
  }

  /**
   * Resolves when everything is flushed that was acknowledged, or asked for, before the call.
   * @throws FlushFailure: some of it was refused for good, and set aside · what the flush failed with: it is tried again
   */
  async flush(): Promise<void> {
    const upTo = this.#offered
    while (this.#settled < upTo) await this.#appending
    const failures: FlushFailure[] = []
    while (this.#uncertain.size > 0 || this.#flushing !== undefined || this.#isDue(upTo)) {
      try {
        await this.#pass()
      } catch (error) {
        if (!(error instanceof FlushFailure)) throw error
        failures.push(error)
      }
    }
    if (failures.length > 0) throw new FlushFailure(failures.flatMap((each) => each.failures))
  }

  /** Begins a flush in the background; not while a failed flush waits for its next attempt. */
  flushSoon(): void {
    if (this.#cancelRetry === undefined) this.#pass().catch(() => undefined)
  }

  /** Runs a task while nothing is flushed. */
  async between<T>(task: () => Promise<T>): Promise<T> {
    // What is flushed half way is not touched: another attempt completes it first.
    while (this.#flushing !== undefined || this.#passing !== undefined) await this.#pass()
    let free!: () => void
    const held = new Promise<void>((resolve) => (free = resolve))
    this.#passing = held
    try {
      return await task()
    } finally {
      this.#passing = undefined
      free()
    }
  }

  /** Forgets everything that is acknowledged: somebody else has taken the journal over, and flushes it. */
  abandon(): readonly D[] {
    const all = [...this.all()]
    if (this.#flushing !== undefined) {
      this.#flushing.isLost = true
      this.#flushing.drop([...this.#flushing.writes.values()])
      this.#flushing.parts?.splice(0)
    }
    this.#active = new Batch(this.#settled + 1, this.#doneRow + 1)
    this.#uncertain.clear()
    this.#cancelAge?.()
    this.#cancelAge = undefined
    return all
  }

  /**
   * Leaves everything that is acknowledged to the flush under way, which has found out that it comes too late: others may have
   * written the same since.
   */
  condemn(): void {
    if (this.#flushing === undefined) return
    this.#flushing.isStale = true
    this.#flushing.absorb(this.#active)
    this.#active = new Batch(this.#settled + 1, this.#doneRow + 1)
    this.#cancelAge?.()
    this.#cancelAge = undefined
  }

  /** Refuses new writes, and flushes the others. What cannot be flushed stays in the journal. @throws as flush does */
  async close(): Promise<void> {
    this.#isClosed = true
    try {
      await this.flush()
    } finally {
      this.#cancelAge?.()
      this.#cancelRetry?.()
    }
  }

  #isDue(upTo: number): boolean {
    return this.#active.size > 0 && this.#active.first <= upTo
  }

  /** Of the capacity. */
  #fill(): number {
    const { maxDirty, maxBytes, capacity } = this.#options.limits
    const bytes = this.#active.bytes + (this.#flushing?.bytes ?? 0) + this.#pendingBytes
    return Math.max((this.size + this.#pending.size) / maxDirty, bytes / maxBytes) / capacity
  }

  async #append(): Promise<void> {
    try {
      while (this.#adding.length > 0) await this.#appendRow()
    } finally {
      this.#appending = undefined
    }
  }

  async #appendRow(): Promise<void> {
    const row = ++this.#row
    let taken = this.#adding.length
    const gather = (): readonly D[] => {
      taken = this.#adding.length
      return this.#adding.flatMap(({ writes }) => writes)
    }
    let refusal: { readonly error: unknown } | undefined
    try {
      await this.#options.target.append(row, gather)
    } catch (error) {
      refusal = { error }
    }
    this.#doneRow = row
    const adds = this.#adding.splice(0, taken)
    this.#settled = adds.at(-1)!.number
    for (const { number, writes } of adds) {
      for (const write of writes) {
        this.#unpend(write)
        if (refusal !== undefined) this.#uncertain.set(write.id, row)
      }
      if (refusal === undefined) this.#take(number, writes, row)
    }
    for (const { resolve, reject } of adds) {
      if (refusal === undefined) resolve()
      else reject(refusal.error)
    }
    if (refusal === undefined) this.#watch()
    else this.flushSoon()
  }

  #unpend({ id, bytes }: D): void {
    const count = this.#pending.get(id)!
    if (count === 1) this.#pending.delete(id)
    else this.#pending.set(id, count - 1)
    this.#pendingBytes -= bytes
  }

  #take(number: number, writes: readonly D[], row: number): void {
    if (this.#active.size === 0) this.#active = new Batch(number, this.#active.from, this.#options.clock.monotonic())
    this.#active.add(writes, row)
  }

  /** Flushes by count, bytes and age. */
  #watch(): void {
    const { limits, clock } = this.#options
    const { maxDirty, maxBytes, maxAgeMs } = limits
    const { size, bytes, journaled, since } = this.#active
    if (size === 0 && this.#uncertain.size === 0) return
    const leftMs = size === 0 ? 0 : since + maxAgeMs - clock.monotonic()
    if (leftMs <= 0 || size >= maxDirty || bytes >= maxBytes || journaled >= maxBytes) this.flushSoon()
    else this.#cancelAge ??= clock.schedule(leftMs, () => this.#onAge())
  }

  #onAge(): void {
    this.#cancelAge = undefined
    this.flushSoon()
  }

  /** One attempt at a time; what it fails with is told once. */
  #pass(): Promise<void> {
    if (this.#passing !== undefined) return this.#passing
    const passing = this.#attempt().finally(() => (this.#passing = undefined))
    this.#passing = passing
    passing.then(
      // What has gathered meanwhile may be enough for the next one.
      () => this.#watch(),
      (error: unknown) => {
        if (error instanceof FlushFailure) this.#watch()
        // Later, so that an error handler that throws cannot get between the flush and who waits for it.
        queueMicrotask(() => this.#options.onError(error))
      },
    )
    return passing
  }

  async #attempt(): Promise<void> {
    this.#cancelRetry?.()
    this.#cancelRetry = undefined
    const batch = (this.#flushing ??= this.#seal())
    const ids = [...batch.writes.keys()]
    try {
      await flushBatch(batch, this.#options.target)
    } catch (error) {
      this.#retryLater()
      throw error
    }
    this.#flushing = undefined
    this.#failed = 0
    for (const [id, row] of this.#uncertain) if (row <= batch.to) this.#uncertain.delete(id)
    this.#options.onFlushed?.(ids)
    if (batch.failures.length > 0) throw flushFailure(batch.failures)
  }

  /** What is acknowledged from now on goes with the next flush. */
  #seal(): Batch<D> {
    const batch = this.#active
    // Rows that were refused, too: they may be there.
    batch.to = this.#doneRow
    this.#active = new Batch(this.#settled + 1, batch.to + 1)
    this.#cancelAge?.()
    this.#cancelAge = undefined
    return batch
  }

  #retryLater(): void {
    const { clock, random } = this.#options
    const pause = Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** this.#failed++) * (0.5 + random() / 2)
    this.#cancelRetry = clock.schedule(pause, () => {
      this.#cancelRetry = undefined
      this.flushSoon()
    })
  }
}
