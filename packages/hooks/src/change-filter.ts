import { inRange, type Key, type LogChange, prefixRange, subjectOf, tagOfKey } from '@tidemark/core'
import { CHANGE_KINDS, type ChangeKind, kindOf } from './change-kind.ts'

/** Which changes a subscriber wants. */
export interface ChangeFilter {
  /**
   * Only keys whose first parts are these; of the invalidations of tags, which have no key, none, unless the stream may
   * show a snapshot, whose entries they concern.
   * @default every change
   */
  readonly prefix?: Key | readonly [] | undefined
  /** @default every op */
  readonly ops?: readonly ChangeKind[] | undefined
}

/** Whether a row of the log is wanted. */
export type RowFilter = (row: LogChange) => boolean

/**
 * Compiles a filter, which lets nothing through that nobody is shown. Later changes to the options do not reach it.
 *
 * @param tags what a prefix does with the invalidation of a tag
 * @throws TypeError for an op that does not exist, an empty list of ops, or an impossible prefix.
 */
export function compileFilter(filter: ChangeFilter, tags: 'all' | 'none' = 'none'): RowFilter {
  const { prefix, ops } = filter
  const wanted = ops && opsOf(ops)
  const range = prefix === undefined || isEmpty(prefix) ? undefined : prefixRange(prefix)
  const isOfKind = (change: LogChange): boolean => {
    const kind = kindOf(change)
    return kind !== undefined && (wanted === undefined || wanted.has(kind))
  }
  if (range === undefined) return isOfKind
  return (change) =>
    isOfKind(change) &&
    (tagOfKey(change.key) === undefined ? inRange(range, subjectOf(change.key).bytes) : tags === 'all')
}

function isEmpty(prefix: Key | readonly []): boolean {
  return Array.isArray(prefix) && prefix.length === 0
}

function opsOf(ops: readonly ChangeKind[]): ReadonlySet<string> {
  if (!Array.isArray(ops) || ops.length === 0)
    throw new TypeError(`ops must list at least one of ${CHANGE_KINDS.join(', ')}`)
  const unknown = ops.find((op) => !CHANGE_KINDS.includes(op))
  if (unknown !== undefined)
    throw new TypeError(`unknown op ${String(unknown)} in ops; allowed: ${CHANGE_KINDS.join(', ')}`)
  return new Set(ops)
}
