import {
  assertKnown,
  type Clock,
  clockOption,
  type Key,
  type KeyRange,
  flag,
  oneOf,
  port,
  prefixRange,
  wholeAtLeast,
} from '@tidemark/core'
import { type ChangeFilter, compileFilter, type RowFilter } from './change-filter.ts'
import type { SnapshotSource } from './streams/snapshot.ts'

/** What every stream along the log can be told. */
interface StreamOptions {
  /**
   * How many changes of the log, or entries of a snapshot, to read at a time, before filtering. Commits are never split.
   * @default 500
   */
  readonly batch?: number | undefined
  /**
   * Also yields batches without changes: one at the beginning, which says where the stream starts, and one for each page
   * of which nothing was wanted, so that the token of a filtered subscriber moves on (and survives compaction).
   * @default false
   */
  readonly bookmarks?: boolean | undefined
  /**
   * Also gives each change the value that it replaced, as `old`, where the log still holds it. Costs a look at the log for
   * each page.
   * @default false
   */
  readonly old?: boolean | undefined
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal | undefined
}

interface PlaceOptions {
  /** The token of the last batch that was dealt with. Wins over `from`; undefined: there is none yet. */
  readonly after?: string | undefined
  /**
   * Where to begin without a token. `start`: with the first change ever; a CompactedError when it is gone, since a stream
   * that silently began later would have lost something. `now`: with what is committed after the first `next()` read the
   * head of the log, as `writes$` does. A date: with the first change that was committed then or later, by the wall clock
   * of its writer; a CompactedError when that may be gone. One that is still to come is waited for, and nothing is shown
   * before, no bookmark either.
   * @default 'now'
   */
  readonly from?: 'start' | 'now' | Date | undefined
}

export interface ChangesOptions extends StreamOptions, PlaceOptions, ChangeFilter {
  /**
   * What to do when the log no longer holds what comes next, at the beginning or, for a subscriber that fell behind, later
   * on. `error`: a CompactedError ends the stream. `latest`: it goes on with what is committed from then on, and a batch
   * says what was `skipped`. `snapshot`: see {@link SnapshotChangesOptions}.
   * @default 'error'
   */
  readonly onCompacted?: 'error' | 'latest' | undefined
}

/**
 * A stream that shows a snapshot where the log no longer holds what comes next: a `restart` step, the steps of the
 * snapshot, and then batches of changes again.
 */
export interface SnapshotChangesOptions extends StreamOptions, PlaceOptions, ChangeFilter {
  readonly onCompacted: 'snapshot'
  /** Whose log it is. */
  readonly back: SnapshotSource
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/** What `follow` can be told. */
export interface FollowOptions extends StreamOptions {
  /** Only keys whose first parts are these, and every invalidation of a tag. @default everything */
  readonly prefix?: Key | readonly [] | undefined
  /** The token of the last step that was dealt with: goes on from there, without a snapshot. */
  readonly after?: string | undefined
  /**
   * What to do when the log no longer holds what comes next. `snapshot`: a `restart` step, and everything from the
   * beginning. `error`: a CompactedError ends the stream.
   * @default 'snapshot'
   */
  readonly onCompacted?: 'snapshot' | 'error' | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

/** Options of one of the three, checked, with every default. */
export interface ResolvedOptions {
  readonly after: string | undefined
  /** A number: wall-clock milliseconds. */
  readonly from: 'start' | 'now' | 'snapshot' | number
  readonly batch: number
  readonly bookmarks: boolean
  readonly old: boolean
  readonly onCompacted: 'error' | 'latest' | 'snapshot'
  readonly signal: AbortSignal | undefined
  readonly isWanted: RowFilter
  /** Of a snapshot. */
  readonly range: KeyRange
  readonly clock: Clock
}

const NAMES: readonly string[] = [
  'after',
  'from',
  'prefix',
  'ops',
  'batch',
  'bookmarks',
  'old',
  'onCompacted',
  'signal',
]
const SNAPSHOT_NAMES: readonly string[] = [...NAMES, 'back', 'clock']
const FOLLOW_NAMES: readonly string[] = [
  'after',
  'prefix',
  'batch',
  'bookmarks',
  'old',
  'onCompacted',
  'clock',
  'signal',
]

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveChangesOptions(options: ChangesOptions | SnapshotChangesOptions): ResolvedOptions {
  const isSnapshot = options.onCompacted === 'snapshot'
  assertKnown(options, isSnapshot ? SNAPSHOT_NAMES : NAMES, 'changes')
  if (isSnapshot) port<SnapshotSource>('option back, which the snapshot is taken of,', options.back, ['scan', 'read'])
  const { from = 'now', onCompacted = 'error' } = options
  return Object.freeze({
    ...resolve(options, options.onCompacted === 'snapshot' ? options.clock : undefined),
    from: from instanceof Date ? timeOf(from) : oneOf('option from', from, ['start', 'now']),
    onCompacted: oneOf('option onCompacted', onCompacted, ['error', 'snapshot', 'latest']),
    isWanted: compileFilter(options, isSnapshot ? 'all' : 'none'),
  })
}

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveFollowOptions(options: FollowOptions): ResolvedOptions {
  assertKnown(options, FOLLOW_NAMES, 'follow')
  const { onCompacted = 'snapshot' } = options
  return Object.freeze({
    ...resolve(options, options.clock),
    from: 'snapshot',
    onCompacted: oneOf('option onCompacted', onCompacted, ['error', 'snapshot']),
    isWanted: compileFilter({ prefix: options.prefix }, 'all'),
  })
}

function timeOf(from: Date): number {
  const at = from.getTime()
  if (Number.isNaN(at)) throw new RangeError('option from must be a valid date')
  return at
}

function resolve(options: FollowOptions | ChangesOptions | SnapshotChangesOptions, clock: Clock | undefined) {
  const { after, prefix = [], batch = 500, bookmarks = false, old = false, signal } = options
  if (after !== undefined && typeof after !== 'string')
    throw new TypeError('option after must be a token, or undefined')
  wholeAtLeast('option batch', batch, 1)
  flag('option bookmarks', bookmarks)
  flag('option old', old)
  if (signal !== undefined) port<AbortSignal>('option signal', signal, ['addEventListener', 'removeEventListener'])
  return { after, batch, bookmarks, old, signal, range: prefixRange(prefix), clock: clockOption(clock) }
}
