import { Payload } from '../codec/payload.ts'
import { type KeyList, userKeys } from '../keys/key-list.ts'
import { KeyMap, type ReadonlyKeyMap } from '../keys/key-map.ts'
import type { Key, KeyTuple } from '../keys/key.ts'
import { userKey, userRanges } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { assertKnown } from '../options/checks.ts'
import type { Commit, Proposal, Write } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import type { Path } from '../ports/log.ts'
import { SyncBlob } from './blobs/sync-blob.ts'
import { conditional, refusePromise, updating } from './decisions.ts'
import { readValue, type StoreEntry, toListedEntry, toStoreEntry } from './entry-view.ts'
import { FoundValues } from './found-values.ts'
import { itemWrites } from './items.ts'
import { SyncAppendLog } from './logs/sync-append-log.ts'
import type { SyncPartStore } from './parts/sync-part-store.ts'
import { LIST_OPTIONS, type Listing, type ListOptions, resolveListing } from './listing.ts'
import { checkPath, type GetOptions, valueAt, withValueAt } from './path.ts'
import {
  type DeleteManyResult,
  type DeleteResult,
  type UpdateResult,
  type WriteResult,
  writeResult,
} from './results.ts'
import { commitSeenNow } from './seen-commit.ts'
import { epochsOf, tagKey } from './tags.ts'
import { seenWith, tagsOf } from './visibility.ts'
import {
  CONDITION_OPTIONS,
  type ConditionOptions,
  type Item,
  SET_OPTIONS,
  type SetOptions,
  toSetWrite,
} from './write-options.ts'

const WRITE_OPTIONS: readonly string[] = [...SET_OPTIONS, ...CONDITION_OPTIONS]
const PAGE = 512

/** Of calls that have no options here: one that is given would do nothing. */
type NoOptions = Readonly<Record<string, never>>
const NONE: readonly string[] = []

export type SyncStoreParts = Omit<SyncPartStore, 'see'>

/**
 * The calls of a store without promises, where the back tier is in the process. Each does what its namesake does, and
 * blocks the thread until it is done: a write is durable on return, and a read asks the back tier, whatever fronts hold.
 * Before a write, those are committed that were asked for earlier and not awaited; a read shows what is committed, and not
 * them. For scripts, start-up and tests; a server is better off with the others, many of which share one sync of the disk.
 *
 * Not here: `transaction`, `getOrSet`, `clear`, `sweep`, `invalidateTag`, which wait for others, or take many commits.
 *
 * Throws what the promises of its namesakes reject with; a write inside of an update function or a commit listener is a
 * TypeError.
 */
export class SyncStore {
  readonly #parts: SyncPartStore

  constructor(parts: SyncStoreParts) {
    this.#parts = { ...parts, see: (key) => this.#seeAt(key) }
  }

  get<T = unknown>(key: Key, options: GetOptions = {}): T | undefined {
    assertKnown(options, ['default'], 'get')
    const entry = this.#see(key)
    return (entry === undefined ? options.default : readValue(entry)) as T | undefined
  }

  entry<T = unknown>(key: Key, options?: NoOptions): StoreEntry<T> | undefined {
    this.#check(options, 'entry', NONE)
    const entry = this.#see(key)
    return entry && toStoreEntry<T>(entry)
  }

  has(key: Key, options?: NoOptions): boolean {
    this.#check(options, 'has', NONE)
    return this.#see(key) !== undefined
  }

  getMany<T = unknown>(keys: KeyList, options?: NoOptions): ReadonlyKeyMap<T> {
    this.#check(options, 'getMany', NONE)
    const entries = new KeyMap<Entry>()
    for (const entry of this.#read(userKeys('the keys of getMany', keys))) {
      if (entry !== undefined) entries.set(entry.key.tuple, entry)
    }
    return new FoundValues(entries)
  }

  getIn<T = unknown>(key: Key, path: Path, options: GetOptions = {}): T | undefined {
    assertKnown(options, ['default'], 'getIn')
    const steps = checkPath(path)
    const entry = this.#see(key)
    const found = valueAt(entry && readValue(entry), steps)
    return (found === undefined ? options.default : found) as T | undefined
  }

  set(key: Key, value: unknown, options?: SetOptions & ConditionOptions): WriteResult {
    this.#check(options, 'set')
    const { codec, clock } = this.#parts
    const storeKey = userKey(key)
    return writeResult(this.#write(storeKey, [toSetWrite(codec, clock, storeKey, value, options)], options))
  }

  setMany(items: Iterable<Item>, options?: NoOptions): WriteResult {
    this.#check(options, 'setMany', NONE)
    const { codec, clock } = this.#parts
    return writeResult(this.#commit(blind(itemWrites(codec, clock, items))))
  }

  delete(key: Key, options?: ConditionOptions): DeleteResult {
    this.#check(options, 'delete', CONDITION_OPTIONS)
    const storeKey = userKey(key)
    const commit = this.#write(storeKey, [{ op: 'delete', key: storeKey }], options)
    return { deleted: commit.changes.length > 0, ...writeResult(commit) }
  }

  deleteMany(keys: KeyList, options?: NoOptions): DeleteManyResult {
    this.#check(options, 'deleteMany', NONE)
    const storeKeys = userKeys('the keys of deleteMany', keys)
    const commit = this.#commit(blind(storeKeys.map((key) => ({ op: 'delete', key }))))
    const deleted = new KeyMap<boolean>()
    for (const key of storeKeys) deleted.set(key.tuple, false)
    for (const change of commit.changes) deleted.set(change.key.tuple, true)
    return { deleted, ...writeResult(commit) }
  }

  update<T = unknown>(
    key: Key,
    fn: (old: T | undefined) => T | undefined,
    options?: SetOptions & ConditionOptions,
  ): UpdateResult<T> {
    this.#check(options, 'update')
    return this.#update(key, undefined, fn as (old: unknown) => unknown, options) as UpdateResult<T>
  }

  setIn(key: Key, path: Path, value: unknown, options?: SetOptions & ConditionOptions): WriteResult {
    this.#check(options, 'setIn')
    const steps = checkPath(path)
    const payload = value === undefined ? undefined : Payload.encode(this.#parts.codec, value)
    return this.#update(key, steps, (root) => withValueAt(root, steps, payload?.decode()), options)
  }

  updateIn<T = unknown>(
    key: Key,
    path: Path,
    fn: (old: T | undefined) => T,
    options?: SetOptions & ConditionOptions,
  ): UpdateResult<T> {
    this.#check(options, 'updateIn')
    const steps = checkPath(path)
    const at = (root: unknown): T | undefined => valueAt(root, steps) as T | undefined
    const replace = (root: unknown): unknown => withValueAt(root, steps, refusePromise(fn(at(root))))
    const updated = this.#update(key, steps, replace, options)
    return { ...updated, old: at(updated.old), new: at(updated.new) }
  }

  /** @throws TypeError or RangeError, at once, for wrong options */
  keys(options: ListOptions = {}): IterableIterator<KeyTuple> {
    this.#check(options, 'keys', LIST_OPTIONS)
    return eachOf(this.#list(resolveListing(options)), (entry) => entry.key.tuple)
  }

  /** As {@link keys}, with the values. */
  entries<T = unknown>(options: ListOptions = {}): IterableIterator<StoreEntry<T>> {
    this.#check(options, 'entries', LIST_OPTIONS)
    return eachOf(this.#list(resolveListing(options)), (entry) => toListedEntry<T>(entry))
  }

  /** The append log at a key; nothing is read or written yet. */
  log<T = unknown>(key: Key): SyncAppendLog<T> {
    this.#parts.assertOpen()
    return new SyncAppendLog<T>(this.#parts, userKey(key))
  }

  /** The blob at a key; nothing is read or written yet. */
  blob(key: Key): SyncBlob {
    this.#parts.assertOpen()
    return new SyncBlob(this.#parts, userKey(key))
  }

  *#list({ range, reverse, limit }: Listing): IterableIterator<Entry> {
    const ranges = userRanges(range)
    let left = limit
    for (const part of reverse ? ranges.toReversed() : ranges) {
      let after: StoreKey | undefined
      let isMore = true
      while (isMore && left > 0) {
        this.#parts.assertOpen()
        const size = Math.min(PAGE, left)
        const { entries, isLast } = this.#parts.back.scan(part, { after, limit: size, reverse })
        for (const entry of this.#seeAll(entries)) {
          if (entry === undefined) continue
          left -= 1
          yield entry
        }
        isMore = !isLast
        after = entries.at(-1)?.key
      }
    }
  }

  #see(key: Key): Entry | undefined {
    return this.#seeAt(userKey(key))
  }

  #seeAt(key: StoreKey): Entry | undefined {
    this.#parts.assertOpen()
    return this.#read([key])[0]
  }

  /** As readers see them, all as of one moment: with their tags, where they have some, as another process may write in between. */
  #read(keys: readonly StoreKey[]): readonly (Entry | undefined)[] {
    const { back, clock } = this.#parts
    const tags = new Set<string>()
    for (;;) {
      const asked = [...tags]
      const answers = back.read([...keys, ...asked.map(tagKey)])
      const entries = answers.slice(0, keys.length).map(({ entry }) => entry)
      for (const entry of entries) if (entry?.meta !== undefined) for (const tag of tagsOf(entry)) tags.add(tag)
      if (tags.size > asked.length) continue
      if (entries.every((entry) => entry?.meta === undefined)) return entries
      const epochs = epochsOf(asked, answers.slice(keys.length))
      const now = clock.now()
      return entries.map((entry) => seenWith(entry, epochs, now))
    }
  }

  /** As readers see them. */
  #seeAll(entries: readonly (Entry | undefined)[]): readonly (Entry | undefined)[] {
    if (entries.every((entry) => entry?.meta === undefined)) return entries
    const { back, clock } = this.#parts
    const tags = [...new Set(entries.flatMap((entry) => (entry === undefined ? [] : tagsOf(entry))))]
    const epochs = epochsOf(tags, tags.length === 0 ? [] : back.read(tags.map(tagKey)))
    const now = clock.now()
    return entries.map((entry) => seenWith(entry, epochs, now))
  }

  #update(
    key: Key,
    path: Path | undefined,
    fn: (old: unknown) => unknown,
    options: (SetOptions & ConditionOptions) | undefined,
  ): UpdateResult<unknown> {
    const { codec, clock } = this.#parts
    const update = updating({ key: userKey(key), path, fn, options, codec, clock })
    return update.result(this.#commit(update.proposal))
  }

  #write(key: StoreKey, writes: readonly Write[], options: ConditionOptions | undefined): Commit {
    const expected = options?.ifVersion
    return this.#commit(expected === undefined ? blind(writes) : conditional(key, expected, writes))
  }

  #commit(proposal: Proposal): Commit {
    const { back, clock } = this.#parts
    return proposal.reads.length === 0 ? back.commit(proposal) : commitSeenNow(back, clock, proposal)
  }

  #check(options: object | undefined, method: string, known: readonly string[] = WRITE_OPTIONS): void {
    this.#parts.assertOpen()
    if (options !== undefined) assertKnown(options, known, method)
  }
}

function* eachOf<T>(entries: Iterable<Entry>, view: (entry: Entry) => T): IterableIterator<T> {
  for (const entry of entries) yield view(entry)
}

function blind(writes: readonly Write[]): Proposal {
  return { reads: [], decide: () => writes }
}
