import { createMemoryBack, type MemoryBack } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Change, consume, type ConsumerOptions, consumerStats, dropParked } from '../../src/index.ts'
import { parkedOf } from '../../src/consumers/consumer-keys.ts'
import { resolveConsumerOptions } from '../../src/consumers/consumer-options.ts'
import type { ConsumerParts } from '../../src/consumers/consumer-parts.ts'
import { loadLane } from '../../src/consumers/load-lane.ts'
import { registrationOf } from '../../src/consumers/registration.ts'
import { scanMarks } from '../../src/consumers/scan-marks.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'

beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

const quick = { from: 'start', lanes: 1, attempts: 1, backoff: { minMs: 1 } } as const

async function parkedIn(back: MemoryBack, name: string, lane = 0): Promise<number> {
  return (await Array.fromAsync(scanMarks(back.marks, parkedOf(name, lane)))).length
}

/** What a new owner of the lane would hold. */
async function heldKeys(back: MemoryBack, name: string, options: ConsumerOptions): Promise<number> {
  const registration = await registrationOf(back, name)
  const parts = { back, name, registration, options: resolveConsumerOptions(options) } as unknown as ConsumerParts
  return (await loadLane(parts, 0)).parked.held
}

describe('a lane with as many parked changes as it may have', () => {
  it.each(['park', 'parkKey'] as const)('halts before the next one, and holds no more: %s', async (onFailure) => {
    const back = createMemoryBack()
    await commitNumbers(back, 600)
    const options = { ...quick, onFailure, maxParked: 250, batch: 7 }
    await using consumer = await consume(back, 'full', options, () => Promise.reject(new Error('no luck')))
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(events.find(({ kind }) => kind === 'halted')).toMatchObject({
      change: { seq: 251 },
      error: { code: 'PARKED_FULL', retryable: true, cause: { message: 'no luck' } },
    })
    expect((await consumer.stats()).lanes[0]).toMatchObject({
      seq: 250,
      parked: 250,
      halt: { seq: 251, code: 'PARKED_FULL', message: expect.stringContaining('250 changes parked') },
    })
    expect(await parkedIn(back, 'full')).toBe(250)
    // Keys matter only where others wait behind them.
    expect(await heldKeys(back, 'full', options)).toBe(onFailure === 'park' ? 0 : 250)
  })

  it('halts in the middle of a batch, where only a part of what waits behind others has room', async () => {
    const back = createMemoryBack()
    for (let n = 1; n <= 10; n++) await commit(back, setting(n === 4 ? 'free' : 'k', n))
    const seen: number[] = []
    const options = { ...quick, onFailure: 'parkKey', maxParked: 4, batch: 10 } as const
    let isBroken = true
    await using consumer = await consume(back, 'middle', options, (changes) => {
      if (isBroken && changes.some(({ seq }) => seq === 1)) throw new Error('no')
      seen.push(...changes.map(({ seq }) => seq))
    })
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(seen).toEqual([4])
    expect((await consumer.stats()).lanes[0]).toMatchObject({ seq: 5, parked: 4, halt: { seq: 6 } })
    isBroken = false
    // What is replayed makes room, and the lane goes on by itself; the rest waits behind those that are left.
    expect(await consumer.replay({ seq: 1 })).toEqual({ replayed: 1, left: 0 })
    await eventually('it stands still again', () => kindsOf(events).filter((kind) => kind === 'halted').length === 2)
    expect((await consumer.stats()).lanes[0]).toMatchObject({ seq: 6, parked: 4, halt: { seq: 7 } })
    expect(await consumer.replay()).toEqual({ replayed: 4, left: 0 })
    await consumer.caughtUp()
    expect(seen.filter((seq) => seq !== 4)).toEqual([1, 2, 3, 5, 6, 7, 8, 9, 10])
    expect(await consumer.stats()).toMatchObject({ parked: 0 })
  })

  it.each(['what is parked is dropped while nobody runs it', 'the next owner may have more'])(
    'goes on when %s',
    async (how) => {
      const back = createMemoryBack()
      await commitNumbers(back, 5)
      const options = { ...quick, onFailure: 'park', maxParked: 2 } as const
      {
        await using consumer = await consume(back, 'next', options, () => Promise.reject(new Error('no')))
        const events = recordEvents(consumer)
        await eventually('it stands still', () => kindsOf(events).includes('halted'))
      }
      const maxParked = how.startsWith('what') ? 2 : 3
      if (maxParked === 2) expect(await dropParked(back, 'next')).toBe(2)
      await using consumer = await consume(back, 'next', { ...options, maxParked }, () => {})
      const events = recordEvents(consumer)
      await consumer.caughtUp()
      expect(kindsOf(events)).toContain('lane-resumed')
      expect((await consumerStats(back, 'next')).parked).toBe(maxParked === 2 ? 0 : 2)
    },
  )

  it('never has more, and loses nothing, whatever fails and is made room for', async () => {
    const change = fc.record({ key: fc.nat({ max: 3 }), fails: fc.boolean() })
    await fc.assert(
      fc.asyncProperty(
        fc.array(change, { minLength: 1, maxLength: 25 }),
        fc.integer({ min: 1, max: 5 }),
        fc.integer({ min: 1, max: 4 }),
        fc.integer({ min: 1, max: 2 }),
        async (changes, maxParked, batch, lanes) => {
          const back = createMemoryBack()
          for (const { key } of changes) await commit(back, setting(['k', key], 0))
          const failing = new Set(changes.flatMap(({ fails }, i) => (fails ? [i + 1] : [])))
          const handled: Change[] = []
          const options = { ...quick, lanes, onFailure: 'parkKey', maxParked, batch } as const
          await using consumer = await consume(back, 'any', options, (given) => {
            if (given.some(({ seq }) => failing.has(seq))) throw new Error('no')
            handled.push(...given)
          })
          let most = 0
          // Somebody looks after what is parked, and repairs what one of them has failed for.
          const repair = async (halted: number): Promise<void> => {
            const parked = await Array.fromAsync(consumer.parked())
            for (const each of Map.groupBy(parked, ({ lane }) => lane).values()) most = Math.max(most, each.length)
            // None, when somebody else was there first: then it goes on.
            failing.delete(parked.find(({ lane }) => lane === halted)?.change.seq ?? 0)
            await consumer.replay()
          }
          const repairs: Promise<void>[] = []
          consumer.events$.subscribe((event) => event.kind === 'halted' && void repairs.push(repair(event.lane)))
          await consumer.caughtUp()
          await Promise.all(repairs)
          failing.clear()
          while ((await consumer.replay()).left > 0);
          expect(most).toBeLessThanOrEqual(maxParked)
          expect(handled.map(({ seq }) => seq).toSorted((a, b) => a - b)).toEqual(range(1, changes.length))
          for (const [, seen] of Map.groupBy(handled, ({ key }) => key[1])) {
            const seqs = seen.map(({ seq }) => seq)
            expect(seqs).toEqual(seqs.toSorted((a, b) => a - b))
          }
        },
      ),
      { numRuns: 60 },
    )
  })

  it('is refused where it makes no sense', async () => {
    await expect(consume(createMemoryBack(), 'none', { ...quick, maxParked: 0 }, () => {})).rejects.toThrow(/maxParked/)
  })
})
