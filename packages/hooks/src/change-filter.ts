import { type ChangeOp, inRange, type Key, type LogChange, prefixRange } from '@tidemark/core'

/** Which changes a subscriber wants. */
export interface ChangeFilter {
  /** Only keys whose first parts are these. @default every key */
  readonly prefix?: Key | readonly [] | undefined
  /** @default every op */
  readonly ops?: readonly ChangeOp[] | undefined
}

const OPS: readonly string[] = ['set', 'delete', 'expire'] satisfies ChangeOp[]

/**
 * Compiles a filter; undefined when it lets everything through. Later changes to the options do not reach it.
 *
 * @throws TypeError for an op that does not exist, an empty list of ops, or an impossible prefix.
 */
export function compileFilter(filter: ChangeFilter): ((change: LogChange) => boolean) | undefined {
  const { prefix, ops } = filter
  const wanted = ops && opsOf(ops)
  const range = prefix === undefined ? undefined : prefixRange(prefix)
  if (range === undefined) return wanted && ((change) => wanted.has(change.op))
  return (change) => (wanted === undefined || wanted.has(change.op)) && inRange(range, change.key.bytes)
}

function opsOf(ops: readonly ChangeOp[]): ReadonlySet<string> {
  if (!Array.isArray(ops) || ops.length === 0) throw new TypeError(`ops must list at least one of ${OPS.join(', ')}`)
  const unknown = ops.find((op) => !OPS.includes(op))
  if (unknown !== undefined) throw new TypeError(`unknown op ${String(unknown)} in ops; allowed: ${OPS.join(', ')}`)
  return new Set(ops)
}
