import { prefixRange, StoreKey } from '@tidemark/core'
import type { ChangeFilter } from '../change-filter.ts'

/**
 * What decides which changes a consumer is handed, and how often. A lane goes from member to member with one place in
 * the log: what one of them does not want, none gets.
 */
export interface Delivery {
  /** The encoded prefix; empty: every key. */
  readonly prefix: Uint8Array
  /** In alphabetical order; undefined: every one. */
  readonly ops?: readonly string[] | undefined
  readonly transaction: boolean
}

export function deliveryOf({ prefix = [], ops }: ChangeFilter, transaction: boolean): Delivery {
  return {
    prefix: prefixRange(prefix).start,
    ...(ops && { ops: [...new Set(ops)].toSorted() }),
    transaction,
  }
}

/** What is different, as one would write it in options. */
export interface Difference {
  readonly registered: string
  readonly asked: string
}

export function differencesOf(registered: Delivery, asked: Delivery): readonly Difference[] {
  const wanted = written(asked)
  return written(registered)
    .map((option, i) => ({ registered: option, asked: wanted[i]! }))
    .filter((option) => option.registered !== option.asked)
}

function written({ prefix, ops, transaction }: Delivery): readonly string[] {
  return [
    prefix.length === 0 ? 'no prefix' : `prefix: ${StoreKey.fromBytes(prefix).id}`,
    ops === undefined ? 'no ops' : `ops: ${ops.join(' and ')}`,
    `transaction: ${transaction}`,
  ]
}
