import { CompactedError, type Log, type LogChange } from '@tidemark/core'

/** Changes to look up at once pay for a look at what lies between them from here on. */
const MIN_RUN = 16

/**
 * The changes at these seqs; undefined: the log has none there any more. Of entries that were written in the order of
 * their keys, the changes lie side by side: to read them in a row, without values, costs half.
 */
export async function rowsOf(log: Log, seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
  const first = seqs.reduce((least, seq) => Math.min(least, seq), Infinity)
  const last = seqs.reduce((most, seq) => Math.max(most, seq), 0)
  if (seqs.length < MIN_RUN || last - first >= 2 * seqs.length) return log.at(seqs)
  try {
    const rows = new Map<number, LogChange>()
    for (let after = first - 1; after < last;) {
      const { changes } = await log.read({ after, limit: last - after, values: false })
      if (changes.length === 0) break
      for (const row of changes) rows.set(row.seq, row)
      after = changes.at(-1)!.seq
    }
    return seqs.map((seq) => rows.get(seq))
  } catch (error) {
    if (error instanceof CompactedError) return log.at(seqs)
    throw error
  }
}
