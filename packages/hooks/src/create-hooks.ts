import {
  assertKnown,
  type Back,
  callback,
  ClosedError,
  type Clock,
  clockOption,
  type Commit,
  duration,
  flag,
  keepAlive,
  type Log,
  type LogChange,
  port,
  wholeAtLeast,
} from '@tidemark/core'
import type { Observable } from 'rxjs'
import type { Change } from './change.ts'
import { kindOf } from './change-kind.ts'
import { Emitter } from './emitter.ts'
import { GuardedObservable } from './guarded-observable.ts'
import type { HookBus, HookOptions } from './hook-bus.ts'
import { describeHookError, type HookError } from './hook-error.ts'
import { type Hook, HookRunner } from './hook-runner.ts'
import { lastResort } from './last-resort.ts'
import { toChanges } from './logged-change.ts'
import { type Look, lookBack } from './look-back.ts'

/** What a bus listens to: any back tier, a tiered store included. Without a log, no hook can ask for `old`. */
export type CommitSource = Pick<Back, 'onCommit'> & Partial<Pick<Back, 'log'>>

export interface HooksOptions {
  /** How long `close` waits for hooks that are still busy, in milliseconds. @default 5000 */
  readonly closeGraceMs?: number | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/**
 * Listens to the commits of `source` until the bus is closed.
 *
 * @throws TypeError or RangeError for wrong options.
 */
export function createHooks(source: CommitSource, options: HooksOptions = {}): HookBus {
  assertKnown(options, ['closeGraceMs', 'clock'], 'createHooks')
  const { closeGraceMs = 5000, clock } = options
  return new Bus(source, duration('option closeGraceMs', closeGraceMs), clockOption(clock))
}

class Bus implements HookBus {
  readonly writes$: Observable<Change>
  readonly hookErrors$: Observable<HookError>

  readonly #closeGraceMs: number
  readonly #clock: Clock
  readonly #log: Log | undefined
  readonly #unlisten: () => void
  readonly #writes = new Emitter<Change>((error) => this.#subscriberFailed(error))
  readonly #errors = new Emitter<HookError>((error) => lastResort('a subscriber of hookErrors$ failed', error))
  readonly #hooks = new Map<string, HookRunner>()
  readonly #idleWaiters = new Set<() => void>()
  /** Committed and not yet delivered. Filled by commits, emptied by the microtask that the first of them asks for. */
  #queue: LogChange[] = []
  #draining = false
  /** The last committed change: who joins now gets what comes after it, even while earlier ones are still queued. */
  #lastSeq = 0
  #delivering: Change | undefined
  #closing: Promise<void> | undefined

  constructor(source: CommitSource, closeGraceMs: number, clock: Clock) {
    this.#closeGraceMs = closeGraceMs
    this.#clock = clock
    this.#log = source.log
    this.writes$ = new GuardedObservable(
      { onThrow: 'continue', report: (error) => this.#subscriberFailed(error) },
      (subscriber) => this.#writes.connect(subscriber, this.#lastSeq),
    )
    this.hookErrors$ = new GuardedObservable(
      { onThrow: 'continue', report: (error) => lastResort('a subscriber of hookErrors$ failed', error) },
      (subscriber) => this.#errors.connect(subscriber, 0),
    )
    this.#unlisten = source.onCommit((commits) => this.#onCommit(commits))
  }

  add(id: string, hook: Hook, options: HookOptions = {}): void {
    assertKnown(options, ['maxPending', 'replace', 'old'], 'hooks.add')
    const { maxPending = 10_000, replace = false, old = false } = options
    if (typeof id !== 'string' || id === '') throw new TypeError('a hook needs an id: a string that is not empty')
    callback(`hook ${id}`, hook)
    if (maxPending !== Infinity) wholeAtLeast('option maxPending', maxPending, 1)
    flag('option replace', replace)
    if (flag('option old', old)) port<Log>('the log of the source, which option old needs,', this.#log!, ['at'])
    if (this.#closing !== undefined) throw new ClosedError('the hook bus')
    if (!replace && this.#hooks.has(id)) {
      throw new TypeError(`there is a hook ${id} already; choose another id, remove it first, or pass replace: true`)
    }
    this.remove(id)
    const runner: HookRunner = new HookRunner({
      id,
      hook,
      maxPending,
      old,
      joinedAfter: this.#lastSeq,
      report: (failure) => this.#report(failure),
      onOverflow: () => this.#hooks.delete(id),
      onIdle: () => this.#settle(),
    })
    this.#hooks.set(id, runner)
  }

  remove(id: string): boolean {
    this.#hooks.get(id)?.stop()
    const existed = this.#hooks.delete(id)
    this.#settle()
    return existed
  }

  idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#idleWaiters.add(resolve)
      this.#settle()
    })
  }

  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#unlisten()
    let cancel: (() => void) | undefined
    const grace = new Promise<void>((resolve) => {
      cancel = this.#clock.schedule(this.#closeGraceMs, resolve)
    })
    await keepAlive(() => Promise.race([this.idle(), grace]))
    cancel?.()
    this.#writes.complete()
    for (const runner of this.#hooks.values()) {
      if (runner.busy) runner.abandon()
      else runner.stop()
    }
    this.#hooks.clear()
    this.#settle()
    this.#errors.complete()
  }

  #onCommit(commits: readonly Commit[]): void {
    const isHeard = this.#hooks.size > 0 || this.#writes.observed
    for (const { changes } of commits) {
      if (changes.length === 0) continue
      this.#lastSeq = changes.at(-1)!.seq
      // What nobody is shown is not held either: chunks of blobs are large.
      if (isHeard) for (const change of changes) if (kindOf(change) !== undefined) this.#queue.push(change)
    }
    if (this.#draining || this.#queue.length === 0) return
    this.#draining = true
    queueMicrotask(() => this.#drain())
  }

  /** What is committed meanwhile, by a handler for instance, is appended to the queue, and so comes last for everyone. */
  #drain(): void {
    while (this.#queue.length > 0) {
      const rows = this.#queue
      this.#queue = []
      const looks = this.#wantsOld() ? lookBack(this.#log!, rows) : undefined
      for (const [i, change] of toChanges(rows).entries()) this.#deliver(change, looks?.(i))
    }
    this.#draining = false
    this.#settle()
  }

  #wantsOld(): boolean {
    for (const runner of this.#hooks.values()) if (runner.wantsOld) return true
    return false
  }

  #deliver(change: Change, look: Look | undefined): void {
    this.#delivering = change
    this.#writes.emit(change, change.seq)
    this.#delivering = undefined
    for (const runner of this.#hooks.values()) runner.offer(change, look)
  }

  #subscriberFailed(error: unknown): void {
    this.#report({ kind: 'subscriber-failed', change: this.#delivering, error })
  }

  #report(failure: HookError): void {
    if (this.#errors.observed) this.#errors.emit(failure, Infinity)
    else lastResort(`${describeHookError(failure)}, and nobody listens to hookErrors$`, failure.error)
  }

  #settle(): void {
    if (this.#draining) return
    for (const runner of this.#hooks.values()) if (runner.busy) return
    for (const resolve of this.#idleWaiters) resolve()
    this.#idleWaiters.clear()
  }
}
