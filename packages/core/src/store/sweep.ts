import { afterTurn } from '../batching/after-turn.ts'
import { type KeyList, userKeys } from '../keys/key-list.ts'
import { prefixRange } from '../keys/key-range.ts'
import type { Key, KeyTuple } from '../keys/key.ts'
import { userRanges } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import { compareTuples } from '../keys/tuple-order.ts'
import { callback, duration, signalOption, wholeAtLeast } from '../options/checks.ts'
import type { Commit, ReadOptions } from '../ports/back.ts'
import type { Entry } from '../ports/entry.ts'
import { deletion } from './deletion.ts'
import { typeOf } from './entry-notes.ts'
import { type StoreEntry, toListedEntry } from './entry-view.ts'
import { deleteOldLog } from './logs/old-log.ts'
import type { PartStore } from './parts/part-store.ts'

/** What is swept; given no option, only what logs and blobs have left behind. */
export interface SweepOptions {
  /**
   * Entries that were written last before this are deleted; of a log, its last append counts. A Date or wall-clock
   * milliseconds. @default none is
   */
  readonly before?: Date | number | undefined
  /**
   * Which entries stay all the same: a list of their keys (`[['user', 1]]` is one, `['user', 1]` is two), or a function that
   * says so of each old one. @default none
   */
  readonly keep?: KeyList | ((entry: StoreEntry) => boolean) | undefined
  /** Only keys that start with these parts. @default everything */
  readonly prefix?: Key | readonly [] | undefined
  /** How many entries one commit deletes at most. @default 500 */
  readonly batch?: number | undefined
  /**
   * For how many milliseconds parts without a log or blob are left alone: they may be those of one that a sync is copying.
   * @default an hour
   */
  readonly orphanAgeMs?: number | undefined
  /**
   * Gets the keys that a commit has deleted, as soon as it is durable: for who has to know them also when the sweep fails
   * or is ended. What it throws ends the sweep.
   */
  readonly onDeleted?: ((keys: readonly KeyTuple[]) => void) | undefined
  /** Ends it after the commit under way: it rejects with the reason, and what was deleted stays so. */
  readonly signal?: AbortSignal | undefined
}

export const SWEEP_OPTIONS: readonly (keyof SweepOptions)[] = [
  'before',
  'keep',
  'prefix',
  'batch',
  'orphanAgeMs',
  'onDeleted',
  'signal',
]

export interface SweepResult {
  /** In key order. What readers did not see any more, for its tags or its age, is deleted too, and not among them. */
  readonly deleted: readonly KeyTuple[]
  /** How many elements and chunks of logs and blobs that are gone were removed. */
  readonly parts: number
}

const HOUR_MS = 3_600_000

/**
 * Deletes what is old, batch by batch, each as one commit, and each log as one of its own: whatever was written since it was
 * looked at stays. Interrupted, it has deleted some of it, as `onDeleted` was told, and the next one goes on.
 */
export async function sweep<R extends ReadOptions, W extends object>(
  store: PartStore<R, W>,
  options: (SweepOptions & W) | undefined,
): Promise<SweepResult> {
  const { before, prefix = [], batch = 500, orphanAgeMs = HOUR_MS, onDeleted, signal } = options ?? {}
  const isKept = keeper(options?.keep)
  const until = before === undefined ? undefined : timeOf(before)
  wholeAtLeast('option batch', batch, 1)
  duration('option orphanAgeMs', orphanAgeMs)
  if (onDeleted !== undefined) callback('option onDeleted', onDeleted)
  if (signal !== undefined) signalOption(signal)
  signal?.throwIfAborted()
  const deleted: KeyTuple[] = []
  for (const range of until === undefined ? [] : userRanges(prefixRange(prefix))) {
    let after: StoreKey | undefined
    for (let isMore = true; isMore;) {
      store.assertOpen()
      const { entries, isLast } = await store.back.scan(range, { after, limit: batch, reverse: false })
      const old = entries.filter((entry) => entry.writtenAt < until! && !isKept(entry))
      for await (const keys of deleteOld(store, old, until!, options)) {
        deleted.push(...keys)
        if (keys.length > 0) onDeleted?.(keys)
        signal?.throwIfAborted()
      }
      after = entries.at(-1)?.key
      isMore = !isLast
      // A back tier that answers at once would otherwise keep everyone else waiting until the end.
      if (isMore) await new Promise<void>((resolve) => afterTurn(resolve))
      signal?.throwIfAborted()
    }
  }
  await store.collector.idle()
  const now = store.clock.now()
  const isOrphan = (writtenAt: number): boolean => now - writtenAt >= orphanAgeMs
  const parts = await store.collector.collectAll(prefix, isOrphan, signal)
  // What is a log was deleted after its neighbours.
  return { deleted: deleted.toSorted(compareTuples), parts }
}

/** The keys of each commit. */
async function* deleteOld<R extends ReadOptions, W extends object>(
  store: PartStore<R, W>,
  old: readonly Entry[],
  before: number,
  options: W | undefined,
): AsyncGenerator<readonly KeyTuple[], void> {
  if (old.length === 0) return
  const seen = await store.visibility.seeAll(old, { consistency: 'linearizable' } as R)
  const shown = new Set(seen.flatMap((entry) => (entry === undefined ? [] : [entry.key.id])))
  const keysOf = ({ changes }: Commit): readonly KeyTuple[] =>
    changes.filter(({ key }) => shown.has(key.id)).map(({ key }) => key.tuple)
  const logs = old.filter((entry) => typeOf(entry) === 'log')
  const others = old.filter((entry) => typeOf(entry) !== 'log')
  if (others.length > 0) yield keysOf(await store.back.commit(deletion(others), options))
  for (const log of logs) {
    const commit = await deleteOldLog(store, log, before, options)
    if (commit !== undefined) yield keysOf(commit)
  }
}

function keeper(keep: SweepOptions['keep']): (entry: Entry) => boolean {
  if (keep === undefined) return () => false
  if (typeof keep === 'function') {
    const says = callback('option keep', keep)
    return (entry) => {
      const kept: unknown = says(toListedEntry(entry))
      // A promise is true, and would keep everything.
      if (typeof kept !== 'boolean') throw new TypeError(`option keep must return true or false, not ${String(kept)}`)
      return kept
    }
  }
  const ids = new Set(userKeys('the keys of option keep', keep).map(({ id }) => id))
  return ({ key }) => ids.has(key.id)
}

function timeOf(before: Date | number): number {
  const at = before instanceof Date ? before.getTime() : before
  if (typeof at !== 'number' || !Number.isFinite(at)) {
    throw new TypeError(`option before must be a valid Date or milliseconds since 1970, not ${String(before)}`)
  }
  return at
}
