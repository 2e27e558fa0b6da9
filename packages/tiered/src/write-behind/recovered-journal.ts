import { type Lease, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import type { DeadLetterOffice } from './dead-letters.ts'
import type { FlushPart } from './target.ts'

/** The journal of somebody who is gone, in the hands of who flushes it. */
export interface RecoveredJournal {
  readonly owner: string
  readonly lease: Lease
  /** The marks that what is flushed consists of: all of them go. */
  readonly used: readonly StoreKey[]
  /** Whether nothing else of the journal is to be flushed after this. */
  readonly isLast: boolean
}

/**
 * What a commit writes that flushes a part of such a journal: the journal holds what is left, and the last part removes it. Once a
 * part is flushed, the journal is marked: its owner, if it was only slow, leaves it to others.
 */
export function settleRecovered<D extends Dirty>(
  { keys, format, back }: DeadLetterOffice<D>,
  { owner, used, isLast }: RecoveredJournal,
  { left, to }: FlushPart<D>,
): readonly MarkWrite[] {
  const removals = used.map((key) => ({ key, value: undefined }))
  if (isLast && left.length === 0) return [{ key: keys.owner(owner), value: undefined }, ...removals]
  const begun = { key: keys.owner(owner), value: Payload.encode(back.codec, { v: 1, isRecovered: true }) }
  if (left.length === 0) return [begun, ...removals]
  return [begun, ...removals, { key: keys.row(owner, to), value: Payload.encode(back.codec, format.encode(left)) }]
}
