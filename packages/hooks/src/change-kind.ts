import { type ChangeOp, type LogChange, noteOfAbsence, partOf, tagOfKey, typeOf } from '@tidemark/core'

/**
 * What a change did, as subscribers see it: what the log calls it, `append` for an element of a log, `blob` for a blob that
 * has become whole, and `invalidate-tag` for the invalidation of a tag, which is a change of no key. That a loader found
 * nothing at a key, where the store remembers that, is a `delete`.
 */
export type ChangeKind = ChangeOp | 'append' | 'blob' | 'invalidate-tag'

export const CHANGE_KINDS: readonly string[] = [
  'set',
  'delete',
  'expire',
  'append',
  'blob',
  'invalidate-tag',
] satisfies ChangeKind[]

/**
 * undefined: nobody is shown it. What logs and blobs are made of is written and removed beside them: of a log, only its
 * elements are told; of a blob, only that it is there.
 */
export function kindOf({ op, key, meta }: Pick<LogChange, 'op' | 'key' | 'meta'>): ChangeKind | undefined {
  const part = partOf(key)
  if (part !== undefined) return op === 'set' && part.kind === 'element' ? 'append' : undefined
  if (op !== 'set') return op
  if (tagOfKey(key) !== undefined) return 'invalidate-tag'
  if (meta === undefined) return op
  const type = typeOf({ meta })
  // The log itself begins with its first element, which stands beside this change.
  if (type !== 'value') return type === 'log' ? undefined : type
  return noteOfAbsence(meta) ? 'delete' : op
}
