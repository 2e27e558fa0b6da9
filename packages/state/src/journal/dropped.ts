import {
  type Back,
  type Clock,
  type Key,
  Payload,
  prefixRange,
  type SetWrite,
  type StoreKey,
  type Write,
} from '@tidemark/core'
import { durably } from '../durably.ts'
import { wallTime } from '../wall-time.ts'
import type { JournalHead } from './journal-head.ts'
import { droppedKey } from './journal-keys.ts'
import type { RecordBehind } from './journal-reader.ts'
import { toPayload } from './record.ts'
import type { WriterLease } from './writer-lease.ts'

/** A record of the journal, or a snapshot, that could not be used, or is not there any more. */
export interface Dropped {
  /** The first transaction in it that was dropped, or the last one in the snapshot. */
  readonly number: number
  readonly what: 'journal' | 'snapshot'
  readonly reason: string
  /** Where it was put: a record as it was, of a snapshot the bytes; undefined: it is where it was, or is not any more. */
  readonly movedTo: Key | undefined
}

export interface PutAsideOptions {
  readonly back: Back
  readonly name: string
  readonly clock: Clock
  readonly writer: WriterLease
  readonly head: JournalHead
}

/**
 * Moves records from where the next ones will be written: they must not be taken for a part of what follows, and can still
 * be looked into. The last one first: what a crash leaves is damaged at the same place.
 * @param last the number of the last transaction before them
 */
export async function putAside(
  options: PutAsideOptions,
  records: readonly RecordBehind[],
  { last, reason }: { readonly last: number; readonly reason: string },
): Promise<readonly Dropped[]> {
  const { back, name, writer, head } = options
  const at = await timeOfDropping(options)
  const dropped: Dropped[] = []
  for (const { entry, kept } of records.toReversed()) {
    const { key, payload } = entry
    const to = droppedKey(name, at, key.tuple.at(-1) as number)
    const writes: readonly Write[] = [
      setOf(to, movable(payload, back)),
      kept.length === 0 ? { op: 'delete', key } : setOf(key, toPayload(back.codec, kept)),
    ]
    // With the first one already, whoever has written before knows nothing of this journal any more.
    const marks = [head.write(last)]
    const decide = (): readonly Write[] => writes
    await writer.use((lease) => back.commit({ reads: [], lease, keepLease: true, decide, marks }, durably(back)))
    head.written()
    const number = kept.length === 0 ? (key.tuple.at(-1) as number) : last + 1
    const why = dropped.length === records.length - 1 ? reason : 'it follows what cannot be used'
    dropped.unshift({ number, what: 'journal', reason: why, movedTo: to.tuple })
  }
  return dropped
}

/** Later than that of all that was dropped before: none of it is replaced, whatever the clock says. */
export async function timeOfDropping({ back, name, clock }: PutAsideOptions): Promise<number> {
  const range = prefixRange([name, 'dropped'])
  const { entries } = await back.scan(range, { after: undefined, limit: 1, reverse: true })
  const before: unknown = entries[0]?.key.tuple[2]
  return Math.max(wallTime(clock), typeof before === 'number' ? before + 1 : 0)
}

function setOf(key: StoreKey, payload: Payload): SetWrite {
  return { op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }
}

/** As it is; where it is bound to its place, and cannot be read there, what stands there, as bytes. */
function movable(payload: Payload, back: Back): Payload {
  try {
    void payload.envelope
    return payload
  } catch {
    return Payload.encode(back.codec, payload.bytes)
  }
}
