import { ClosedError, CorruptError, TidemarkError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { ReadOptions } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { notesOf } from '../store/entry-notes.ts'
import { readValue } from '../store/entry-view.ts'
import { tagsOf } from '../store/visibility.ts'
import { type Landing, LEFT } from './landing.ts'
import { LoadFlight, type LoadingStore } from './load-flight.ts'
import type { RunningLoad } from './load-table.ts'
import type { Loader, ResolvedLoadOptions } from './load-options.ts'
import { endOf, type Standing, standingOf } from './standing.ts'
import { LATE, within } from './within.ts'

const NO_EPOCHS: ReadonlyMap<string, number> = new Map()

/** Lower than any version. */
const NONE = -1

/** What a caller of `getOrSet` asks for. */
export interface LoadRequest<R extends ReadOptions, W extends object> {
  readonly key: StoreKey
  readonly load: Loader
  readonly options: ResolvedLoadOptions
  readonly tierOptions: (R & W) | undefined
}

interface Call<R extends ReadOptions, W extends object> {
  readonly request: LoadRequest<R, W>
  readonly began: number
  /** The version whose value cannot be read; -1: none. (0 is that of a value that is not committed yet.) */
  damaged: number
  /** The back tier itself holds no last value any more, whatever a front that is behind may show. */
  isGraceOver: boolean
}

/** What a caller is to get: what a load brought, or what is there (undefined: the key does not exist). */
type Answer = { readonly landing: Landing } | { readonly entry: Entry | undefined }

/** The callers' side of loading: what is there, or what a load brings in time, or the last value in its grace. */
export class Loading<R extends ReadOptions, W extends object> {
  readonly #store: LoadingStore<R, W>

  constructor(store: LoadingStore<R, W>) {
    this.#store = store
  }

  async get(request: LoadRequest<R, W>): Promise<unknown> {
    const { clock, table } = this.#store
    const ticket = table.tick()
    const call: Call<R, W> = { request, began: clock.monotonic(), damaged: NONE, isGraceOver: false }
    for (;;) {
      const looked = this.#look(request)
      const standing = looked instanceof Promise ? await looked : looked
      const { state, entry } = standing
      if (state === 'known-absent') return undefined
      if (state === 'fresh' && entry.version > call.damaged) {
        this.#refreshAhead(entry, request)
        try {
          return readValue(entry)
        } catch (error) {
          if (!(error instanceof CorruptError)) throw error
          // As if it were not there: what a load brings takes its place.
          call.damaged = entry.version
        }
      }
      const last = state === 'stale' ? entry : undefined
      const answer = await this.#answer(call, call.isGraceOver ? undefined : last)
      if (answer === undefined) continue
      if ('entry' in answer) return answer.entry && readValue(answer.entry)
      // What was under way may have begun before a write that this call has to see.
      if (ticket < answer.landing.until) return answer.landing.payload?.read()
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

  /** @returns undefined: look again, and wait on */
  async #answer(call: Call<R, W>, last: Entry | undefined): Promise<Answer | undefined> {
    const { clock, table } = this.#store
    const { key, options } = call.request
    const { softTimeoutMs = Infinity, hardTimeoutMs } = options
    const waitMs = this.#hasGrace(last, options) ? Math.min(softTimeoutMs, hardTimeoutMs) : hardTimeoutMs
    const flight = table.current(key.id) ?? this.#start(call.request, call.damaged)
    const stopWaiting = flight.wait()
    try {
      const landing = await within(clock, flight.landed, waitMs - (clock.monotonic() - call.began))
      if (landing === LEFT) return undefined
      if (landing !== LATE) return { landing }
    } catch (error) {
      if (!this.#hasGrace(last, options) || error instanceof ClosedError) throw error
      const answer = await this.#instead(call, last)
      if (answer === undefined) throw error
      flight.report(error)
      return answer
    } finally {
      stopWaiting()
    }
    const answer = await this.#instead(call, last)
    if (answer === undefined && waitMs === hardTimeoutMs) throw timeout(key, hardTimeoutMs)
    return answer
  }

  /**
   * What there is instead of what a load did not bring. Asks the back tier: somebody may have written the key meanwhile,
   * or deleted it, which takes the grace away. Where that cannot answer, the last value will do.
   */
  async #instead(call: Call<R, W>, last: Entry | undefined): Promise<Answer | undefined> {
    const { options } = call.request
    let state: Standing['state'] = 'stale'
    let entry = last
    try {
      const tierOptions = { consistency: 'linearizable' } as R & W
      ;({ state, entry } = await this.#look({ ...call.request, tierOptions }))
    } catch (error) {
      if (error instanceof ClosedError) throw error
    }
    if (state === 'known-absent') return { entry: undefined }
    if (state === 'fresh' && entry!.version > call.damaged) return { entry }
    if (state === 'stale' && this.#hasGrace(entry, options)) return { entry }
    call.isGraceOver = true
    return undefined
  }

  #hasGrace(entry: Entry | undefined, options: ResolvedLoadOptions): boolean {
    return entry !== undefined && this.#store.clock.now() < this.#endOfGrace(entry, options)
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
