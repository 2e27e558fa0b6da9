import { type Clock, type Key, readValue, seeHeld, TidemarkError, userKey } from '@tidemark/core'
import { type Change, type Compactor, createHooks, guarded, type HookBus, sharedLog } from '@tidemark/hooks'
import type {
  Explanation,
  TieredBack,
  TierEvent,
  TierStats,
  VerifyOptions,
  VerifyProgress,
  WarmOptions,
  WarmProgress,
  WarmStrategy,
} from '@tidemark/tiered'
import type { Observable } from 'rxjs'
import type { StoreParts } from './store-parts.ts'
import { WriteBehindStore } from './write-behind-store.ts'

let internals: (store: Tidemark) => StoreParts

let noteWarmed: (store: Tidemark, progress: WarmProgress) => void

/**
 * Runs before the store is handed out. A front that is away keeps no store from opening: that a `mirror` could not ask it
 * what it holds goes to `onError`.
 * @throws what a strategy throws; TidemarkError as reads do
 */
export async function warmFirst(store: Tidemark, options: WarmOptions | WarmStrategy): Promise<void> {
  const isMirror = options === 'mirror' || (typeof options === 'object' && options.strategy === 'mirror')
  try {
    await store.warm(options).forEach((progress) => noteWarmed(store, progress))
  } catch (error) {
    if (!isMirror || !isAway(error)) throw error
    internalsOf(store).onError(error)
  }
}

function isAway(error: unknown): boolean {
  return error instanceof TidemarkError && (error.code === 'FRONT_UNAVAILABLE' || error.code === 'TIMEOUT')
}

/** For other functions of this package. */
export function internalsOf(store: Tidemark): StoreParts {
  return internals(store)
}

/** An opened store: the rich API, its events, and its tiers. */
export class Tidemark extends WriteBehindStore {
  static {
    internals = (store) => store.#parts
    noteWarmed = (store, progress) => void (store.#warmed = progress)
  }

  /** Named callbacks on the writes of this process, isolated from each other and from the writers. */
  readonly hooks: HookBus
  /** The committed changes of this process, in the order of the log; hot. For every process, see {@link changes}. */
  readonly writes$: Observable<Change>
  /** Trouble in a front, and its end; hot. What a subscriber throws goes to `onError`. */
  readonly tierEvents$: Observable<TierEvent>
  /**
   * How many milliseconds after its commit each change of another process became visible in this one; hot. With near
   * memory: when that had met it in the log (skipped ones, of a log that is far ahead, are told as one, the oldest). With
   * Redis alone: when Redis was proven to have it, three times in `redis.maxStaleMs`; not while it is bypassed. A store
   * with neither tells nothing, as its reads see everything at once.
   */
  readonly visibilityLag$: Observable<number>
  readonly #parts: StoreParts
  readonly #compactor: Compactor | undefined
  readonly #stopSweeping: () => Promise<void>
  readonly #beforeClose: () => Promise<void>
  readonly #afterClose: () => Promise<void>
  #warmed: WarmProgress | undefined
  #closing: Promise<void> | undefined

  constructor(
    tiers: TieredBack,
    options: {
      readonly clock: Clock
      readonly onError: (error: unknown) => void
      readonly compactor: Compactor | undefined
      stopSweeping(): Promise<void>
      /** Ends what reads the log. */
      beforeClose(): Promise<void>
      afterClose(): Promise<void>
    },
  ) {
    const onError = (error: unknown): void => options.onError(error)
    const isClosing = (): boolean => this.#closing !== undefined
    const { clock } = options
    const parts: StoreParts = { tiers, log: sharedLog(tiers.log), clock, onError, attached: new Set(), isClosing }
    super(parts)
    this.#parts = parts
    this.#compactor = options.compactor
    this.#stopSweeping = () => options.stopSweeping()
    this.#beforeClose = () => options.beforeClose()
    this.#afterClose = () => options.afterClose()
    this.hooks = createHooks({ onCommit: (listener) => tiers.onCommit(listener), log: parts.log })
    this.writes$ = this.hooks.writes$
    this.tierEvents$ = guarded(tiers.tierEvents$, onError)
    this.visibilityLag$ = guarded(tiers.visibilityLag$, onError)
  }

  /** What shortens the log, with what it has to tell; undefined: nothing does. */
  get compactor(): Compactor | undefined {
    return this.#compactor
  }

  /**
   * Brings what the back tier holds into the fronts, with progress: what is missing there, everything anew, what your
   * function chooses, or what a walk from roots comes to. Starts when it is subscribed to. What a subscriber throws, or an
   * error that it has no handler for, goes to `onError`.
   */
  warm(options?: WarmOptions | WarmStrategy): Observable<WarmProgress> {
    return guarded(this.#parts.tiers.warm(options), this.#parts.onError)
  }

  /** What the option `warmOnOpen` has brought into the fronts; undefined without it. */
  get warmed(): WarmProgress | undefined {
    return this.#warmed
  }

  /**
   * What every tier holds of the key, how far each has followed the log, and which one a read would be served from, and
   * why. For people: it asks every tier.
   */
  async explain(key: Key): Promise<Explanation> {
    return this.#parts.tiers.explain(userKey(key))
  }

  /**
   * Compares every record in the shared fronts with the back tier, in pages, and takes out what is wrong. Starts when it
   * is subscribed to.
   */
  verify(options?: VerifyOptions): Observable<VerifyProgress> {
    return guarded(this.#parts.tiers.verify(options), this.#parts.onError)
  }

  /**
   * Declares that the file was restored from a backup: every front starts anew, and tokens of the history that was lost are
   * refused. Call it once, before the first write. Durable when it resolves.
   */
  restored(): Promise<void> {
    return this.#parts.tiers.restored()
  }

  /** Which tier answered how many reads since the store was opened. */
  tierStats(): TierStats {
    return this.#parts.tiers.tierStats()
  }

  /** The id of the log; of the same file, always the same. */
  get logId(): string {
    return this.#parts.tiers.log.identity.id
  }

  /**
   * Names this opened store, and no other: stands as `origin` in the changes that it writes, and as the owner of the lanes of
   * its consumers.
   */
  get origin(): string {
    return this.#parts.tiers.origin
  }

  /** The seq of the last change in the log. */
  head(): Promise<number> {
    return this.#parts.tiers.log.head()
  }

  /**
   * The value that the near front holds, at once and without a promise; undefined when it holds none, or none of which it can
   * tell that no tag was invalidated, which says nothing about whether the key exists. May lack what another process wrote
   * within the last poll of the log (2 to 15 ms).
   */
  peek<T = unknown>(key: Key): T | undefined {
    const entry = this.#parts.tiers.peek(userKey(key).id)?.entry
    const seen = entry && seeHeld(entry, this.#parts.clock.now(), (id) => this.#parts.tiers.peek(id))
    return seen === undefined ? undefined : (readValue(seen) as T)
  }

  /**
   * Ends sweeping, lets writes under way finish and hooks handle them, then releases every tier. Resolves when nothing is
   * left open; every call after this one rejects with ClosedError. Idempotent. A hook that awaits it waits for itself,
   * which costs the 5 s that busy hooks get.
   */
  override close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    // While they have something in hand, they need the store, and so do the notes of how far they have come.
    // Where there are none, the store is closed from this turn on.
    const attached = Array.from(this.#parts.attached)
    const ended = attached.length === 0 ? [] : await Promise.allSettled(attached.map((each) => each.close()))
    // Not one after the other: the store is closed from now on, also while a sweep is still under way.
    const sweeping = Promise.all([this.#stopSweeping(), this.#beforeClose()])
    try {
      await super.close()
      await sweeping
    } finally {
      // After the tiers: until then there may be commits that hooks have not heard of.
      await this.hooks.close()
      await this.#afterClose()
    }
    // Whatever they have failed with: the store is closed.
    for (const each of ended) if (each.status === 'rejected') throw each.reason
  }
}
