import { stat } from 'node:fs/promises'
import { type Back, createMemoryBack, StoreKey, TidemarkError } from '@tidemark/core'
import { eventually, ManualClock, ShiftedClock } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { changes, type CompactorEvent, type CompactorOptions, history, startCompactor } from '../../src/index.ts'
import { takeSeqs } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const NEVER = 28_000_000

/** One round with these rules, and where the floor is then. */
async function compacted(back: Back, options: CompactorOptions): Promise<number> {
  const compactor = startCompactor(back, { everyMs: NEVER, ...options })
  const { floor } = await compactor.compactNow()
  await compactor.close()
  expect(await back.log.floor()).toBe(floor)
  return floor
}

describe.each([
  { name: 'memory', open: async () => ({ back: createMemoryBack(), end: async () => undefined as unknown }) },
  {
    name: 'SQLite',
    open: async () => {
      const store = await tempStore()
      return { back: store.open(), end: () => store[Symbol.asyncDispose]() }
    },
  },
])('a compactor over $name', ({ open }) => {
  it('keeps so many changes, and never a part of a commit', async () => {
    const { back, end } = await open()
    await commitNumbers(back, 10)
    await commit(back, setting('a', 1), setting('b', 1), setting('c', 1))
    expect(await compacted(back, {})).toBe(0)
    expect(await compacted(back, { maxChanges: 8 })).toBe(5)
    expect(await compacted(back, { maxChanges: 100 })).toBe(5)
    expect(await compacted(back, { maxChanges: 2 })).toBe(10)
    await commitNumbers(back, 1)
    expect(await compacted(back, { maxChanges: 0 })).toBe(14)
    await end()
  })

  it('keeps about so many bytes', async () => {
    const { back, end } = await open()
    const value = 'x'.repeat(1_000)
    for (let n = 0; n < 300; n++) await commit(back, setting(['n', n % 7], value))
    const floor = await compacted(back, { maxBytes: 100_000 })
    expect(await back.compaction.sizeOf(floor, 300)).toBeLessThanOrEqual(100_000)
    expect(300 - floor).toBeGreaterThan(85)
    await end()
  })

  it('goes by whichever rule lets more go, step by step', async () => {
    const { back, end } = await open()
    await commitNumbers(back, 100)
    const compactor = startCompactor(back, { everyMs: NEVER, maxChanges: 30, maxBytes: 10_000_000, step: 8 })
    const seen: CompactorEvent[] = []
    compactor.events$.subscribe((event) => seen.push(event))
    await compactor.compactNow()
    expect(seen).toEqual(
      [8, 16, 24, 32, 40, 48, 56, 64, 70].map((floor, i) => ({
        kind: 'progress',
        floor,
        target: 70,
        removed: i === 8 ? 6 : 8,
      })),
    )
    expect(compactor.stats).toEqual({ rounds: 1, removed: 70, floor: 70, head: 100, isActive: false })
    await compactor.close()
    await end()
  })

  it('leaves what others need, up to the cap, and says then who has lost what', async () => {
    const { back, end } = await open()
    await commitNumbers(back, 100)
    const holders = [
      { name: 'fast', seq: 95 },
      { name: 'slow', seq: 20 },
    ]
    const heldBy = async () => holders
    expect(await compacted(back, { maxChanges: 10, heldBy })).toBe(20)
    const compactor = startCompactor(back, { everyMs: NEVER, maxChanges: 10, heldBy, holdBack: { maxChanges: 50 } })
    const lost: CompactorEvent[] = []
    compactor.events$.subscribe((event) => event.kind === 'lost' && lost.push(event))
    await compactor.compactNow()
    const first = { kind: 'lost', holder: 'slow', after: 20, to: 50, isFirst: true, error: { floor: 50, head: 100 } }
    expect(lost).toMatchObject([first])
    await compactor.compactNow()
    expect(lost).toHaveLength(1)
    await commitNumbers(back, 20)
    await compactor.compactNow()
    const more = { kind: 'lost', holder: 'slow', after: 20, to: 70, isFirst: false, error: { floor: 70, head: 120 } }
    expect(lost.slice(1)).toMatchObject([more])
    holders.pop()
    await compactor.compactNow()
    expect([await back.log.floor(), lost.length]).toEqual([95, 2])
    await compactor.close()
    expect(await compacted(back, { maxChanges: 10, heldBy, holdBack: { maxBytes: 1_000 } })).toBeGreaterThan(95)
    await end()
  })

  it('keeps what made each entry what it is, where asked to', async () => {
    const { back, end } = await open()
    await commit(back, setting('stays', 'first'))
    await commit(back, setting('stays', 'second'))
    await commit(back, setting('goes', 1))
    await commit(back, deleting('goes'))
    expect(await compacted(back, { maxChanges: 0, keepLatestPerKey: true })).toBe(4)
    const seen: unknown[] = []
    for await (const { seq, key } of history(back.log, 'stays')) seen.push([seq, key])
    expect(seen).toEqual([[2, ['stays']]])
    expect(await compacted(back, { maxChanges: 0 })).toBe(4)
    expect(await back.log.at([2])).toEqual([undefined])
    await end()
  })
})

it('keeps what is not too old, by the clock of the writers', async () => {
  const clock = new ShiftedClock()
  const back = createMemoryBack({ clock })
  await commitNumbers(back, 5)
  clock.step(60_000)
  await commitNumbers(back, 5)
  expect(await compacted(back, { maxAgeMs: 120_000, clock })).toBe(0)
  expect(await compacted(back, { maxAgeMs: 30_000, clock })).toBe(5)
  clock.step(31_000)
  expect(await compacted(back, { maxAgeMs: 30_000, clock })).toBe(10)
})

it('works in one process of the fleet, and another one takes over', async () => {
  await using store = await tempStore()
  const [one, two] = [store.open(), store.open()]
  const active = startCompactor(one, { everyMs: 5, maxChanges: 10 })
  await eventually('it has begun', () => active.stats.isActive)
  const standby = startCompactor(two, { everyMs: 5, maxChanges: 10 })
  await commitNumbers(one, 50)
  await eventually('the log is short', async () => (await two.log.floor()) === 40)
  await eventually('it keeps its turn', () => active.stats.rounds > 20)
  expect(standby.stats).toMatchObject({ isActive: false, rounds: 0 })
  await active.close()
  await commitNumbers(two, 50)
  await eventually('the other one goes on', async () => (await two.log.floor()) === 90)
  expect(standby.stats.isActive).toBe(true)
  await standby.close()
})

it('gives disk space back, and none that writers are about to use', async () => {
  await using store = await tempStore()
  const back = store.open()
  const value = 'x'.repeat(20_000)
  for (let n = 0; n < 500; n++) await commit(back, setting(['n', n % 3], value))
  const other = store.open()
  const pages = async (): Promise<number> => (await stat(store.file)).size
  let reclaimed = 0
  const compaction = {
    compact: back.compaction.compact.bind(back.compaction),
    sizeOf: back.compaction.sizeOf.bind(back.compaction),
    reclaim: (bytes: number) => (reclaimed++, back.compaction.reclaim(bytes)),
  }
  const compactor = startCompactor(
    { log: back.log, leases: back.leases, compaction },
    { everyMs: NEVER, maxChanges: 10 },
  )
  await compactor.compactNow()
  expect(reclaimed).toBeGreaterThan(10)
  reclaimed = 0
  for (let n = 0; n < 20; n++) await commit(back, setting(['n', n % 3], value))
  await compactor.compactNow()
  expect([await back.log.floor(), reclaimed]).toEqual([510, 0])
  await compactor.compactNow()
  expect(reclaimed).toBeGreaterThan(0)
  await compactor.close()
  await Promise.all([back.close(), other.close()])
  expect(await pages()).toBeLessThan(1_500_000)
})

it('a round that fails is told of, and the next one tries again', async () => {
  const clock = new ManualClock()
  const back = createMemoryBack({ clock })
  await commitNumbers(back, 20)
  const busy = new TidemarkError('BUSY', 'not now', { retryable: true })
  let isBusy = true
  const heldBy = async () => {
    if (isBusy) throw busy
    return []
  }
  const compactor = startCompactor(back, { everyMs: 1_000, maxChanges: 5, heldBy, clock })
  const seen: CompactorEvent[] = []
  compactor.events$.subscribe((event) => seen.push(event))
  await expect(compactor.compactNow()).rejects.toBe(busy)
  clock.advance(1_000)
  await eventually('it is told', () => seen.length === 1)
  expect(seen).toEqual([{ kind: 'trouble', error: busy }])
  isBusy = false
  await eventually('the next round works', async () => {
    clock.advance(100)
    return (await back.log.floor()) === 15
  })
  await compactor.close()
})

it('ends in the middle of a long round, and the log is whole', async () => {
  const back = createMemoryBack()
  await commitNumbers(back, 1_000)
  const compactor = startCompactor(back, { everyMs: NEVER, maxChanges: 0, step: 10 })
  let closing: Promise<void> | undefined
  compactor.events$.subscribe(() => void (closing ??= compactor.close()))
  await compactor.compactNow()
  await closing
  expect(await back.log.floor()).toBe(10)
  await expect(compactor.compactNow()).rejects.toMatchObject({ code: 'CLOSED' })
  await expect(back.leases.acquire(StoreKey.of('any'), 1_000)).resolves.toBeTruthy()
  expect(await takeSeqs(changes(back.log, { after: undefined, from: new Date(0) }), 0)).toEqual([])
})

it.each([
  [{ maxChanges: -1 }, RangeError, 'maxChanges'],
  [{ maxAgeMs: 1.5 }, RangeError, 'maxAgeMs'],
  [{ maxbytes: 1 }, TypeError, 'maxbytes'],
  [{ everyMs: 0 }, RangeError, 'everyMs'],
  [{ heldBy: 7 }, TypeError, 'heldBy'],
  [{ holdBack: { max: 1 } }, TypeError, 'max'],
  [{ keepLatestPerKey: 1 }, TypeError, 'keepLatestPerKey'],
])('refuses %j', (options, error, name) => {
  const start = () => startCompactor(createMemoryBack(), options as CompactorOptions)
  expect(start).toThrow(error)
  expect(start).toThrow(name)
})
