import { ClosedError, CorruptError, TidemarkError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { ReadOptions } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { notesOf } from '../store/entry-notes.ts'
import { readValue } from '../store/entry-view.ts'
import { tagsOf } from '../store/visibility.ts'
import type { Landing } from './landing.ts'
import { LoadFlight, type LoadingStore } from './load-flight.ts'
import type { RunningLoad } from './load-table.ts'
import type { Loader, ResolvedLoadOptions } from './load-options.ts'
import { endOf, type Standing, standingOf } from './standing.ts'
import { LATE, within } from './within.ts'

const NO_EPOCHS: ReadonlyMap<string, number> = new Map()

/** What a caller of `getOrSet` asks for. */
export interface LoadRequest<R extends ReadOptions, W extends object> {
  readonly key: StoreKey
  readonly load: Loader
  readonly options: ResolvedLoadOptions
  readonly tierOptions: (R & W) | undefined
}

/** The callers' side of loading: what is there, or what a load brings in time, or the last value in its grace. */
export class Loading<R extends ReadOptions, W extends object> {
  readonly #store: LoadingStore<R, W>

  constructor(store: LoadingStore<R, W>) {
    this.#store = store
  }

  async get(request: LoadRequest<R, W>): Promise<unknown> {
    const { clock, table } = this.#store
    const ticket = table.tick()
    const began = clock.monotonic()
    let damaged = 0
    for (;;) {
      const looked = this.#look(request)
      const standing = looked instanceof Promise ? await looked : looked
      const { state, entry } = standing
      if (state === 'known-absent') return undefined
      if (state === 'fresh' && entry.version > damaged) {
        this.#refreshAhead(entry, request)
        try {
          return readValue(entry)
        } catch (error) {
          if (!(error instanceof CorruptError)) throw error
          // As if it were not there: what a load brings takes its place.
          damaged = entry.version
        }
      }
      const last = state === 'stale' ? entry : undefined
      const landing = await this.#landing(request, last, damaged, began)
      if (landing === undefined) return readValue(last!)
      // What was under way may have begun before a write that this call has to see.
      if (ticket < landing.until) return landing.payload?.read()
    }
  }

  /** Without a promise where the tiers answer at once. */
  #look({ key, tierOptions }: LoadRequest<R, W>): Standing | Promise<Standing> {
    const found = this.#store.back.readOne(key, tierOptions)
    return found instanceof Promise
      ? found.then(({ entry }) => this.#standing(entry, tierOptions))
      : this.#standing(found.entry, tierOptions)
  }

  #standing(entry: Entry | undefined, tierOptions: R | undefined): Standing | Promise<Standing> {
    const { visibility, clock } = this.#store
    if (entry === undefined || tagsOf(entry).length === 0) return standingOf(entry, NO_EPOCHS, clock.now())
    return visibility.epochs([entry], tierOptions).then((epochs) => standingOf(entry, epochs, clock.now()))
  }

  #refreshAhead(entry: Entry, request: LoadRequest<R, W>): void {
    const { refreshAheadFraction } = request.options
    if (refreshAheadFraction === 0) return
    const { clock, table } = this.#store
    const end = endOf(entry)
    const isDue = end - clock.now() <= (end - entry.writtenAt) * refreshAheadFraction
    if (!isDue || end === Infinity || table.isPaused(request.key.id)) return
    if (table.current(request.key.id) === undefined) this.#start(request, entry.version)
  }

  /** @returns undefined: the last value is to be served */
  async #landing(
    request: LoadRequest<R, W>,
    last: Entry | undefined,
    damaged: number,
    began: number,
  ): Promise<Landing | undefined> {
    const { clock, table } = this.#store
    const { key, options } = request
    const { softTimeoutMs = Infinity, hardTimeoutMs } = options
    const hasGrace = (): boolean => last !== undefined && clock.now() < this.#endOfGrace(last, options)
    const flight = table.current(key.id) ?? this.#start(request, damaged)
    const stopWaiting = flight.wait()
    try {
      const waitMs = hasGrace() ? Math.min(softTimeoutMs, hardTimeoutMs) : hardTimeoutMs
      const landing = await within(clock, flight.landed, waitMs - (clock.monotonic() - began))
      if (landing !== LATE) return landing
    } catch (error) {
      if (!hasGrace() || error instanceof ClosedError) throw error
      flight.report(error)
      return undefined
    } finally {
      stopWaiting()
    }
    if (hasGrace()) return undefined
    throw timeout(key, hardTimeoutMs)
  }

  #endOfGrace(entry: Entry, { graceMs }: ResolvedLoadOptions): number {
    return Math.min(entry.expiresAt ?? Infinity, (notesOf(entry).freshUntil ?? -Infinity) + graceMs)
  }

  #start({ key, load, options, tierOptions }: LoadRequest<R, W>, replaces: number): RunningLoad {
    return new LoadFlight(this.#store, { key, load, options, writeOptions: tierOptions, replaces })
  }
}

function timeout({ id }: StoreKey, ms: number): TidemarkError {
  const message = `${id} was not loaded within ${ms} ms, and there is no last value to serve; the load goes on`
  return new TidemarkError('LOAD_TIMEOUT', message, { key: id, retryable: true })
}
