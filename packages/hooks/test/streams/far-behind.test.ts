import { expect, it } from 'vitest'
import { runProgram } from '../support/program.ts'
import { tempStore } from '../support/temp-store.ts'

/** What `far-behind` prints: MB beyond what was in use before, unless it says otherwise. */
interface Report {
  readonly behind: number
  readonly reading: number
  readonly observing: number
  readonly consuming: number
  readonly following: number
  /** The largest that the write-ahead log was, in MB. */
  readonly wal: number
  /** Changes that a hook was not called with, when it was removed. */
  readonly disconnected: number
  /** Changes that a lane of a consumer held, at most. */
  readonly held: number
  /** Entries that the snapshot did not show. */
  readonly missing: number
}

// In a process of its own, which can tell its heap from that of the tests.
it('a million changes behind: what is held is bounded, checkpoints go on, and the others get what is written', async () => {
  await using store = await tempStore()
  const { code, out, err } = await runProgram('far-behind', store.file)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  const { wal, disconnected, held, missing, ...heaps } = JSON.parse(out) as Report
  // The shared pages: 16 MiB of keys and values, and as much again for what 4,096 changes are as objects. A million
  // changes would take about 1,000 MB.
  expect(Object.entries(heaps).filter(([, mb]) => mb >= 32)).toEqual([])
  // 500 MB were written; the journal starts over when it has 64.
  expect(wal).toBeLessThan(100)
  expect(disconnected).toBe(1_001)
  // Of each lane a page, which is a commit of 1,000 changes here, beside the batch in hand.
  expect(held).toBeLessThanOrEqual(1_000)
  expect(missing).toBe(0)
}, 240_000)
