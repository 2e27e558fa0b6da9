import { type Back, type Clock, type Entry, type Key, Payload, type Write } from '@tidemark/core'
import type { JournalHead } from './journal-head.ts'
import { droppedKey } from './journal-keys.ts'
import type { WriterLease } from './writer-lease.ts'

/** A record of the journal, or a snapshot, that could not be used. */
export interface Dropped {
  /** The first transaction in it, or the last one in the snapshot. */
  readonly number: number
  readonly what: 'journal' | 'snapshot'
  readonly reason: string
  /** Where it was put, as it was; undefined: it is where it was. */
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
  { back, name, clock, writer, head }: PutAsideOptions,
  entries: readonly Entry[],
  { last, reason }: { readonly last: number; readonly reason: string },
): Promise<readonly Dropped[]> {
  const at = Math.floor(clock.now())
  const dropped: Dropped[] = []
  for (const { key, payload } of entries.toReversed()) {
    const number = key.tuple.at(-1) as number
    const to = droppedKey(name, at, number)
    const writes: readonly Write[] = [
      { op: 'set', key: to, payload: movable(payload, back), expiresAt: undefined, meta: undefined, path: undefined },
      { op: 'delete', key },
    ]
    // With the first one already, whoever has written before knows nothing of this journal any more.
    const marks = [head.write(last)]
    await writer.use((lease) => back.commit({ reads: [], lease, keepLease: true, decide: () => writes, marks }))
    head.written()
    const why = dropped.length === entries.length - 1 ? reason : 'it follows what is damaged'
    dropped.unshift({ number, what: 'journal', reason: why, movedTo: to.tuple })
  }
  return dropped
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
