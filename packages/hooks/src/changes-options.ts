import { assertKnown, flag, oneOf, port, wholeAtLeast } from '@tidemark/core'
import type { ChangeFilter } from './change-filter.ts'

export interface ChangesOptions extends ChangeFilter {
  /** The token of the last batch that was dealt with. Wins over `from`; undefined: there is none yet. */
  readonly after?: string | undefined
  /**
   * Where to begin without a token. `start`: with the first change ever; a CompactedError when it is gone, since a stream
   * that silently began later would have lost something. `now`: with what is committed after the first `next()` read the
   * head of the log, as `writes$` does.
   * @default 'now'
   */
  readonly from?: 'start' | 'now' | undefined
  /** How many changes of the log to read at a time, before filtering. Commits are never split. @default 500 */
  readonly batch?: number | undefined
  /**
   * Also yields batches without changes: one at the beginning, which says where the stream starts, and one for each page
   * of which nothing was wanted, so that the token of a filtered subscriber moves on (and survives compaction).
   * @default false
   */
  readonly bookmarks?: boolean | undefined
  /** Ends the stream when it aborts. */
  readonly signal?: AbortSignal | undefined
}

export interface ResolvedOptions extends ChangeFilter {
  readonly after: string | undefined
  readonly from: 'start' | 'now'
  readonly batch: number
  readonly bookmarks: boolean
  readonly signal: AbortSignal | undefined
}

const NAMES: readonly string[] = ['after', 'from', 'prefix', 'ops', 'batch', 'bookmarks', 'signal']

/** @throws TypeError or RangeError naming the option and what is allowed. */
export function resolveOptions(options: ChangesOptions): ResolvedOptions {
  assertKnown(options, NAMES, 'changes')
  const { after, from = 'now', prefix, ops, batch = 500, bookmarks = false, signal } = options
  if (after !== undefined && typeof after !== 'string')
    throw new TypeError('option after must be a token, or undefined')
  oneOf('option from', from, ['start', 'now'])
  wholeAtLeast('option batch', batch, 1)
  flag('option bookmarks', bookmarks)
  if (signal !== undefined) port<AbortSignal>('option signal', signal, ['addEventListener', 'removeEventListener'])
  return Object.freeze({ after, from, prefix, ops, batch, bookmarks, signal })
}
