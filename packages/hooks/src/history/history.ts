import { assertKnown, type Key, type Log, port, userKey, wholeAtLeast } from '@tidemark/core'
import type { Change } from '../change.ts'
import { kindOf } from '../change-kind.ts'
import { toChanges } from '../logged-change.ts'
import { Stoppable } from '../stoppable.ts'

/** So many changes are looked for at a time. */
const PAGE = 100

export interface HistoryOptions {
  /** At most this many changes. @default all that the log holds */
  readonly limit?: number | undefined
  /** Only changes before this one. @default every change */
  readonly before?: number | undefined
  /** Ends the iteration when it aborts, a search under way included. */
  readonly signal?: AbortSignal | undefined
}

/**
 * What happened to one key, newest first, as far back as the log goes: when the last change that comes has a
 * `prevVersion`, and no limit was reached, what it replaced was compacted away.
 *
 * There is no index of keys, which every write would pay for: what lies between two lives of a key is searched.
 * @throws TypeError, RangeError at once for wrong options, or for what cannot be a key
 */
export function history<T = unknown>(log: Log, key: Key, options: HistoryOptions = {}): AsyncIterable<Change<T>> {
  assertKnown(options, ['limit', 'before', 'signal'], 'history')
  const { limit = Infinity, before, signal } = options
  if (limit !== Infinity) wholeAtLeast('option limit', limit, 1)
  if (before !== undefined) wholeAtLeast('option before', before, 1)
  if (signal !== undefined) port<AbortSignal>('option signal', signal, ['addEventListener', 'removeEventListener'])
  const storeKey = userKey(key)
  async function* pages(stop: AbortSignal): AsyncGenerator<Change<T>, undefined> {
    let left = limit
    let next = before
    while (left > 0) {
      const page = { before: next, limit: Math.min(left, PAGE), signal: stop }
      const { changes, end } = await log.changesOf(storeKey, page)
      yield* toChanges<T>(changes.filter((row) => kindOf(row) !== undefined))
      if (end !== 'limit') return
      left -= changes.length
      next = changes.at(-1)!.seq
    }
  }
  return { [Symbol.asyncIterator]: () => new Stoppable(pages, signal) }
}
