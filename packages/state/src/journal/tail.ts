import { CorruptError } from '@tidemark/core'
import { isDamage } from './damage.ts'
import { type Dropped, putAside } from './dropped.ts'
import { JournalHead } from './journal-head.ts'
import { recordsOf } from './journal-keys.ts'
import type { ResolvedJournalOptions } from './journal-options.ts'
import type { RecordBehind } from './journal-reader.ts'
import { newestSnapshot } from './last-number.ts'
import { transactionsIn } from './record.ts'
import type { WriterLease } from './writer-lease.ts'

export interface Tail {
  readonly last: number
  readonly at: number
  readonly dropped: readonly Dropped[]
  readonly head: JournalHead
}

/** Where it ends: behind the last record that is whole. */
export async function tailOf(options: ResolvedJournalOptions, writer: WriterLease): Promise<Tail> {
  const { back, name, recover } = options
  const head = await JournalHead.read(back, name, recover)
  writer.retakeIf(() => head.isUntouched())
  const unusable: RecordBehind[] = []
  let reason = ''
  let found: { last: number; at: number } | undefined
  while (found === undefined) {
    const after = unusable[0]?.entry.key
    const { entries } = await back.scan(recordsOf(name), { after, limit: 1, reverse: true })
    const [entry] = entries
    try {
      const last = entry && transactionsIn(entry.payload, entry.key.tuple.at(-1) as number).at(-1)!
      found = { last: Math.max(await newestSnapshot(back, name), last?.number ?? 0), at: last?.at ?? 0 }
    } catch (error) {
      if (!isDamage(error) && !(recover === 'last-good' && error instanceof CorruptError)) throw error
      reason = error.message
      unusable.unshift({ entry: entry!, kept: [] })
    }
  }
  const { last } = found
  const missing = unusable.length === 0 ? head.missingBehind(last) : undefined
  if (missing !== undefined && recover !== 'last-good') throw missing
  await writer.ensure()
  const dropped = [...(await putAside({ ...options, writer, head }, unusable, { last, reason }))]
  if (missing !== undefined) {
    dropped.push({ number: last + 1, what: 'journal', reason: missing.message, movedTo: undefined })
  }
  await head.establish(last, writer)
  return { ...found, dropped, head }
}
