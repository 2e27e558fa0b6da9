import type { Clock } from '../clock.ts'
import { ClosedError, CorruptError, TidemarkError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Back, ReadOptions } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Lease } from '../ports/leases.ts'
import { readValue, toStoreEntry } from '../store/entry-view.ts'
import type { Visibility } from '../store/visibility.ts'
import { KeptLease } from './kept-lease.ts'
import type { Loader, ResolvedLoadOptions } from './load-options.ts'
import { type Landing, LEFT } from './landing.ts'
import type { LoadTable, RunningLoad } from './load-table.ts'
import { LoadedValue } from './loaded-value.ts'
import { type Standing, standingOf } from './standing.ts'
import type { WaitedKeys } from './waited-keys.ts'
import { within } from './within.ts'

/** What a store gives to its loads. */
export interface LoadingStore<R extends ReadOptions, W extends object> {
  readonly back: Back<R, W>
  readonly visibility: Visibility<R>
  readonly clock: Clock
  readonly random: () => number
  readonly table: LoadTable
  readonly waited: WaitedKeys
  /** Gets a loader's error that no caller gets. */
  readonly onError: (error: unknown) => void
}

export interface LoadJob<W extends object> {
  readonly key: StoreKey
  readonly load: Loader
  readonly options: ResolvedLoadOptions
  readonly writeOptions: W | undefined
  /** The version that is to be replaced though it is fresh; below 0: whatever is fresh will do. */
  readonly replaces: number
}

/** Everybody who waited for the load of another process has given up. */
class Unwanted extends Error {}

interface Held {
  readonly lease: Lease
  /** The head of the log before the loader was called. */
  readonly asOf: number
  readonly previous: Entry | undefined
}

/** One load of one key in this process: gets the right to load, or what another process has loaded. */
export class LoadFlight<R extends ReadOptions, W extends object> implements RunningLoad {
  readonly landed: Promise<Landing | typeof LEFT>
  readonly #store: LoadingStore<R, W>
  readonly #job: LoadJob<W>
  readonly #abort = new AbortController()
  readonly #closed = Promise.withResolvers<never>()
  readonly #left = Promise.withResolvers<typeof LEFT>()
  readonly #ended: Promise<Landing>
  #waiting = 0
  #isReported = false

  constructor(store: LoadingStore<R, W>, job: LoadJob<W>) {
    this.#store = store
    this.#job = job
    this.#closed.promise.catch(() => undefined)
    store.table.add(job.key.id, this)
    this.#ended = this.#run()
    this.#ended.catch((error: unknown) => {
      if (this.#waiting === 0) this.report(error)
    })
    this.landed = Promise.race([this.#ended, this.#left.promise])
    this.landed.catch(() => undefined)
  }

  wait(): () => void {
    this.#waiting++
    return () => void this.#waiting--
  }

  report(error: unknown): void {
    if (this.#isReported || error instanceof ClosedError || error instanceof Unwanted) return
    this.#isReported = true
    // Later, so that an error handler that throws cannot get between callers and what they are served.
    queueMicrotask(() => this.#store.onError(error))
  }

  async close(): Promise<void> {
    this.#closed.reject(new ClosedError())
    this.#abort.abort()
    await this.#ended.catch(() => undefined)
  }

  async #run(): Promise<Landing> {
    const { table, clock } = this.#store
    const { key, replaces } = this.#job
    try {
      const held = await this.#obtain()
      return 'payload' in held ? held : await this.#load(held)
    } catch (error) {
      if (replaces >= 0) table.pause(key.id, clock)
      throw error
    } finally {
      table.remove(key.id, this)
    }
  }

  /** The right to load, or what has been loaded meanwhile by whoever has it. */
  async #obtain(): Promise<Held | Landing> {
    const { back, clock } = this.#store
    const { key, options } = this.#job
    const began = clock.monotonic()
    for (;;) {
      const grant = await this.#orClosed(back.leases.acquire(key, options.leaseMs))
      if (grant.lease !== undefined) return this.#begin(grant.lease)
      const elapsedMs = clock.monotonic() - began
      const isOverdue = elapsedMs >= options.hardTimeoutMs
      if (isOverdue && this.#waiting === 0) throw new Unwanted()
      // Nobody is waited for beyond the end of the lease, nor without looking whether anybody still wants it.
      const patienceMs = isOverdue ? options.hardTimeoutMs : options.hardTimeoutMs - elapsedMs
      const landing = await this.#landed(Math.min(grant.remainingMs, patienceMs))
      if (landing !== undefined) return landing
    }
  }

  /** What somebody else has stored meanwhile, at the latest after so long; undefined: nothing, but the lease may be had. */
  async #landed(withinMs: number): Promise<Landing | undefined> {
    const { clock, waited } = this.#store
    const place = await this.#orClosed(waited.enter(this.#job.key))
    try {
      const { landing } = await this.#look()
      if (landing !== undefined) return landing
      await this.#orClosed(within(clock, place.woken, withinMs))
      return (await this.#look()).landing
    } finally {
      place.leave()
    }
  }

  async #begin(lease: Lease): Promise<Held | Landing> {
    try {
      const { landing, asOf, standing } = await this.#look()
      if (landing === undefined) {
        return { lease, asOf, previous: standing.state === 'known-absent' ? undefined : readable(standing.entry) }
      }
      await this.#release(lease)
      return landing
    } catch (error) {
      await this.#release(lease)
      throw error
    }
  }

  /** What the back tier holds now, and whether that makes a load unnecessary. */
  async #look(): Promise<{ asOf: number; standing: Standing; landing: Landing | undefined }> {
    const { back, visibility, clock, table } = this.#store
    const { key, replaces } = this.#job
    const until = table.tick()
    const linearizable = { consistency: 'linearizable' } as R
    const { entry, asOf } = await this.#orClosed(back.readOne(key, linearizable))
    const epochs = await this.#orClosed(visibility.epochs([entry], linearizable))
    const standing = standingOf(entry, epochs, clock.now())
    const { state } = standing
    const isDone = (state === 'fresh' || state === 'known-absent') && standing.entry.version > replaces
    const landing = isDone ? { payload: state === 'fresh' ? standing.entry.payload : undefined, until } : undefined
    return { asOf, standing, landing }
  }

  async #load(held: Held): Promise<Landing> {
    const { back, clock, table } = this.#store
    const { key, options } = this.#job
    const began = table.tick()
    let isLoaded = false
    const leave = (): void => {
      // What is loaded is being stored or refused: that ends by itself, and may well have ended the lease.
      if (isLoaded) return
      table.forget(key.id, this)
      this.#left.resolve(LEFT)
    }
    const kept = new KeptLease(held.lease, {
      leases: back.leases,
      clock,
      leaseMs: options.leaseMs,
      // Whoever waited that long waits no longer, and a loader that never ends must not keep the others from loading.
      forMs: options.hardTimeoutMs,
      onLost: leave,
      onGivenUp: () => {
        leave()
        this.#abort.abort()
      },
    })
    let loaded: LoadedValue
    try {
      loaded = new LoadedValue(back.codec, await this.#orClosed(this.#call(held)))
      isLoaded = true
    } catch (error) {
      kept.stop()
      await this.#release(held.lease)
      const newer = await this.#newer()
      if (newer !== undefined) return newer
      throw error
    }
    try {
      const until = table.tick()
      await this.#orClosed(back.commit(loaded.proposal(this.#job, held, this.#store), this.#job.writeOptions))
      return { payload: loaded.payload, until }
    } catch (error) {
      await this.#release(held.lease)
      if (!(error instanceof TidemarkError && error.code === 'LEASE_LOST')) throw error
      // Overtaken. Who asked before the load began gets what it brought, unless there is something newer.
      return (await this.#newer()) ?? { payload: loaded.payload, until: began }
    } finally {
      kept.stop()
    }
  }

  #call({ previous }: Held): Promise<unknown> {
    const { key, load } = this.#job
    const context = { key: key.tuple, signal: this.#abort.signal, previous: previous && toStoreEntry(previous) }
    // In here, so that what it throws at once is a rejection too.
    return new Promise((resolve) => resolve(load(context)))
  }

  /** What was written while the loader ran. */
  async #newer(): Promise<Landing | undefined> {
    try {
      return (await this.#look()).landing
    } catch {
      // There is an error, or a value, already.
      return undefined
    }
  }

  /** Others need not wait for its end. When it cannot be released, they have to. */
  async #release(lease: Lease): Promise<void> {
    await this.#store.back.leases.release(lease).catch(() => undefined)
  }

  #orClosed<T>(work: T | Promise<T>): Promise<T> {
    return Promise.race([work, this.#closed.promise])
  }
}

/** The entry, if its value can be decoded. */
function readable(entry: Entry | undefined): Entry | undefined {
  try {
    if (entry !== undefined) readValue(entry)
    return entry
  } catch (error) {
    if (error instanceof CorruptError) return undefined
    throw error
  }
}
