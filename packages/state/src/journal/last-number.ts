import type { Back } from '@tidemark/core'
import { recordsOf, snapshotsOf } from './journal-keys.ts'
import { transactionsIn } from './record.ts'

/**
 * The number of the last transaction that is in a journal, or was in what has been removed of it behind a snapshot.
 * @throws CorruptError when its last record cannot be read
 */
export async function lastNumber(back: Back, name: string): Promise<number> {
  const snapshot = await newestSnapshot(back, name)
  const { entries } = await back.scan(recordsOf(name), { after: undefined, limit: 1, reverse: true })
  const [entry] = entries
  if (entry === undefined) return snapshot
  const { number } = transactionsIn(entry.payload, entry.key.tuple.at(-1) as number).at(-1)!
  return Math.max(snapshot, number)
}

/** The number of the last transaction in it; 0 when there is none. */
export async function newestSnapshot(back: Back, name: string): Promise<number> {
  const heads = await back.marks.scan(snapshotsOf(name), { after: undefined, limit: 1_000 })
  return (heads.at(-1)?.key.tuple.at(-1) as number | undefined) ?? 0
}
