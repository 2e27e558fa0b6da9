import { type Clock, ClosedError } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import { Capacity } from './capacity.ts'
import type { Destination } from './flush-batch.ts'
import { bufferFull, FlushFailure } from './flush-failure.ts'
import { FlushLane } from './flush-lane.ts'
import type { ResolvedLimits } from './limits.ts'
import type { FlushTarget } from './target.ts'

/** Of the capacity: from where on writes wait for the flush. */
const PRESSED = 0.8
/** Times the capacity: how much may be there and wait for room. */
const CROWDED = 2

export interface WriteBufferOptions<D extends Dirty> {
  /** What holds the writes, in messages. */
  readonly name: string
  /** Where they are journaled, and flushed to, unless there are destinations for that. */
  readonly target: Journaling<D> & (Destination<D> | { readonly destinations: Destinations<D> })
  /** Whether what is overwritten takes room, too, until it is flushed. @default true */
  readonly isJournaled?: boolean | undefined
  readonly limits: ResolvedLimits
  readonly clock: Clock
  readonly random: () => number
  /** Gets what a flush failed with that nobody asked for. */
  readonly onError: (error: unknown) => void
  /**
   * Called with the writes of a call when they are journaled: call by call in their order, before anything of them is flushed.
   * @default nobody is told
   */
  readonly onTaken?: ((writes: readonly D[]) => void) | undefined
  /** Called with the ids of what a flush has written. @default nobody is told */
  readonly onFlushed?: ((ids: Iterable<string>) => void) | undefined
}

type Journaling<D extends Dirty> = Pick<FlushTarget<D>, 'append'>

/** Where writes are flushed to, by name; each at its own pace. */
type Destinations<D extends Dirty> = ReadonlyMap<string, Destination<D>>

interface Adding<D> {
  readonly number: number
  readonly writes: readonly D[]
  readonly resolve: (pressed: Promise<void> | undefined) => void
  readonly reject: (error: unknown) => void
}

/**
 * Acknowledges writes when they are journaled, and flushes them later, the latest of each key.
 *
 * One journal row at a time: rows are in the order of the calls. A write is read here from its acknowledgement on, and not
 * before: when its journaling fails, nothing has changed. Until every destination has it, it is read here.
 */
export class WriteBuffer<D extends Dirty> {
  readonly #options: WriteBufferOptions<D>
  readonly #capacity: Capacity
  readonly #lanes = new Map<string, FlushLane<D>>()
  /** The same: every read asks them. */
  #every: readonly FlushLane<D>[] = []
  /** In the order of the calls. */
  readonly #adding: Adding<D>[] = []
  /** How many calls that are being journaled write the key. */
  readonly #pending = new Map<string, number>()
  #pendingBytes = 0
  #appending: Promise<void> | undefined
  #offered = 0
  /** Every call up to this one is journaled or refused. */
  #settled = 0
  #row = 0
  /** The last row that is journaled or refused. */
  #doneRow = 0
  #isClosed = false

  constructor(options: WriteBufferOptions<D>) {
    this.#options = options
    this.#capacity = new Capacity(options.limits, options.isJournaled ?? true)
    const { target } = options
    const destinations = 'destinations' in target ? target.destinations : new Map([['', target]])
    for (const [name, destination] of destinations) this.#put(name, this.#laneTo(destination))
  }

  /** The latest acknowledged write, unless every destination has it. */
  get(id: string): D | undefined {
    for (const lane of this.#every) {
      const write = lane.get(id)
      if (write !== undefined) return write
    }
    return undefined
  }

  /** Whether there is, or may be, a write that is not flushed, acknowledged or not. */
  has(id: string): boolean {
    return this.#pending.has(id) || this.get(id) !== undefined || this.#every.some((lane) => lane.isUncertain(id))
  }

  /** Whether nothing waits: neither to be journaled nor to be flushed. */
  get isIdle(): boolean {
    return this.#adding.length === 0 && this.#every.every((lane) => lane.isIdle)
  }

  /** Whether no acknowledged write waits to be flushed. */
  get isEmpty(): boolean {
    return this.#every.every(({ size }) => size === 0)
  }

  /** Every acknowledged write that waits to be flushed, the latest of each key. */
  all(): readonly D[] {
    return [...new Map(this.#every.flatMap((lane) => Array.from(lane.all(), (write) => [write.id, write]))).values()]
  }

  /**
   * Resolves when the writes are journaled; all of them, or none. Those for which there is no room wait for the flush under way.
   * @throws TidemarkError BUFFER_FULL, ClosedError, and what the journal fails with: nothing has changed then
   */
  add(writes: readonly D[]): Promise<void> {
    if (this.#isClosed) return Promise.reject(new ClosedError(this.#options.name))
    if (this.#crowd() >= CROWDED) return Promise.reject(bufferFull(this.#options.name))
    for (const { id, bytes } of writes) {
      this.#pending.set(id, (this.#pending.get(id) ?? 0) + 1)
      this.#pendingBytes += bytes
    }
    return new Promise((resolve, reject) => {
      this.#adding.push({ number: ++this.#offered, writes, resolve, reject })
      this.#appending ??= this.#append()
    })
  }

  /**
   * Resolves when every destination has everything that was acknowledged, or asked for, before the call.
   * @throws what a flush failed with: it is tried again · FlushFailure: some of it was refused for good, and set aside
   */
  async flush(): Promise<void> {
    const upTo = this.#offered
    while (this.#settled < upTo) await this.#appending
    const ended = await Promise.allSettled(this.#every.map((lane) => lane.flush(upTo)))
    const failed = ended.find((each) => each.status === 'rejected')
    if (failed !== undefined) throw failed.reason
    const failures = ended.flatMap((each) => (each.status === 'fulfilled' ? each.value : []))
    if (failures.length > 0) throw new FlushFailure(failures)
  }

  /** Begins a flush in the background; not where a failed flush waits for its next attempt. */
  flushSoon(): void {
    for (const lane of this.#every) lane.flushSoon()
  }

  /** Forgets everything that is acknowledged: somebody else has taken the journal over, and flushes it. */
  abandon(): void {
    for (const lane of this.#every) lane.abandon()
  }

  /** Refuses new writes, and flushes the others. What cannot be flushed stays in the journal. @throws as flush does */
  async close(): Promise<void> {
    this.#isClosed = true
    try {
      await this.flush()
    } finally {
      await Promise.all(this.#every.map((lane) => lane.stop()))
    }
  }

  /** From now on there is another destination: it gets what one of the others is still to get, and what is written. */
  join(name: string, destination: Destination<D>): void {
    this.#put(name, this.#laneTo(destination, this.all(), this.owed()))
  }

  /** What this destination is still to get, it does not get here. Resolves when nothing more is flushed to it. */
  async leave(name: string): Promise<void> {
    const lane = this.#lanes.get(name)
    this.#put(name, undefined)
    await lane?.stop()
    this.#every[0]?.tidy()
  }

  /** Runs a task when nothing is flushed to this destination. */
  between<T>(name: string, task: () => Promise<T>): Promise<T> {
    return this.#lanes.get(name)?.between(task) ?? task()
  }

  /** Resolves when this destination has what was acknowledged before the call, or has refused it for good. @throws as flush */
  async flushTo(name: string): Promise<void> {
    await this.#lanes.get(name)?.flush(this.#settled)
  }

  /** The first row that holds something that a destination, other than this one, is still to get; Infinity: there is none. */
  owed(exceptTo?: string): number {
    return Math.min(...Array.from(this.#lanes, ([name, { owes }]) => (name === exceptTo ? Infinity : owes)))
  }

  #put(name: string, lane: FlushLane<D> | undefined): void {
    if (lane === undefined) this.#lanes.delete(name)
    else this.#lanes.set(name, lane)
    this.#every = [...this.#lanes.values()]
  }

  #laneTo(destination: Destination<D>, inherited?: readonly D[], row?: number): FlushLane<D> {
    const { limits, clock, random, onError, onFlushed = () => {} } = this.#options
    const place = () => ({ call: this.#settled, row: this.#doneRow })
    return new FlushLane({ destination, limits, clock, random, place, onError, onFlushed }, inherited, row)
  }

  /** Of the capacity: by what there is, and by what waits for room. */
  #crowd(): number {
    let most = 0
    for (const lane of this.#every)
      most = Math.max(most, this.#capacity.taken(lane, this.#pending.size, this.#pendingBytes))
    return most
  }

  async #append(): Promise<void> {
    try {
      while (this.#adding.length > 0) {
        if (this.#fitting() > 0) await this.#appendRow()
        else await this.#makeRoom()
      }
    } finally {
      this.#appending = undefined
    }
  }

  /** How many of the calls that wait there is room for, in their order. */
  #fitting(): number {
    const all = this.#adding.length
    if (this.#crowd() < 1) return all
    return Math.min(...this.#every.map((lane) => this.#capacity.fitting(lane, this.#adding)), all)
  }

  /** Waits for flushes; where they fail, the first call that waits is refused. */
  async #makeRoom(): Promise<void> {
    const full = this.#every.filter((lane) => this.#capacity.fitting(lane, this.#adding) === 0)
    if (!full.some((lane) => lane.isPausing)) {
      await Promise.all(full.map((lane) => lane.pass().catch(() => undefined)))
      return
    }
    this.#settle(1)[0]!.reject(bufferFull(this.#options.name))
  }

  async #appendRow(): Promise<void> {
    const row = ++this.#row
    let taken = this.#fitting()
    const gather = (): readonly D[] => {
      // While a call waits for its journal, what is flushed makes room, and nothing takes it.
      taken = Math.max(taken, this.#fitting())
      return this.#adding.slice(0, taken).flatMap(({ writes }) => writes)
    }
    let refusal: { readonly error: unknown } | undefined
    try {
      await this.#options.target.append(row, gather)
    } catch (error) {
      refusal = { error }
    }
    this.#doneRow = row
    const adds = this.#settle(taken)
    for (const { number, writes } of adds) {
      for (const lane of this.#every) {
        if (refusal === undefined) lane.take(number, writes, row)
        else lane.doubt(writes, row)
      }
    }
    // Whoever is told may begin a flush, which takes a row as a whole.
    const { onTaken } = this.#options
    if (refusal === undefined && onTaken !== undefined) for (const { writes } of adds) onTaken(writes)
    // One for all of them: a promise per call costs more than to look.
    const pressed = refusal === undefined ? this.#whilePressed() : undefined
    for (const { resolve, reject } of adds) {
      if (refusal === undefined) resolve(pressed)
      else reject(refusal.error)
    }
    for (const lane of this.#every) {
      if (refusal === undefined) lane.watch()
      else lane.flushSoon()
    }
  }

  /** What acknowledged writes wait for; it never rejects: whatever becomes of the flush, others are told. undefined: nothing. */
  #whilePressed(): Promise<void> | undefined {
    const pressed = this.#every.filter((lane) => !lane.isPausing && this.#capacity.taken(lane) >= PRESSED)
    if (pressed.length === 0) return undefined
    return Promise.allSettled(pressed.map((lane) => lane.pass())).then(() => undefined)
  }

  /** The first calls are journaled or refused. */
  #settle(count: number): readonly Adding<D>[] {
    const settled = this.#adding.splice(0, count)
    this.#settled = settled.at(-1)!.number
    if (this.#adding.length === 0) {
      // Most often; nothing has to be looked for then.
      this.#pending.clear()
      this.#pendingBytes = 0
    } else {
      for (const { writes } of settled) for (const write of writes) this.#unpend(write)
    }
    return settled
  }

  #unpend({ id, bytes }: D): void {
    const count = this.#pending.get(id)!
    if (count === 1) this.#pending.delete(id)
    else this.#pending.set(id, count - 1)
    this.#pendingBytes -= bytes
  }
}
