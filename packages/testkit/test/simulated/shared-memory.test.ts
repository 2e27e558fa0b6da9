import type { Back, Commit } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import {
  type BackContext,
  backConformance,
  commit,
  deleting,
  runInVirtualTime,
  setting,
  SharedMemory,
  valueOf,
  VirtualClock,
} from '../../src/index.ts'

let memory: SharedMemory | undefined
let opened = 0
const open = (context: BackContext): Back => memory!.open({ origin: `process ${++opened}`, ...context })

backConformance(
  'shared memory',
  (context) => {
    memory = new SharedMemory({ clock: context.clock })
    return open(context)
  },
  { syncLog: true, reopen: open },
)

describe('shared memory', () => {
  it('shows each process its own commits, and everybody whose they are', async () => {
    const clock = new VirtualClock()
    const memory = new SharedMemory({ clock })
    const [one, two] = ['one', 'two'].map((origin) => memory.open({ origin, clock })) as [Back, Back]
    const told: Record<string, Commit[]> = { one: [], two: [] }
    for (const back of [one, two]) back.onCommit((commits) => told[back.origin]!.push(...commits))
    const [first, second] = await Promise.all([commit(one, setting('a', 1)), commit(two, setting('b', 2))])
    expect(told).toEqual({ one: [first], two: [second] })
    expect(await valueOf(two, 'a')).toBe(1)
    expect((await one.log.read({ after: 0, limit: 9 })).changes.map(({ origin }) => origin)).toEqual(['one', 'two'])
    expect(two.log.sync!.read({ after: 0, limit: 9 }).changes).toHaveLength(2)
    await one.close()
    expect(await valueOf(two, 'a')).toBe(1)
    await expect(commit(one, deleting('a'))).rejects.toMatchObject({ code: 'CLOSED' })
  })

  it('takes its time both ways, and tells of commits in the order of the log', async () => {
    const clock = new VirtualClock()
    const memory = new SharedMemory({ clock })
    const delays = [1, 30, 1, 2]
    const slow = memory.open({ origin: 'slow', clock, delayMs: () => delays.shift() ?? 1, sync: false })
    const quick = memory.open({ origin: 'quick', clock })
    const told: number[] = []
    slow.onCommit((commits) => told.push(...commits.map(({ asOf }) => asOf)))
    await runInVirtualTime(
      clock,
      (async () => {
        const first = commit(slow, setting('a', 1))
        await clock.sleep(5)
        // Durable, and visible to others, before its writer knows.
        expect(await valueOf(quick, 'a')).toBe(1)
        expect(told).toEqual([])
        const second = commit(slow, setting('a', 2))
        expect((await second).asOf).toBe(2)
        expect((await first).asOf).toBe(1)
        expect(told).toEqual([1, 2])
        expect(slow.log.sync).toBeUndefined()
        expect(await slow.log.head()).toBe(2)
      })(),
      1_000,
    )
  })
})
