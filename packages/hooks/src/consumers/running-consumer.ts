import { afterTurn, type Back, ClosedError, keepAlive, TidemarkError } from '@tidemark/core'
import type { Observable } from 'rxjs'
import { Emitter } from '../emitter.ts'
import { GuardedObservable } from '../guarded-observable.ts'
import { lastResort } from '../last-resort.ts'
import { sharedLog } from '../streams/shared-log.ts'
import { caughtUp, type CaughtUpOptions } from './caught-up.ts'
import { ConflictTurns } from './conflict-turns.ts'
import type { Consumer, ConsumerStats, ParkedChange, ParkedSelection, ReplayResult } from './consumer.ts'
import { alarmOf, type ConsumerEvent } from './consumer-event.ts'
import type { ResolvedConsumerOptions } from './consumer-options.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import { LaneHolder } from './lane-holder.ts'
import { Mailbox } from './mailbox.ts'
import { selectParked, toParkedChange } from './parked-changes.ts'
import { Progress } from './progress.ts'
import type { Registration } from './registration.ts'
import { statsOf } from './stats.ts'

export interface RunningConsumerOptions {
  readonly name: string
  readonly back: Back
  readonly registration: Registration
  readonly options: ResolvedConsumerOptions
  readonly handler: ConsumerParts['handler']
}

export class RunningConsumer implements Consumer {
  readonly name: string
  readonly events$: Observable<ConsumerEvent>
  readonly #parts: ConsumerParts
  readonly #events = new Emitter<ConsumerEvent>((error) => this.#eventFailed(error))
  readonly #holder: LaneHolder
  readonly #mailbox: Mailbox
  readonly #ended = Promise.withResolvers<void>()
  readonly closed: Promise<void> = this.#ended.promise
  readonly #onAbort = (): void => void this.close().catch((error: unknown) => lastResort(this.#where, error))
  #closing: Promise<void> | undefined
  /** What it has ended with by itself. */
  #failure: unknown

  constructor({ name, back, registration, options, handler }: RunningConsumerOptions) {
    this.name = name
    const { clock, random } = options
    this.#parts = {
      name,
      back,
      log: options.log ?? sharedLog(back.log),
      registration,
      options,
      handler,
      turns: new ConflictTurns(clock, random),
      progress: new Progress(clock),
      emit: (event) => this.#emit(event),
      end: (error) => this.#end(error),
    }
    this.#holder = new LaneHolder(this.#parts, memberId(random))
    this.#mailbox = new Mailbox(this.#parts, {
      pollMs: this.#holder.lookMs,
      posted: () => void this.#holder.lookSoon(),
      assertOpen: () => this.#assertOpen(),
    })
    this.events$ = new GuardedObservable(
      { onThrow: 'continue', report: (error) => this.#eventFailed(error) },
      (subscriber) => this.#events.connect(subscriber, 0),
    )
  }

  start(): void {
    const { signal } = this.#parts.options
    // Its timers keep no process alive, and it is there to work.
    void keepAlive(() => this.#ended.promise)
    if (signal?.aborted) return this.#onAbort()
    signal?.addEventListener('abort', this.#onAbort)
    // Whoever listens to events$ at once is to miss nothing.
    afterTurn(() => void this.#holder.lookSoon())
  }

  stats(): Promise<ConsumerStats> {
    return statsOf(this.#parts, this.#holder)
  }

  caughtUp(options: CaughtUpOptions = {}): Promise<void> {
    const sight = { lanes: () => this.#holder.lanes, lookMs: this.#holder.lookMs, assertOpen: () => this.#assertOpen() }
    return keepAlive(() => caughtUp(this.#parts, sight, options))
  }

  async *parked(selection: ParkedSelection = {}): AsyncGenerator<ParkedChange, undefined> {
    for await (const parked of selectParked(this.#mailbox.source, selection)) yield toParkedChange(parked)
  }

  replay(selection: ParkedSelection = {}): Promise<ReplayResult> {
    return this.#mailbox.replay(selection)
  }

  drop(selection: ParkedSelection = {}): Promise<number> {
    return this.#mailbox.drop(selection)
  }

  resume({ from = 'mark' }: { readonly from?: 'mark' | 'start' | 'now' | Date | undefined } = {}): Promise<number> {
    return this.#mailbox.resume(from)
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #close(): Promise<void> {
    const { clock, closeGraceMs, signal } = this.#parts.options
    this.#parts.progress.moved()
    signal?.removeEventListener('abort', this.#onAbort)
    let cancel: (() => void) | undefined
    const grace = new Promise<void>((resolve) => (cancel = clock.schedule(closeGraceMs, resolve)))
    try {
      await this.#holder.close(grace)
    } catch (error) {
      // A back tier that was closed first has nothing left to leave.
      if (!(error instanceof TidemarkError) || error.code !== 'CLOSED') throw error
    } finally {
      cancel?.()
      this.#ended.resolve()
      this.#events.complete()
    }
  }

  #end(error: unknown): void {
    if (this.#closing !== undefined) return
    this.#failure = error
    this.#emit({ kind: 'ended', error })
    this.#onAbort()
  }

  #emit(event: ConsumerEvent): void {
    if (this.#events.observed) return this.#events.emit(event, Infinity)
    const alarm = alarmOf(this.name, event)
    if (alarm !== undefined) lastResort(`${alarm}, and nobody listens to events$`, 'error' in event ? event.error : '')
  }

  #eventFailed(error: unknown): void {
    lastResort(`a subscriber of events$ of ${this.#where} failed`, error)
  }

  get #where(): string {
    return `consumer ${this.name}`
  }

  #assertOpen(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#closing !== undefined) throw new ClosedError(`consumer ${this.name}`)
  }
}

/** Unique among the members of a consumer. */
function memberId(random: () => number): string {
  const part = (): string => Math.floor(random() * 2 ** 48).toString(36)
  return part() + part()
}
