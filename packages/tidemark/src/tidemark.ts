import {
  assertKnown,
  type Clock,
  ClosedError,
  type Key,
  type Log,
  readValue,
  seeHeld,
  Store,
  userKey,
} from '@tidemark/core'
import {
  type BatchHandler,
  type Change,
  type ChangeBatch,
  changes,
  changes$,
  type ChangesOptions,
  type Compactor,
  consume,
  type Consumer,
  type ConsumerOptions,
  type ConsumerPosition,
  consumerPositions,
  consumerStats,
  createHooks,
  dropConsumer,
  dropParked,
  dropSync,
  follow,
  type FollowOptions,
  type FollowStep,
  guarded,
  type Handler,
  history,
  type HistoryOptions,
  type HookBus,
  type ParkedChange,
  parkedChanges,
  type ParkedSelection,
  replayParked,
  type ReplayParkedResult,
  sharedLog,
  type TransactionContext,
  type Transactional,
  type SnapshotSource,
  type SnapshotChangesOptions,
  type StoredConsumerStats,
  undo,
  type UndoResult,
  valueAt,
  type SyncPosition,
  syncPositions,
} from '@tidemark/hooks'
import type {
  DeadLetter,
  Explanation,
  Metrics,
  TieredBack,
  TieredReadOptions,
  TieredWriteOptions,
  TierEvent,
  TierStats,
  VerifyOptions,
  VerifyProgress,
  WarmOptions,
  WarmProgress,
  WarmStrategy,
} from '@tidemark/tiered'
import { lastValueFrom, type Observable } from 'rxjs'
import { withOwn } from './with-own.ts'

/** As `consume` of @tidemark/hooks has them, of this store. */
export type StoreConsumerOptions = Omit<ConsumerOptions, 'clock' | 'log' | 'random'>

/** What a read of the past may say. */
export interface AtOptions {
  /** Any position of the log: the value is what the key had right after that change. */
  readonly at: number
}

/** As `changes` of @tidemark/hooks has them, of this store. */
export type ChangesOrSnapshotOptions = Omit<SnapshotChangesOptions, 'back' | 'clock'>

/** What other functions of this package work on. */
interface Internals {
  readonly tiers: TieredBack
  readonly log: Log
  readonly clock: Clock
  /** Closed before the store is; what has ended is taken out. */
  readonly attached: Set<{ close(): Promise<void> }>
}

let internals: (store: Tidemark) => Internals

let noteWarmed: (store: Tidemark, progress: WarmProgress) => void

/** Runs before the store is handed out. @throws what a strategy throws; TidemarkError as reads do */
export async function warmFirst(store: Tidemark, options: WarmOptions | WarmStrategy): Promise<void> {
  noteWarmed(store, await lastValueFrom(store.warm(options)))
}

export function internalsOf(store: Tidemark): Internals {
  return internals(store)
}

/** An opened store: the rich API, its events, and its tiers. */
export class Tidemark extends Store<TieredReadOptions, TieredWriteOptions> {
  static {
    internals = (store) => ({ tiers: store.#tiers, log: store.#log, clock: store.#clock, attached: store.#attached })
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
  readonly #tiers: TieredBack
  /** One reader for all subscribers of this process. */
  readonly #log: Log
  readonly #compactor: Compactor | undefined
  readonly #clock: Clock
  readonly #onError: (error: unknown) => void
  readonly #stopSweeping: () => Promise<void>
  /** What works on the store in the background, until one of them is closed. */
  readonly #attached = new Set<{ close(): Promise<void> }>()
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
    super(tiers, { clock: options.clock, onError: (error) => options.onError(error) })
    this.#tiers = tiers
    this.#log = sharedLog(tiers.log)
    this.#compactor = options.compactor
    this.#clock = options.clock
    this.#onError = options.onError
    this.#stopSweeping = () => options.stopSweeping()
    this.#beforeClose = () => options.beforeClose()
    this.#afterClose = () => options.afterClose()
    this.hooks = createHooks(tiers)
    this.writes$ = this.hooks.writes$
    this.tierEvents$ = guarded(tiers.tierEvents$, this.#onError)
    this.visibilityLag$ = guarded(tiers.visibilityLag$, this.#onError)
  }

  /** What shortens the log, with what it has to tell; undefined: nothing does. */
  get compactor(): Compactor | undefined {
    return this.#compactor
  }

  /**
   * The value, or undefined when the key is absent, and only then. With `at`, what it was right after that change of the
   * log; for that the log is asked, whatever the fronts hold.
   * @throws with `at`: CompactedError when the log no longer tells, TidemarkError LOG_AHEAD for a position past its head
   */
  override get<T = unknown>(key: Key, options?: TieredReadOptions | AtOptions): Promise<T | undefined> {
    // Not async: a hit would pay for a promise more.
    return options !== undefined && 'at' in options ? this.#valueAt<T>(key, options) : super.get<T>(key, options)
  }

  /** The durable change stream, from any process on the same file; pull-based, resumes from a token. */
  changes<T = unknown>(options: ChangesOrSnapshotOptions): AsyncIterable<FollowStep<T>>
  changes<T = unknown>(options?: ChangesOptions): AsyncIterable<ChangeBatch<T>>
  changes<T = unknown>(options: ChangesOptions | ChangesOrSnapshotOptions = {}): AsyncIterable<FollowStep<T>> {
    return options.onCompacted === 'snapshot'
      ? changes<T>(this.#log, this.#snapshots(options))
      : changes<T>(this.#log, options)
  }

  /** As {@link changes}; the next page is read when the subscribers have taken the last one. */
  changes$<T = unknown>(options: ChangesOrSnapshotOptions): Observable<FollowStep<T>>
  changes$<T = unknown>(options?: ChangesOptions): Observable<ChangeBatch<T>>
  changes$<T = unknown>(options: ChangesOptions | ChangesOrSnapshotOptions = {}): Observable<FollowStep<T>> {
    return options.onCompacted === 'snapshot'
      ? changes$<T>(this.#log, this.#snapshots(options))
      : changes$<T>(this.#log, options)
  }

  /** First everything that is there, then every change: no gap, no change twice, nothing deleted comes back. */
  follow<T = unknown>(options?: Omit<FollowOptions, 'clock'>): AsyncIterable<FollowStep<T>> {
    return follow<T>(this.#followed, withOwn('follow', options, { clock: this.#clock }))
  }

  /** What happened to one key, newest first, as far back as the log goes. */
  history<T = unknown>(key: Key, options?: HistoryOptions): AsyncIterable<Change<T>> {
    return history<T>(this.#log, key, options)
  }

  /**
   * Sets a key back to what it was before one change, as a new write, and only if nothing has happened to it since.
   * @throws ConflictError; CompactedError when the log no longer holds what it was
   */
  undo(seq: number): Promise<UndoResult> {
    return undo(this.#tiers, seq, { clock: this.#clock })
  }

  /**
   * A durable consumer: every change that it wants is handed to the handler by one process of the fleet, retried until it
   * succeeds or `onFailure` decides, in order per key. With `transaction: true` what the handler writes through `tx` is
   * committed together with its place in the log: exactly once. Otherwise at least once, with an idempotency key and a fence.
   * It is closed with the store.
   *
   * @throws TypeError, RangeError for wrong options; TidemarkError CONSUMER_MISMATCH when it is registered with another number
   * of lanes, `prefix`, `ops` or `transaction`; CompactedError when `from` lies where the log no longer reaches
   */
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & Transactional & { readonly batch: number },
    handler: BatchHandler<T, TransactionContext>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & Transactional & { readonly batch?: undefined },
    handler: Handler<T, TransactionContext>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: false | undefined; readonly batch: number },
    handler: BatchHandler<T>,
  ): Promise<Consumer<T>>
  consume<T = unknown>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: false | undefined; readonly batch?: undefined },
    handler: Handler<T>,
  ): Promise<Consumer<T>>
  async consume<T>(
    name: string,
    options: StoreConsumerOptions & { readonly transaction?: boolean | undefined; readonly batch?: number | undefined },
    handler: unknown,
  ): Promise<Consumer<T>> {
    if (this.#closing !== undefined) throw new ClosedError()
    const given = withOwn('consume', options, { clock: this.#clock, log: this.#log })
    // The overloads above say which handler belongs to which options; here they are one.
    const consuming = consume<T>(
      this.#tiers,
      name,
      given as typeof given & Transactional & { batch: number },
      handler as BatchHandler<T, TransactionContext>,
    )
    // From now on: a store that is closed meanwhile waits for it, and closes it.
    const attached = {
      close: () =>
        consuming.then(
          (consumer) => consumer.close(),
          () => undefined,
        ),
    }
    this.#attached.add(attached)
    const detach = (): void => void this.#attached.delete(attached)
    void consuming.then((consumer) => consumer.closed).then(detach, detach)
    const consumer = await consuming
    if (this.#closing === undefined) return consumer
    await consumer.close()
    throw new ClosedError()
  }

  /**
   * The parked changes of a consumer, whether or not any process runs it: lane by lane, each in the order of the log. The
   * next page of 50 is read when the last one was taken.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name
   */
  parked<T = unknown>(name: string, selection?: ParkedSelection): AsyncIterable<ParkedChange<T>> {
    return parkedChanges<T>(this.#tiers, name, selection)
  }

  /**
   * Has parked changes handed to the consumer's handler once more, by the processes that run it; waits for them. Where none
   * does, they are `waiting`, and whoever runs it next replays them first. Aborting ends the wait, and takes nothing back.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`
   */
  replayParked(
    name: string,
    selection?: ParkedSelection,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<ReplayParkedResult> {
    return replayParked(this.#tiers, name, selection, withOwn('replayParked', options, { clock: this.#clock }))
  }

  /**
   * Forgets parked changes of a consumer, whether or not any process runs it: who works on a lane is asked, and waited for.
   * Aborting ends the wait, and takes nothing back. @returns how many
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name; the reason of `signal`
   */
  dropParked(
    name: string,
    selection?: ParkedSelection,
    options?: { readonly signal?: AbortSignal | undefined },
  ): Promise<number> {
    return dropParked(this.#tiers, name, selection, withOwn('dropParked', options, { clock: this.#clock }))
  }

  /**
   * How a consumer stands, from what is stored of it: lag, what is parked, which lanes stand still, and whose they are.
   * @throws TidemarkError CONSUMER_DROPPED when none is registered under the name
   */
  consumerStats(name: string): Promise<StoredConsumerStats> {
    return consumerStats(this.#tiers, name)
  }

  /** Every registered consumer, and how far it has come, whether or not any process runs it: what holds compaction back. */
  consumers(): Promise<readonly ConsumerPosition[]> {
    return consumerPositions(this.#tiers)
  }

  /** Unregisters a consumer: what it has not handled is forgotten, and holds no compaction back. @returns whether there was one */
  dropConsumer(name: string): Promise<boolean> {
    return dropConsumer(this.#tiers, name, { clock: this.#clock })
  }

  /** Every sync into this store, and how far it has come, whether or not any process runs it. */
  syncs(): Promise<readonly SyncPosition[]> {
    return syncPositions(this.#tiers)
  }

  /**
   * Forgets a sync into this store: where it runs, it ends with SYNC_DROPPED. What it has copied stays. One of the same name
   * copies everything anew, and takes what differs here by then for this store's own.
   * @returns whether there was one
   */
  dropSync(name: string): Promise<boolean> {
    return dropSync(this.#tiers, name, { clock: this.#clock })
  }

  /**
   * Brings what the back tier holds into the fronts, with progress: what is missing there, everything anew, what your
   * function chooses, or what a walk from roots comes to. Starts when it is subscribed to. What a subscriber throws, or an
   * error that it has no handler for, goes to `onError`.
   */
  warm(options?: WarmOptions | WarmStrategy): Observable<WarmProgress> {
    return guarded(this.#tiers.warm(options), this.#onError)
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
    return this.#tiers.explain(userKey(key))
  }

  /**
   * Compares every record in the shared fronts with the back tier, in pages, and takes out what is wrong. Starts when it
   * is subscribed to.
   */
  verify(options?: VerifyOptions): Observable<VerifyProgress> {
    return guarded(this.#tiers.verify(options), this.#onError)
  }

  /**
   * Declares that the file was restored from a backup: every front starts anew, and tokens of the history that was lost are
   * refused. Call it once, before the first write. Durable when it resolves.
   */
  restored(): Promise<void> {
    return this.#tiers.restored()
  }

  /**
   * Resolves when every write is committed that was written behind and acknowledged before it was.
   * @throws FlushFailure for what was refused for good, and is set aside, see {@link deadLetters}; what the back tier fails
   * with: the flush is tried again
   */
  flush(): Promise<void> {
    return this.#tiers.flush()
  }

  /**
   * Keeps a state of the application (how far it has come, say) together with every write that was acknowledged before it: it is
   * acknowledged as they are, and committed in the same flush, in one transaction. What a crash leaves is never ahead of the
   * data.
   * @param name where several states are kept, or by several processes; the last one under a name counts
   */
  checkpoint(state: unknown, name = ''): Promise<void> {
    return this.#tiers.checkpoint(name, state)
  }

  /** The last state that was kept under the name; undefined: none was. */
  lastCheckpoint<T = unknown>(name = ''): Promise<T | undefined> {
    return this.#tiers.lastCheckpoint(name) as Promise<T | undefined>
  }

  /** Writes that were acknowledged, and refused for good when they were flushed. */
  deadLetters(): AsyncIterable<DeadLetter> {
    return this.#tiers.deadLetters()
  }

  /** Writes what a dead letter holds, whatever is there by now, and removes it, in one commit. @returns whether there was one */
  redeem(id: string): Promise<boolean> {
    return this.#tiers.redeem(id)
  }

  /** Removes a dead letter. @returns whether there was one */
  dropDeadLetter(id: string): Promise<boolean> {
    return this.#tiers.dropDeadLetter(id)
  }

  /**
   * Lookups, reads of the back tier, writes behind and flushes since the store was opened, in total and by key. Lookups and reads
   * are counted where the policy of the store is `write-behind`.
   */
  metrics(): Metrics {
    return this.#tiers.metrics()
  }

  /** Which tier answered how many reads since the store was opened. */
  tierStats(): TierStats {
    return this.#tiers.tierStats()
  }

  /** The id of the log; of the same file, always the same. */
  get logId(): string {
    return this.#tiers.log.identity.id
  }

  /**
   * Names this opened store, and no other: stands as `origin` in the changes that it writes, and as the owner of the lanes of
   * its consumers.
   */
  get origin(): string {
    return this.#tiers.origin
  }

  /** The seq of the last change in the log. */
  head(): Promise<number> {
    return this.#tiers.log.head()
  }

  /**
   * The value that the near front holds, at once and without a promise; undefined when it holds none, or none of which it
   * can tell that no tag was invalidated, which says nothing about whether the key exists. May lack what another process wrote within the last poll of the log (2 to 15 ms).
   */
  peek<T = unknown>(key: Key): T | undefined {
    const entry = this.#tiers.peek(userKey(key).id)?.entry
    const seen = entry && seeHeld(entry, this.#clock.now(), (id) => this.#tiers.peek(id))
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

  async #valueAt<T>(key: Key, options: AtOptions): Promise<T | undefined> {
    assertKnown(options, ['at'], 'get with at')
    return valueAt<T>(this.#log, this.#tiers, key, options.at)
  }

  #snapshots(options: ChangesOrSnapshotOptions): SnapshotChangesOptions {
    return withOwn('changes', options, { back: this.#followed, clock: this.#clock })
  }

  /** The log by the shared reader, entries by the tiers. */
  get #followed(): SnapshotSource {
    const tiers = this.#tiers
    return {
      log: this.#log,
      scan: (range, page) => tiers.scan(range, page),
      read: (keys, options) => tiers.read(keys, options),
    }
  }

  async #close(): Promise<void> {
    // While they have something in hand, they need the store, and so do the notes of how far they have come.
    // Where there are none, the store is closed from this turn on.
    const attached = Array.from(this.#attached)
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
