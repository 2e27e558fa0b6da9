import type { Clock } from '../clock.ts'
import { Payload } from '../codec/payload.ts'
import { ClosedError } from '../errors.ts'
import { type KeyList, userKeys } from '../keys/key-list.ts'
import { KeyMap, type ReadonlyKeyMap } from '../keys/key-map.ts'
import type { Key, KeyTuple } from '../keys/key.ts'
import { userKey } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { type Loader, type LoadOptions, resolveLoadOptions } from '../load/load-options.ts'
import { LoadTable } from '../load/load-table.ts'
import { WaitedKeys } from '../load/waited-keys.ts'
import { Loading } from '../load/loading.ts'
import { assertKnown, callback } from '../options/checks.ts'
import { clockOption } from '../options/ports.ts'
import type { Back, Commit, ReadOptions, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Path } from '../ports/log.ts'
import { clearRange, type ClearOptions } from './clear.ts'
import { conditional, refusePromise, updating } from './decisions.ts'
import { readValue, toStoreEntry, type StoreEntry } from './entry-view.ts'
import { FoundValues } from './found-values.ts'
import { itemWrites } from './items.ts'
import { listEntries, listKeys, type ListOptions } from './listing.ts'
import { optionNames, refuseUnknown, type StoreMethod } from './option-names.ts'
import { AppendLog } from './logs/append-log.ts'
import { LogHeads } from './logs/log-heads.ts'
import { StoredBlob } from './blobs/stored-blob.ts'
import { PartCollector } from './parts/part-collector.ts'
import type { PartStore } from './parts/part-store.ts'
import { checkPath, type GetOptions, valueAt, withValueAt } from './path.ts'
import { rewriteAll, type RewriteOptions, type RewriteResult } from './rewrite.ts'
import { runTransaction, type Transaction, type TransactionOptions } from './transaction.ts'
import {
  type DeleteManyResult,
  type DeleteResult,
  type UpdateResult,
  type WriteResult,
  writeResult,
} from './results.ts'
import { commitSeen } from './seen-commit.ts'
import { SyncStore } from './sync-store.ts'
import { sweep, type SweepOptions, type SweepResult } from './sweep.ts'
import { checkTagNames, invalidation } from './tags.ts'
import { type NotHeld, Visibility } from './visibility.ts'
import { type ConditionOptions, type Item, type SetOptions, toSetWrite } from './write-options.ts'

/** What a store is made with, beside its back tier. */
export interface StoreOptions {
  /** @default the machine's clock */
  readonly clock?: Clock | undefined
  /** From 0 to below 1. @default Math.random */
  readonly random?: (() => number) | undefined
  /**
   * Gets what a loader threw while nobody waited for it: in a refresh ahead, after a timeout, or where the last value was
   * served instead; and what kept the parts of a log or blob that is gone from being removed, which `sweep` does again.
   * @default it is written to the console
   */
  readonly onError?: ((error: unknown) => void) | undefined
  /** What reads reject with where the tiers cannot say whether a key exists. @default nothing: it reads as absent */
  readonly notHeld?: NotHeld | undefined
}

const OPTIONS: readonly (keyof StoreOptions)[] = ['clock', 'random', 'onError', 'notHeld']

let tierOf: (store: Store<never, never>) => Back<never, never>

/**
 * The tiers of a store, for what is built on the ports as the store itself is. Closing them is the store's.
 */
export function backOf<R extends ReadOptions, W extends object>(store: Store<R, W>): Back<R, W> {
  return tierOf(store as unknown as Store<never, never>) as unknown as Back<R, W>
}

/**
 * The rich API, written once over any back tier, a tiered one included.
 *
 * Values that reads return are deeply frozen plain data, or a copy of the reader's own where they hold something that
 * cannot be frozen (Date, Map, Set, bytes): what one reader does can never change what another one gets.
 *
 * Every method refuses an option that it does not have, with a TypeError and before anything happens: a misspelt one
 * would otherwise do nothing. Every method rejects with ClosedError after `close()`, and with the errors of the tiers:
 * BUSY, READ_ONLY, DISK_FULL, IO, CORRUPT.
 */
export class Store<R extends ReadOptions = ReadOptions, W extends object = object> implements AsyncDisposable {
  static {
    tierOf = (store) => store.#back
  }

  readonly #back: Back<R, W>
  readonly #clock: Clock
  readonly #visibility: Visibility<R>
  readonly #loads: LoadTable
  readonly #loading: Loading<R, W>
  readonly #names: ReturnType<typeof optionNames>
  readonly #parts: PartStore<R, W>
  #sync: SyncStore | undefined
  #closing: Promise<void> | undefined

  constructor(back: Back<R, W>, options: StoreOptions = {}) {
    assertKnown(options, OPTIONS, 'Store')
    this.#back = back
    this.#names = optionNames(back)
    this.#clock = clockOption(options.clock)
    this.#visibility = new Visibility(back, this.#clock, options.notHeld)
    const assertOpen = (): void => this.#assertOpen()
    const onError = callback('option onError', options.onError ?? toConsole)
    const collector = new PartCollector({ back, onError: options.onError === undefined ? leftBehind : onError })
    this.#parts = {
      back,
      visibility: this.#visibility,
      clock: this.#clock,
      collector,
      heads: new LogHeads(),
      writings: new Set(),
      assertOpen,
    }
    this.#loads = LoadTable.of(back)
    this.#loading = new Loading({
      back,
      visibility: this.#visibility,
      clock: this.#clock,
      random: callback('option random', options.random ?? Math.random),
      table: this.#loads,
      waited: WaitedKeys.of(back, this.#clock),
      onError,
    })
  }

  /** The value; `default` (undefined) when the key is absent, and only then. */
  async get<T = unknown>(key: Key, options?: R & GetOptions): Promise<T | undefined> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'get')
    const storeKey = userKey(key)
    const answer = this.#back.readOne(storeKey, options)
    const found = answer instanceof Promise ? await answer : answer
    const seen = this.#visibility.seeFound(storeKey, found, options)
    const shown = seen instanceof Promise ? await seen : seen
    return (shown === undefined ? options?.default : readValue(shown)) as T | undefined
  }

  /** The value with its version and dates, or undefined. */
  async entry<T = unknown>(key: Key, options?: R): Promise<StoreEntry<T> | undefined> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'entry')
    const entry = await this.#see(userKey(key), options)
    return entry && toStoreEntry<T>(entry)
  }

  async has(key: Key, options?: R): Promise<boolean> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'has')
    return (await this.#see(userKey(key), options)) !== undefined
  }

  /**
   * What exists of the keys, all as of one moment: never half of a commit, whichever tiers it comes from. (A tiered store
   * that is asked for what its fronts hold, `frontend-only`, answers each key by itself, and so does one without its file.)
   * A value that is damaged throws when it is read, and fails no other.
   */
  async getMany<T = unknown>(keys: KeyList, options?: R): Promise<ReadonlyKeyMap<T>> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'getMany')
    const storeKeys = userKeys('the keys of getMany', keys)
    const entries = new KeyMap<Entry>()
    const found = storeKeys.length === 0 ? [] : await this.#back.read(storeKeys, options)
    const seen = await this.#visibility.seeAllFound(storeKeys, found, options)
    for (const entry of seen) if (entry !== undefined) entries.set(entry.key.tuple, entry)
    return new FoundValues(entries)
  }

  /** What lies at `path` inside the value; `default` (undefined) when the key or any step of the path is absent. */
  async getIn<T = unknown>(key: Key, path: Path, options?: R & GetOptions): Promise<T | undefined> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'getIn')
    const steps = checkPath(path)
    const entry = await this.#see(userKey(key), options)
    const found = valueAt(entry && readValue(entry), steps)
    return (found === undefined ? options?.default : found) as T | undefined
  }

  /**
   * The value; where there is none, or none that is fresh, what `load` gets. One process of all that share the back tier
   * loads, under a lease; the others wait for what it stores, take over when it dies, or load themselves when its loader
   * fails. Within a process, all calls for a key share one load, with the loader and the options of the first.
   *
   * What was loaded is stored unless the key was written or deleted, or a tag of `options.tags` invalidated, while the
   * loader ran; the caller then gets what is newer, or else what was loaded for it. A loader that returns undefined says
   * that the key does not exist, and so does the promise.
   *
   * @throws what the loader threw, the same for all who waited in this process; TidemarkError LOAD_TIMEOUT, and what the
   * store itself fails with: BUSY, DISK_FULL and the like. Where the last value may still be served, it is, and the error
   * goes to `onError`.
   */
  async getOrSet<T = unknown>(key: Key, load: Loader<T>, options?: LoadOptions & R & W): Promise<T | undefined> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'getOrSet')
    const request = {
      key: userKey(key),
      load: callback('the loader', load) as Loader,
      options: resolveLoadOptions(options),
      tierOptions: options,
    }
    return this.#loading.get(request) as Promise<T | undefined>
  }

  /**
   * Writes the value, whatever was there, or under `ifVersion`.
   * @throws ConflictError, TidemarkError UNENCODABLE, TypeError for undefined, which means absent.
   */
  async set(key: Key, value: unknown, options?: SetOptions & ConditionOptions & W): Promise<WriteResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'set')
    const storeKey = userKey(key)
    const write = toSetWrite(this.#back.codec, this.#clock, storeKey, value, options)
    return writeResult(await this.#write(storeKey, [write], options))
  }

  /** Writes all of them in one commit, or none. */
  async setMany(items: Iterable<Item>, options?: W): Promise<WriteResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'setMany')
    const writes = itemWrites(this.#back.codec, this.#clock, items)
    return writeResult(await this.#back.commit({ reads: [], decide: () => writes }, options))
  }

  /** @throws ConflictError under `ifVersion`. */
  async delete(key: Key, options?: ConditionOptions & W): Promise<DeleteResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'delete')
    const storeKey = userKey(key)
    const commit = await this.#write(storeKey, [{ op: 'delete', key: storeKey }], options)
    return { deleted: commit.changes.length > 0, ...writeResult(commit) }
  }

  /** Deletes all of them in one commit. */
  async deleteMany(keys: KeyList, options?: W): Promise<DeleteManyResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'deleteMany')
    const storeKeys = userKeys('the keys of deleteMany', keys)
    const writes = storeKeys.map((key): Write => ({ op: 'delete', key }))
    const commit = await this.#back.commit({ reads: [], decide: () => writes }, options)
    const deleted = new KeyMap<boolean>()
    for (const key of storeKeys) deleted.set(key.tuple, false)
    for (const change of commit.changes) deleted.set(change.key.tuple, true)
    return { deleted, ...writeResult(commit) }
  }

  /**
   * Replaces the value by `fn` of it, atomically across all processes. `fn` gets a copy of its own, which it may change
   * and return, or undefined when the key is absent; returning undefined deletes. It runs once per commit attempt, inside
   * the write transaction: it must be synchronous and quick; for anything else use {@link transaction}. When it throws,
   * nothing is written, and the promise rejects with that error. Without options the entry keeps its expiry and meta.
   */
  async update<T = unknown>(
    key: Key,
    fn: (old: T | undefined) => T | undefined,
    options?: SetOptions & ConditionOptions & W,
  ): Promise<UpdateResult<T>> {
    return this.#update('update', key, undefined, fn as (old: unknown) => unknown, options) as Promise<UpdateResult<T>>
  }

  /** Puts `value` at `path`; containers that are absent on the way are made. The change names the path. */
  async setIn(key: Key, path: Path, value: unknown, options?: SetOptions & ConditionOptions & W): Promise<WriteResult> {
    const steps = checkPath(path)
    // Encoded now: what the caller does to the value afterwards is not stored.
    const payload = value === undefined ? undefined : Payload.encode(this.#back.codec, value)
    return this.#update('setIn', key, steps, (root) => withValueAt(root, steps, payload?.decode()), options)
  }

  /**
   * Replaces what lies at `path` by `fn` of it, as {@link update} does for the whole. `old` and `new` are those of the path.
   */
  async updateIn<T = unknown>(
    key: Key,
    path: Path,
    fn: (old: T | undefined) => T,
    options?: SetOptions & ConditionOptions & W,
  ): Promise<UpdateResult<T>> {
    const steps = checkPath(path)
    const at = (root: unknown): T | undefined => valueAt(root, steps) as T | undefined
    const replace = (root: unknown): unknown => withValueAt(root, steps, refusePromise(fn(at(root))))
    const updated = await this.#update('updateIn', key, steps, replace, options)
    return { ...updated, old: at(updated.old), new: at(updated.new) }
  }

  /**
   * Runs `fn` and commits everything it wrote at once, if nothing that it read has changed meanwhile; otherwise runs it
   * again. `fn` may be asynchronous and must have no effects outside of `tx`.
   * @throws ConflictError after the last attempt, WRONG_TYPE when what it appended to is no log, and what `fn` throws; nothing
   * is written then.
   */
  async transaction<T>(
    fn: (tx: Transaction) => Promise<T> | T,
    options?: TransactionOptions & W,
  ): Promise<{ readonly value: T } & WriteResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'transaction')
    const { value, commit } = await runTransaction({ ...this.#parts, logs: this.#parts }, fn, options)
    return { value, ...writeResult(commit) }
  }

  /**
   * The keys of a prefix or range in key order. Reads the back tier in pages, each as of one moment, the whole not: a key that
   * exists throughout is seen once.
   */
  keys(options?: ListOptions): AsyncIterableIterator<KeyTuple> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'keys')
    return listKeys({ back: this.#back, visibility: this.#visibility }, options)
  }

  /** As {@link keys}, with the values; a log or a blob is among them by its `type`, with undefined for a value. */
  entries<T = unknown>(options?: ListOptions): AsyncIterableIterator<StoreEntry<T>> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'entries')
    return listEntries<T, R>({ back: this.#back, visibility: this.#visibility }, options)
  }

  /**
   * Deletes what exists now under a prefix, or everything, as logged deletes. What is written meanwhile survives. Not one
   * commit: readers may see part of it.
   */
  async clear(options?: ClearOptions & W): Promise<{ readonly deleted: number }> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'clear')
    return clearRange(this.#back, this.#visibility, options)
  }

  /**
   * Makes every entry that carries one of these tags absent, in one commit, which is one change per tag in the log. What
   * was computed before it stays absent, wherever and for how long it is kept; what is written with the tag afterwards is
   * not affected. Costs the same whatever carries the tag.
   * @throws TypeError or RangeError for what cannot be a tag.
   */
  async invalidateTag(tags: string | readonly string[], options?: W): Promise<WriteResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'invalidateTag')
    const checked = checkTagNames(typeof tags === 'string' ? [tags] : tags)
    const writes = checked.map((tag) => invalidation(this.#back.codec, tag))
    return writeResult(await this.#back.commit({ reads: [], decide: () => writes }, options))
  }

  /**
   * The append log at a key; nothing is read or written yet. Begun by the first append.
   */
  log<T = unknown>(key: Key): AppendLog<T, R, W> {
    this.#assertOpen()
    return new AppendLog<T, R, W>(this.#parts, userKey(key))
  }

  /** The blob at a key; nothing is read or written yet. */
  blob(key: Key): StoredBlob<R, W> {
    this.#assertOpen()
    return new StoredBlob<R, W>(this.#parts, userKey(key))
  }

  /**
   * Deletes what was written last before a time and is not to be kept, in batches, and says what that was; what is written
   * meanwhile stays. Removes what logs and blobs that are gone have left behind, as after a crash; given no time, only that.
   * @throws TypeError or RangeError for wrong options; what `keep` or `onDeleted` throws; the reason of `signal`
   */
  async sweep(options?: SweepOptions & W): Promise<SweepResult> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, 'sweep')
    return sweep(this.#parts, options)
  }

  /** The calls without promises; undefined where the tiers cannot do that: it takes a round trip. */
  get sync(): SyncStore | undefined {
    const { sync, codec } = this.#back
    if (sync === undefined) return undefined
    this.#sync ??= new SyncStore({ ...this.#parts, back: sync, codec })
    return this.#sync
  }

  /**
   * Stores anew what the codec would write in another way today, the log included: after a change of the encryption key, the
   * compression or the serializer. Every process has to have the new codec by then. Nothing that anybody sees changes. Reads
   * everything there is; when it is interrupted, call it again.
   */
  async rewrite(options?: RewriteOptions): Promise<RewriteResult> {
    this.#assertOpen()
    return rewriteAll(this.#back, options)
  }

  /** Lets commits under way finish and releases everything; the write of a blob ends with CLOSED. Idempotent. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close())
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** The back tier closes in this turn, unless there are leases of loads or blobs under way, which others would wait for. */
  #close(): Promise<void> {
    const collected = this.#parts.collector.close()
    const isIdle = this.#loads.isIdle && this.#parts.writings.size === 0
    const closed = isIdle ? this.#back.close() : this.#endLeases().then(() => this.#back.close())
    return Promise.all([closed, collected]).then(() => undefined)
  }

  async #endLeases(): Promise<void> {
    await Promise.all([this.#loads.close(), ...Array.from(this.#parts.writings, (writing) => writing.abandon())])
  }

  async #see(key: StoreKey, options: R | undefined): Promise<Entry | undefined> {
    return this.#visibility.seeFound(key, await this.#back.readOne(key, options), options)
  }

  #write(key: StoreKey, writes: readonly Write[], options: (ConditionOptions & W) | undefined): Promise<Commit> {
    const expected = options?.ifVersion
    if (expected === undefined) return this.#back.commit({ reads: [], decide: () => writes }, options)
    return commitSeen(this.#back, this.#clock, conditional(key, expected, writes), options)
  }

  async #update(
    method: StoreMethod,
    key: Key,
    path: Path | undefined,
    fn: (old: unknown) => unknown,
    options: (SetOptions & ConditionOptions & W) | undefined,
  ): Promise<UpdateResult<unknown>> {
    this.#assertOpen()
    if (options !== undefined) refuseUnknown(options, this.#names, method)
    const { codec } = this.#back
    const update = updating({ key: userKey(key), path, fn, options, codec, clock: this.#clock })
    return update.result(await commitSeen(this.#back, this.#clock, update.proposal, options))
  }

  #assertOpen(): void {
    if (this.#closing !== undefined) throw new ClosedError()
  }
}

function toConsole(error: unknown): void {
  console.error('tidemark: a load in the background failed:', error)
}

function leftBehind(error: unknown): void {
  console.error('tidemark: what a log or a blob has left behind was not removed, sweep() does it again:', error)
}
