import { createMemoryBack } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { expect, it } from 'vitest'
import { type CompactorEvent, startCompactor } from '../../src/index.ts'
import { Pace } from '../../src/compaction/pace.ts'
import { SpareRoom } from '../../src/compaction/spare-room.ts'
import { commitNumbers } from '../support/writing.ts'

const EVERY_MS = 1_000

function paced(): { clock: ManualClock; pace: Pace } {
  const clock = new ManualClock()
  return { clock, pace: new Pace({ everyMs: EVERY_MS, step: 500, clock }) }
}

it('the next round is due when a step has been written again, at the rate of before', () => {
  const { clock, pace } = paced()
  let head = 10_000
  const round = (written: number, ms: number, removed = written): number => {
    pace.roundBegins(head)
    clock.advance(ms)
    head += written
    return pace.roundEnds(head, removed)
  }
  expect(round(5_000, 1_000)).toBe(100)
  expect(round(500, 100)).toBe(100)
  // No closer together than this, however much is written; no further apart than asked for.
  expect(round(40_000, 1_000)).toBe(20)
  expect(round(100, 1_000)).toBe(EVERY_MS)
  expect(round(0, 1_000, 700)).toBe(EVERY_MS)
  // Nothing to remove: the log is shorter than it may be, or others need it.
  expect(round(40_000, 1_000, 0)).toBe(EVERY_MS)
})

it('a step removes a multiple of what was written since the last one, within bounds', () => {
  const { pace } = paced()
  pace.roundBegins(10_000)
  expect([10_000, 10_100, 10_600, 30_000, 30_000].map((head) => pace.stepSize(head))).toEqual([
    500, 500, 2_000, 8_000, 500,
  ])
})

it('room is spare where more was removed than is written, over as long as one round or over what was asked', () => {
  const clock = new ManualClock()
  const room = new SpareRoom({ everyMs: EVERY_MS, clock })
  let head = 0
  const after = (ms: number, written: number, removed: number, why: 'asked' | 'due' = 'due'): boolean => {
    clock.advance(ms)
    head += written
    return room.isSpare(head, removed, why)
  }
  expect(after(10, 0, 0)).toBe(false)
  // A log at its bound: what one round removes was written before it.
  for (let i = 0; i < 99; i++) expect(after(20, i % 3 === 0 ? 300 : 0, i % 3 === 1 ? 300 : 0)).toBe(false)
  expect(after(2_000, 100, 100)).toBe(false)
  expect(after(500, 100, 900)).toBe(false)
  expect(after(500, 100, 100)).toBe(true)
  expect(after(1_000, 0, 0)).toBe(false)
  expect(after(1, 10, 30, 'asked')).toBe(true)
  expect(after(1, 10, 20, 'asked')).toBe(false)
  expect(after(1, 0, 0, 'asked')).toBe(true)
})

it('a log that is written to stays near its bound, round after round, with a lease that is renewed once in a while', async () => {
  const clock = new ManualClock()
  const back = createMemoryBack({ clock })
  let renewed = 0
  const leases = {
    acquire: back.leases.acquire.bind(back.leases),
    release: back.leases.release.bind(back.leases),
    remaining: back.leases.remaining.bind(back.leases),
    renew: (...args: Parameters<typeof back.leases.renew>) => (renewed++, back.leases.renew(...args)),
  }
  const compactor = startCompactor(
    { log: back.log, compaction: back.compaction, leases: leases as typeof back.leases },
    { everyMs: EVERY_MS, maxChanges: 100, step: 10, clock },
  )
  const steps: CompactorEvent[] = []
  compactor.events$.subscribe((event) => steps.push(event))
  let longest = 0
  // A change per millisecond, so that a step is worth its transaction every 20 ms or so.
  for (let ms = 0; ms < 4_000; ms++) {
    await commitNumbers(back, 1)
    clock.advance(1)
    // What the round under way has to do in this millisecond.
    for (let i = 0; i < 8; i++) await new Promise(setImmediate)
    if (ms >= 2_000) longest = Math.max(longest, (await back.log.head()) - (await back.log.floor()))
  }
  expect(longest).toBeLessThan(160)
  expect(compactor.stats.rounds).toBeGreaterThan(40)
  expect(renewed).toBeLessThanOrEqual(4)
  await eventually('no event tells of trouble', () => steps.every(({ kind }) => kind === 'progress'))
  await compactor.close()
})
