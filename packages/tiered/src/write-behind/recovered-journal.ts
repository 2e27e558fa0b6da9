import { type Lease, type MarkWrite, Payload, type StoreKey } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import type { DeadLetterOffice } from './dead-letters.ts'
import type { HeldBack } from './held-back.ts'
import type { FlushPart } from './target.ts'

/** The journal of somebody who is gone, in the hands of who flushes it. */
export interface RecoveredJournal {
  readonly owner: string
  /** As its owner has noted it. */
  readonly level: unknown
  readonly lease: Lease
  /** The marks that what is flushed consists of: all of them go. */
  readonly used: readonly StoreKey[]
  /** What is set aside of it, as nobody can decode it, when they go. */
  readonly letters: readonly MarkWrite[]
  /** Since when others go on without it; undefined: nobody does. */
  readonly heldBack: HeldBack | undefined
  /** The destination that it is flushed to, and whether it is the last one: then it can go. */
  readonly lane: string
  readonly isLastLane: boolean
  /** Whether nothing else of the journal is to be flushed after this. */
  readonly isLast: boolean
}

/**
 * What a commit writes that flushes a part of such a journal: the journal holds what is left, and the last part removes it. Once a
 * part is flushed, the journal is marked: its owner, if it was only slow, leaves it to others.
 */
export function settleRecovered<D extends Dirty>(
  { keys, format, back }: DeadLetterOffice<D>,
  { owner, level, used, letters, isLast }: RecoveredJournal,
  { left, to, areTogether }: FlushPart<D>,
): readonly MarkWrite[] {
  const removals: readonly MarkWrite[] = [...used.map((key) => ({ key, value: undefined })), ...letters]
  if (isLast && left.length === 0) {
    return [keys.owner(owner), keys.heldBack(owner)]
      .map((key): MarkWrite => ({ key, value: undefined }))
      .concat(removals)
  }
  const begun = [
    ...removals,
    { key: keys.owner(owner), value: Payload.encode(back.codec, { v: 1, level, isRecovered: true }) },
    // Of what lies elsewhere, this much need not be read again.
    { key: keys.flushed(owner), value: Payload.encode(back.codec, { v: 1, to, left: left.length }) },
  ]
  if (left.length === 0) return begun
  return [
    ...begun,
    { key: keys.row(owner, to), value: Payload.fromEnvelope(back.codec, format.encode(left, areTogether)) },
  ]
}
