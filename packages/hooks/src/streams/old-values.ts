import type { Log, LogChange } from '@tidemark/core'
import type { Change } from '../change.ts'
import { toChanges } from '../logged-change.ts'

/** Subscribers of a shared log are shown the same changes with their old values, too. */
const made = new WeakMap<LogChange, Change>()

/** What subscribers see of these rows, with the values that they replaced: one look at the log for all of them. */
export async function changesWithOld<T>(log: Log, rows: readonly LogChange[]): Promise<readonly Change<T>[]> {
  const missing = rows.filter((row) => !made.has(row))
  if (missing.length > 0) {
    const seqs = [...new Set(missing.map(({ prevVersion }) => prevVersion).filter((seq) => seq > 0))]
    const found = seqs.length === 0 ? [] : await log.at(seqs)
    const replaced = new Map(seqs.map((seq, i) => [seq, found[i]]))
    for (const [i, change] of toChanges(missing, replaced).entries()) made.set(missing[i]!, change)
  }
  return rows.map((row) => made.get(row) as Change<T>)
}
