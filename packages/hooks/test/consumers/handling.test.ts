import { createMemoryBack, StoreKey } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { type Change, consume, type Consumer, sharedLog } from '../../src/index.ts'
import { laneOf } from '../../src/consumers/lane-hash.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range, withLog } from '../support/reading.ts'
import { commit, commitNumbers, deleting, setting } from '../support/writing.ts'

const sorted = (seqs: readonly number[]): number[] => seqs.toSorted((a, b) => a - b)

describe('a consumer', () => {
  it('gets every change once, and goes on from where it was', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 30)
    const seen: number[] = []
    {
      await using consumer = await consume(back, 'one', { from: 'start' }, ({ seq }) => seen.push(seq))
      await eventually('all seen', () => seen.length === 30)
      await commitNumbers(back, 10, 31)
      await eventually('all processed', async () => (await consumer.stats()).processed === 40)
    }
    expect(sorted(seen)).toEqual(range(1, 40))
    await commitNumbers(back, 10, 41)
    await using _again = await consume(back, 'one', { from: 'now' }, ({ seq }) => seen.push(seq))
    await eventually('all seen', () => seen.length >= 50)
    expect(sorted(seen)).toEqual(range(1, 50))
  })

  it('hands over whole batches of one lane, in order per key, and no more than asked for', async () => {
    const back = createMemoryBack()
    for (let n = 0; n < 200; n++) await commit(back, setting(['k', n % 7], n))
    const batches: { lane: number; seqs: number[] }[] = []
    const byKey = new Map<unknown, number[]>()
    await using _consumer = await consume(
      back,
      'batches',
      { from: 'start', lanes: 3, batch: 10 },
      (changes, { lane }) => {
        batches.push({ lane, seqs: changes.map(({ seq }) => seq) })
        for (const { key, seq } of changes) byKey.set(key[1], [...(byKey.get(key[1]) ?? []), seq])
      },
    )
    await eventually('all seen', () => batches.flatMap(({ seqs }) => seqs).length === 200)
    expect(Math.max(...batches.map(({ seqs }) => seqs.length))).toBe(10)
    for (const seqs of byKey.values()) expect(seqs).toEqual(sorted(seqs))
    const lanes = Map.groupBy(batches, ({ lane }) => lane)
    for (const lane of lanes.values())
      expect(lane.flatMap(({ seqs }) => seqs)).toEqual(sorted(lane.flatMap(({ seqs }) => seqs)))
    expect(lanes.size).toBeGreaterThan(1)
  })

  it('runs the lanes side by side, and never two changes of one key', async () => {
    const back = createMemoryBack()
    for (let n = 0; n < 40; n++) await commit(back, setting(['k', n % 10], n))
    const running = new Set<unknown>()
    let most = 0
    const gate = deferred()
    let done = 0
    await using _consumer = await consume(back, 'parallel', { from: 'start', lanes: 4 }, async ({ key }) => {
      expect(running.has(key[1])).toBe(false)
      running.add(key[1])
      most = Math.max(most, running.size)
      await gate.promise
      running.delete(key[1])
      done++
    })
    await eventually('several run', () => running.size > 1)
    gate.resolve()
    await eventually('all done', () => done === 40)
    expect(most).toBeLessThanOrEqual(4)
  })

  it('gets only what it wants, and tells values, ops and what was attached', async () => {
    const back = createMemoryBack()
    await commit(back, setting(['user', 1], { name: 'Ada' }, { meta: 'why' }), setting(['other', 1], 1))
    await commit(back, deleting(['user', 1]), setting(['user', 2], 2))
    const seen: Change[] = []
    await using _consumer = await consume(back, 'some', { from: 'start', prefix: 'user', ops: ['set'] }, (change) => {
      seen.push(change)
    })
    await eventually('both seen', () => seen.length === 2)
    expect(sorted(seen.map(({ seq }) => seq))).toEqual([1, 4])
    expect(seen.find(({ seq }) => seq === 1)).toMatchObject({ value: { name: 'Ada' }, meta: 'why', key: ['user', 1] })
  })

  it('begins where its first registration says', async () => {
    let now = 1_000_000
    const clock = { now: () => now, monotonic: () => 0, schedule: () => () => {}, sleep: () => Promise.resolve() }
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 3)
    now += 1_000
    await commitNumbers(back, 3, 4)
    for (const [name, from, expected] of [
      ['a', 'start', range(1, 7)],
      ['b', 'now', [7]],
      ['c', new Date(1_001_000), range(4, 7)],
    ] as const) {
      const seen: number[] = []
      await using _consumer = await consume(back, name, { from }, ({ seq }) => seen.push(seq))
      if (name === 'a') await eventually('it has begun', () => seen.length === 6)
      if (name === 'b') await commitNumbers(back, 1, 7)
      await eventually('all seen', () => seen.length >= expected.length - (name === 'a' ? 1 : 0))
      expect(sorted(seen)).toEqual(name === 'a' ? range(1, 6) : expected)
    }
  })

  it('begins at a date that is still to come, through a change of its owner, and when it is resumed from one', async () => {
    let now = 1_000_000
    const clock = { now: () => now, monotonic: () => 0, schedule: () => () => {}, sleep: () => Promise.resolve() }
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    const seen: number[] = []
    let poison = 0
    const handler = ({ seq }: Change): void => {
      if (seq === poison) throw new Error('no')
      seen.push(seq)
    }
    const passed = (consumer: Consumer) => eventually('it is past all', async () => (await consumer.stats()).lag === 0)
    const options = { lanes: 2, attempts: 1, from: new Date(1_001_000) }
    {
      await using consumer = await consume(back, 'later', options, handler)
      await commitNumbers(back, 3, 3)
      await passed(consumer)
      await commitNumbers(back, 2, 6)
      await passed(consumer)
    }
    expect(seen).toEqual([])
    await using consumer = await consume(back, 'later', { ...options, from: 'start' }, handler)
    await commitNumbers(back, 1, 8)
    now = 1_001_000
    await commitNumbers(back, 2, 9)
    await passed(consumer)
    expect(sorted(seen)).toEqual([9, 10])
    const events = recordEvents(consumer)
    poison = 11
    await commitNumbers(back, 1, 11)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(await consumer.resume({ from: new Date(1_002_000) })).toBe(1)
    const { lane } = events.find(({ kind }) => kind === 'halted') as { lane: number }
    const keys = range(12, 40).filter((n) => laneOf(StoreKey.of(['n', n]), 2) === lane)
    for (const n of keys.slice(0, 4)) await commitNumbers(back, 1, n)
    await passed(consumer)
    expect(sorted(seen)).toEqual([9, 10])
    now = 1_002_000
    await commitNumbers(back, 1, keys[4])
    await passed(consumer)
    expect(sorted(seen)).toEqual([9, 10, 16])
  })

  it('hands out a name for each change, the same each time, and a fence that grows', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const seen: { name: string; fence: number; attempt: number }[] = []
    for (const round of [1, 2]) {
      await using consumer = await consume(
        back,
        'named',
        { from: 'start', lanes: 1, attempts: 1, backoff: { minMs: 1 } },
        (change, { idempotencyKey, fence, attempt }) => {
          seen.push({ name: idempotencyKey(change), fence, attempt })
          throw new Error('no')
        },
      )
      const events = recordEvents(consumer)
      if (round === 2) expect(await consumer.resume()).toBe(1)
      await eventually('it was tried', () => seen.length === round && kindsOf(events).includes('halted'))
    }
    const { id, epoch } = back.log.identity
    expect(seen.map(({ name }) => name)).toEqual([`${id}:${epoch}:1`, `${id}:${epoch}:1`])
    expect(seen[1]!.fence).toBeGreaterThan(seen[0]!.fence)
  })

  it('shares a log with other subscribers', async () => {
    const back = createMemoryBack()
    let reads = 0
    const log = sharedLog(
      withLog(back.log, {
        read: (options) => {
          reads++
          return back.log.read(options)
        },
      }),
    )
    await commitNumbers(back, 50)
    let seen = 0
    await using _consumer = await consume(back, 'shared', { from: 'start', lanes: 8, log }, () => void seen++)
    await eventually('all seen', () => seen === 50)
    expect(reads).toBeLessThan(8)
  })
})
