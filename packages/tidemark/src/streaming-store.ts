import { assertKnown, type GetOptions, type Key, Store } from '@tidemark/core'
import {
  type Change,
  type ChangeBatch,
  changes,
  changes$,
  type ChangesOptions,
  follow,
  type FollowOptions,
  type FollowStep,
  history,
  type HistoryOptions,
  type SnapshotSource,
  type SnapshotChangesOptions,
  undo,
  type UndoResult,
  valueAt,
} from '@tidemark/hooks'
import type { TieredReadOptions, TieredWriteOptions } from '@tidemark/tiered'
import type { Observable } from 'rxjs'
import type { StoreParts } from './store-parts.ts'
import { withOwn } from './with-own.ts'

/** What a read of the past may say. */
export interface AtOptions {
  /** Any position of the log: the value is what the key had right after that change. */
  readonly at: number
}

/** As `changes` of @tidemark/hooks has them, of this store. */
export type ChangesOrSnapshotOptions = Omit<SnapshotChangesOptions, 'back' | 'clock'>

/** The changes of a store as streams, and its past. */
export class StreamingStore extends Store<TieredReadOptions, TieredWriteOptions> {
  readonly #parts: StoreParts

  constructor(parts: StoreParts) {
    super(parts.tiers, { clock: parts.clock, onError: parts.onError })
    this.#parts = parts
  }

  /**
   * The value; `default` (undefined) when the key is absent, and only then. With `at`, what it was right after that change of the
   * log; for that the log is asked, whatever the fronts hold.
   * @throws with `at`: CompactedError when the log no longer tells, TidemarkError LOG_AHEAD for a position past its head
   */
  override get<T = unknown>(key: Key, options?: (TieredReadOptions & GetOptions) | AtOptions): Promise<T | undefined> {
    // Not async: a hit would pay for a promise more.
    return options !== undefined && 'at' in options ? this.#valueAt<T>(key, options) : super.get<T>(key, options)
  }

  /** The durable change stream, from any process on the same file; pull-based, resumes from a token. */
  changes<T = unknown>(options: ChangesOrSnapshotOptions): AsyncIterable<FollowStep<T>>
  changes<T = unknown>(options?: ChangesOptions): AsyncIterable<ChangeBatch<T>>
  changes<T = unknown>(options: ChangesOptions | ChangesOrSnapshotOptions = {}): AsyncIterable<FollowStep<T>> {
    return options.onCompacted === 'snapshot'
      ? changes<T>(this.#parts.log, this.#snapshots(options))
      : changes<T>(this.#parts.log, options)
  }

  /** As {@link changes}; the next page is read when the subscribers have taken the last one. */
  changes$<T = unknown>(options: ChangesOrSnapshotOptions): Observable<FollowStep<T>>
  changes$<T = unknown>(options?: ChangesOptions): Observable<ChangeBatch<T>>
  changes$<T = unknown>(options: ChangesOptions | ChangesOrSnapshotOptions = {}): Observable<FollowStep<T>> {
    return options.onCompacted === 'snapshot'
      ? changes$<T>(this.#parts.log, this.#snapshots(options))
      : changes$<T>(this.#parts.log, options)
  }

  /** First everything that is there, then every change: no gap, no change twice, nothing deleted comes back. */
  follow<T = unknown>(options?: Omit<FollowOptions, 'clock'>): AsyncIterable<FollowStep<T>> {
    return follow<T>(this.#followed, withOwn('follow', options, { clock: this.#parts.clock }))
  }

  /** What happened to one key, newest first, as far back as the log goes. */
  history<T = unknown>(key: Key, options?: HistoryOptions): AsyncIterable<Change<T>> {
    return history<T>(this.#parts.log, key, options)
  }

  /**
   * Sets a key back to what it was before one change, as a new write, and only if nothing has happened to it since.
   * @throws ConflictError; CompactedError when the log no longer holds what it was
   */
  undo(seq: number): Promise<UndoResult> {
    return undo(this.#parts.tiers, seq, { clock: this.#parts.clock })
  }

  async #valueAt<T>(key: Key, options: AtOptions): Promise<T | undefined> {
    assertKnown(options, ['at'], 'get with at')
    return valueAt<T>(this.#parts.log, this.#parts.tiers, key, options.at)
  }

  #snapshots(options: ChangesOrSnapshotOptions): SnapshotChangesOptions {
    return withOwn('changes', options, { back: this.#followed, clock: this.#parts.clock })
  }

  /** The log by the shared reader, entries by the tiers. */
  get #followed(): SnapshotSource {
    const tiers = this.#parts.tiers
    return {
      log: this.#parts.log,
      scan: (range, page) => tiers.scan(range, page),
      read: (keys, options) => tiers.read(keys, options),
    }
  }
}
