import { type Clock, ClosedError, keepAlive, type Lease, port, TidemarkError } from '@tidemark/core'
import type { Observable } from 'rxjs'
import type { Checkpoint } from './checkpoint.ts'
import { assertNotDropped } from './dropped.ts'
import type { SyncSource } from './incoming.ts'
import { keepLease } from './lease-keeper.ts'
import { readCheckpoint } from './place.ts'
import type { SyncConflict } from './sync-conflict.ts'
import { checkpointKey } from './sync-keys.ts'
import { assertSameSync } from './sync-scope.ts'
import { type ResolvedSyncOptions, resolveSyncOptions, type SyncOptions } from './sync-options.ts'
import { SyncProgress } from './sync-progress.ts'
import type { SyncEvent, SyncState } from './sync-state.ts'
import { runTenure } from './tenure.ts'
import type { SyncTarget } from './tenure-options.ts'

/** How often a process that stands by looks whether it is needed. */
const STANDBY_MS = 100

const FIRST_RETRY_MS = 50
const LONGEST_RETRY_MS = 5_000

/** A sync at work, until it is closed. */
export interface Sync extends AsyncDisposable {
  readonly state: SyncState
  /** The state, and each one that comes after it. */
  readonly state$: Observable<SyncState>
  /** Hot: what both stores have written. The losing side is nowhere else. */
  readonly conflicts$: Observable<SyncConflict>
  /** Hot. While nobody listens, it goes to the console. */
  readonly events$: Observable<SyncEvent>
  /**
   * Resolves when the target holds everything that the source held at the call.
   * @throws what the sync has failed with; ClosedError
   */
  caughtUp(): Promise<void>
  /** Ends after what is being committed; the next sync of this name goes on from there. Idempotent. */
  close(): Promise<void>
}

/**
 * Copies a store into another one, and follows it: first everything that is there, then every change, each once, with
 * its expiry, meta and tags, and with where it was written first. Commits stay whole. How far it has come is stored in
 * the target, in the transactions that bring it there. Any number of processes may run one of the same name; one works,
 * the others stand by.
 *
 * The target can be read all the while. Until the snapshot is complete it holds a part of the keys; each page of them
 * as of one moment. What fails and may pass is tried again, for as long as the sync is not closed.
 *
 * @throws TypeError or RangeError at once for wrong options, and for a store that is to be copied into itself
 */
export function sync(from: SyncSource, to: SyncTarget, options: SyncOptions): Sync {
  port<SyncSource>('the source of a sync', from, ['scan'])
  port<SyncTarget>('the target of a sync', to, ['scan', 'read', 'commit'])
  // Two copies of one file, too: each would take what comes from the other for its own.
  if (from.log.identity.id === to.log.identity.id)
    throw new TypeError('the source and the target of a sync must be two stores, and these have one log')
  return new RunningSync(from, to, resolveSyncOptions(options))
}

class RunningSync implements Sync {
  readonly state$: Observable<SyncState>
  readonly conflicts$: Observable<SyncConflict>
  readonly events$: Observable<SyncEvent>
  readonly #from: SyncSource
  readonly #to: SyncTarget
  readonly #options: ResolvedSyncOptions
  readonly #clock: Clock
  readonly #stop = new AbortController()
  readonly #progress: SyncProgress
  readonly #work: Promise<void>
  /** The checkpoint, as it was met last. */
  #met: Checkpoint | undefined
  /** Since the last failure. */
  #hasMoved = false

  constructor(from: SyncSource, to: SyncTarget, options: ResolvedSyncOptions) {
    this.#from = from
    this.#to = to
    this.#options = options
    this.#clock = options.clock
    this.#progress = new SyncProgress(options.name)
    ;({ state$: this.state$, conflicts$: this.conflicts$, events$: this.events$ } = this.#progress)
    this.#work = this.#run()
  }

  get state(): SyncState {
    return this.#progress.state
  }

  async caughtUp(): Promise<void> {
    this.#assertAlive()
    const position = await this.#from.log.head()
    this.#assertAlive()
    await this.#progress.reached(position)
  }

  async close(): Promise<void> {
    this.#stop.abort(new ClosedError('the sync'))
    await this.#work
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #assertAlive(): void {
    if (this.state.phase === 'failed') throw this.state.error
    if (this.#stop.signal.aborted) throw new ClosedError('the sync')
  }

  async #run(): Promise<void> {
    // Not before the caller can listen.
    await Promise.resolve()
    const { signal } = this.#stop
    let retryMs = FIRST_RETRY_MS
    while (!signal.aborted) {
      this.#hasMoved = false
      try {
        const lease = await this.#ownTurn()
        if (lease !== undefined) await this.#hold(lease)
      } catch (error) {
        if (signal.aborted) break
        if (!mayPass(error)) {
          this.#progress.tell({ kind: 'failed', error })
          return this.#progress.end('failed', error, error)
        }
        if (!isLost(error)) {
          this.#progress.update({ phase: 'retrying', error })
          this.#progress.tell({ kind: 'trouble', error })
        }
        if (this.#hasMoved) retryMs = FIRST_RETRY_MS
        await this.#pause(retryMs)
        retryMs = Math.min(2 * retryMs, LONGEST_RETRY_MS)
      }
    }
    this.#progress.end('closed', undefined, new ClosedError('the sync'))
  }

  /** Waits until nobody else does the work. @returns undefined: closed meanwhile */
  async #ownTurn(): Promise<Lease | undefined> {
    const { name, leaseMs } = this.#options
    const { leases } = this.#to
    const key = checkpointKey(name)
    while (!this.#stop.signal.aborted) {
      const { lease } = await leases.acquire(key, leaseMs)
      if (lease !== undefined) return lease
      for (let isTaken = true; isTaken && !this.#stop.signal.aborted;) {
        await this.#watch()
        await this.#pause(STANDBY_MS)
        // Only looks: acquiring would cost the others a transaction each time.
        isTaken = (await leases.remaining([key]))[0]! > 0
      }
    }
    return undefined
  }

  /** How far the one has come that does the work. */
  async #watch(): Promise<void> {
    const { name, scope } = this.#options
    const place = await readCheckpoint(this.#to, name)
    const head = await this.#from.log.head()
    if (this.#stop.signal.aborted) return
    assertNotDropped(name, this.#met, place)
    if (place === undefined) return
    this.#met = place
    assertSameSync(name, place, { log: this.#from.log.identity.id, scope })
    this.#progress.update(
      { phase: 'standby', position: place.seq, head, error: undefined },
      place.snapshot === undefined,
    )
  }

  async #hold(lease: Lease): Promise<void> {
    const { leases } = this.#to
    const tenure = new AbortController()
    const stop = (): void => tenure.abort(this.#stop.signal.reason)
    if (this.#stop.signal.aborted) stop()
    this.#stop.signal.addEventListener('abort', stop)
    const onLost = (): void =>
      tenure.abort(new TidemarkError('LEASE_LOST', 'another process syncs', { retryable: true }))
    const forget = keepLease(leases, lease, { ...this.#options, onLost })
    try {
      await runTenure({
        ...this.#options,
        from: this.#from,
        to: this.#to,
        lease,
        met: this.#met,
        signal: tenure.signal,
        onMet: (checkpoint) => (this.#met = checkpoint),
        onState: (some) => this.#progress.update(some),
        onTaken: (count) => {
          this.#hasMoved = true
          this.#progress.took(count)
        },
        onEvent: (event) => this.#progress.tell(event),
        onConflicts: (conflicts) => this.#progress.met(conflicts),
      })
    } finally {
      forget()
      this.#stop.signal.removeEventListener('abort', stop)
      // It ends by itself; to give it back only saves the others time.
      await leases.release(lease).catch(() => undefined)
    }
  }

  #pause(ms: number): Promise<void> {
    const { signal } = this.#stop
    if (signal.aborted) return Promise.resolve()
    return keepAlive(
      () =>
        new Promise((resolve) => {
          const end = (): void => {
            cancel()
            signal.removeEventListener('abort', end)
            resolve()
          }
          const cancel = this.#clock.schedule(ms, end)
          signal.addEventListener('abort', end)
        }),
    )
  }
}

function isLost(error: unknown): boolean {
  return error instanceof TidemarkError && error.code === 'LEASE_LOST'
}

/** What trying again can help with; where a disk has failed, the checkpoint tells what came of it. */
function mayPass(error: unknown): boolean {
  return error instanceof TidemarkError && (error.retryable || error.code === 'IO' || error.code === 'LEASE_LOST')
}
