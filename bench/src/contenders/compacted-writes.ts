import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Place, Subject } from '../runner/case.ts'
import { logItems } from './logged-items.ts'
import { openTidemark } from './open-tidemark.ts'

const MB = 1_000_000

export interface CompactedWritesOptions {
  /** How many changes the log keeps; it has as many when the first round begins. */
  readonly keep: number
  readonly lanes: number
  /** false: it keeps every change. */
  readonly compact: boolean
}

/** Writes to a store, whose log is kept short meanwhile; what is left to remove at the end of a round belongs to it. */
export async function compactedWrites(
  place: Place,
  { keep, lanes, compact }: CompactedWritesOptions,
): Promise<Subject> {
  const store = await openTidemark(place, compact ? { compaction: { maxChanges: keep } } : {})
  await logItems(store, keep)
  let written = keep
  let longest = 0
  return {
    async run(times) {
      await logItems(store, times, { first: written, lanes })
      written += times
      const { compactor } = store
      if (compactor === undefined) return
      longest = Math.max(longest, (await store.head()) - compactor.stats.floor)
      await compactor.compactNow()
    },
    async check() {
      const head = await store.head()
      if (head < written) throw new Error(`the log ends at ${head}, and ${written} were written`)
      if (store.compactor === undefined) return
      const { floor } = await store.compactor.compactNow()
      // A commit goes as a whole, or stays.
      if (floor !== head - keep) throw new Error(`the log holds ${head - floor} changes, not ${keep}`)
    },
    notes: async () => ({
      ...(compact && { 'longest log': longest }),
      'files, MB': Math.round(sizeOf(place.folder) / MB),
    }),
    close: () => store.close(),
  }
}

/** Of what is in a folder, in bytes. */
function sizeOf(folder: string): number {
  return readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0)
}
