import type { Log, LogChange } from '@tidemark/core'
import type { Change } from '../change.ts'
import type { RowFilter } from '../change-filter.ts'
import { toChanges } from '../logged-change.ts'
import { heldPart } from './held-changes.ts'
import { changesAt } from './read-page.ts'

/**
 * What a subscriber is shown of these rows, with the values that they replaced: one look at the log for all of them.
 * Subscribers of a shared log share what was made.
 */
export async function changesWithOld<T>(
  log: Log,
  rows: readonly LogChange[],
  isWanted: RowFilter,
): Promise<readonly Change<T>[]> {
  const { held, offset } = heldPart(rows) ?? { held: undefined, offset: 0 }
  const made = held?.withOld ?? []
  const wanted = rows.flatMap((row, i) => (isWanted(row) ? [offset + i] : []))
  const missing = wanted.filter((i) => made[i] === undefined)
  if (missing.length > 0) {
    const missingRows = missing.map((i) => rows[i - offset]!)
    const seqs = [...new Set(missingRows.map(({ prevVersion }) => prevVersion).filter((seq) => seq > 0))]
    const found = seqs.length === 0 ? [] : await changesAt(log, seqs)
    const replaced = new Map(seqs.map((seq, i) => [seq, found[i]]))
    // Somebody else may have come first during the look.
    for (const [k, change] of toChanges(missingRows, replaced).entries()) made[missing[k]!] ??= change
  }
  return wanted.map((i) => made[i]!) as readonly Change[] as readonly Change<T>[]
}
