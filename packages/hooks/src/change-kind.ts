import { type ChangeOp, type LogChange, noteOfAbsence, tagOfKey } from '@tidemark/core'

/**
 * What a change did, as subscribers see it: what the log calls it, and `invalidate-tag` for the invalidation of a tag,
 * which is a change of no key. That a loader found nothing at a key, where the store remembers that, is a `delete`.
 */
export type ChangeKind = ChangeOp | 'invalidate-tag'

export const CHANGE_KINDS: readonly string[] = ['set', 'delete', 'expire', 'invalidate-tag'] satisfies ChangeKind[]

export function kindOf({ op, key, meta }: Pick<LogChange, 'op' | 'key' | 'meta'>): ChangeKind {
  if (op !== 'set') return op
  if (tagOfKey(key) !== undefined) return 'invalidate-tag'
  return noteOfAbsence(meta) ? 'delete' : op
}
