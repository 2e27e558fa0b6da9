import {
  assertKnown,
  between,
  type Clock,
  clockOption,
  type MarkWrite,
  Payload,
  prefixRange,
  type Write,
} from '@tidemark/core'
import { headKey, snapshotsOf, uncleanKey } from '../journal/journal-keys.ts'
import { WriterLease } from '../journal/writer-lease.ts'
import { Snapshots } from '../snapshot/snapshots.ts'
import { type AnyStore, backIn, checkName } from '../store-option.ts'

/** Entries that are removed per commit. */
const BATCH = 200

export interface DropOptions {
  readonly leaseMs?: number | undefined
  readonly clock?: Clock | undefined
}

/**
 * Removes a prevalent system, or a journal: its snapshots, its journal, and what was put aside of it. What is interrupted
 * is to be done again; until then it cannot be opened (CORRUPT).
 *
 * @returns whether there was anything
 * @throws TidemarkError ANOTHER_WRITER while it is open; what the store fails with
 */
export async function drop(store: AnyStore, name: string, options: DropOptions = {}): Promise<boolean> {
  assertKnown(options, ['leaseMs', 'clock'] satisfies (keyof DropOptions)[])
  const back = backIn(store)
  const leaseMs = between('option leaseMs', options.leaseMs ?? 5_000, 10, 600_000)
  const writer = await WriterLease.take({ back, name: checkName(name), leaseMs, clock: clockOption(options.clock) })
  try {
    // Without them nothing can be opened, so nobody sees a part of it.
    const heads = await back.marks.scan(snapshotsOf(name), { after: undefined, limit: 1_000 })
    const marks: readonly MarkWrite[] = [
      { key: uncleanKey(name), value: Payload.encode(back.codec, true) },
      // Whoever was stopped, and has written before, does not go on.
      { key: headKey(name), value: undefined },
      ...heads.map(({ key }) => ({ key, value: undefined })),
    ]
    await writer.use((lease) => back.marks.write(marks, { lease }))
    await new Snapshots({ back, name, keep: 1 }).collect(writer)
    let removed = heads.length
    for (const part of ['journal', 'dropped']) {
      const range = prefixRange([name, part])
      for (;;) {
        const { entries } = await back.scan(range, { after: undefined, limit: BATCH, reverse: false })
        if (entries.length === 0) break
        const writes = entries.map(({ key }): Write => ({ op: 'delete', key }))
        await writer.use((lease) => back.commit({ reads: [], lease, keepLease: true, decide: () => writes }))
        removed += entries.length
      }
    }
    return removed > 0
  } finally {
    await writer.release()
  }
}
