import { type Log, type LogChange, TidemarkError } from '@tidemark/core'
import type { Change } from './change.ts'
import { toChanges } from './logged-change.ts'
import { changesWithOld } from './streams/old-values.ts'

/** A change with what it replaced, when that was looked up. Rejects with what the look at the log failed with. */
export type Look = () => Promise<Change>

/**
 * Looks up what these changes have replaced, once for everybody who asks. The log is asked in this turn, right after their
 * commit: what is compacted, and who is closed, from now on, comes too late to keep the values from anybody.
 * @returns for the change at an index of `rows`
 */
export function lookBack(log: Log, rows: readonly LogChange[]): (index: number) => Look {
  const changes = withOld(log, rows)
  // Who asked may be gone when it fails.
  changes.catch(() => undefined)
  return (index) => async () => (await changes)[index]!
}

async function withOld(log: Log, rows: readonly LogChange[]): Promise<readonly Change[]> {
  try {
    return await changesWithOld(log, rows, () => true)
  } catch (error) {
    // The last writes of a store are told while it closes. They are not kept from anybody.
    if (error instanceof TidemarkError && error.code === 'CLOSED') return toChanges(rows, NOTHING)
    throw error
  }
}

/** Of a log that nothing is found in any more. */
const NOTHING = new Map<number, LogChange>()
