import { createMemoryBack, Store } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume } from '../../src/index.ts'
import { requestKey } from '../../src/consumers/consumer-keys.ts'
import { encodeRecord } from '../../src/consumers/record.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commitNumbers } from '../support/writing.ts'
import { Handling } from '../support/handling.ts'
import { idle, quick } from '../support/consuming.ts'

// Where nobody listens to events$.
beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

describe('a lane that is halted', () => {
  it('stands still after the last attempt, tells, and goes on when it is resumed', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const handling = new Handling(2)
    const consumer = await consume(back, 'halting', quick, handling.one)
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(handling.calls).toEqual([[1], [2], [2], [2]])
    const { lanes } = await consumer.stats()
    expect(lanes[0]).toMatchObject({ seq: 1, attempts: 3, lag: 2, halt: { seq: 2, message: 'Error: poison 2' } })
    await consumer.close()

    // Another member finds it standing still.
    await using next = await consume(back, 'halting', quick, handling.one)
    await eventually('it has the lane', async () => (await next.stats()).lanes[0]!.owned)
    expect((await next.stats()).lanes[0]!.halt).toMatchObject({ seq: 2 })
    handling.poison.clear()
    expect(await next.resume()).toBe(1)
    await idle(next, 3)
    expect(handling.calls.slice(4)).toEqual([[2], [3]])
    expect(await next.resume()).toBe(0)
  })

  it('stops no other lane', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 40)
    const handling = new Handling(5)
    await using consumer = await consume(back, 'others', { ...quick, lanes: 4, backoff: { maxMs: 2 } }, handling.one)
    const events = recordEvents(consumer)
    await eventually('it stands still, and the others are through', async () => {
      const { lanes } = await consumer.stats()
      return kindsOf(events).includes('halted') && lanes.filter(({ lag }) => lag === 0).length === 3
    })
    const halted = (await consumer.stats()).lanes.find(({ halt }) => halt !== undefined)!
    expect(halted.seq).toBeLessThan(5)
    handling.poison.clear()
    await consumer.resume()
    await idle(consumer, 40)
    expect(handling.handled.toSorted((a, b) => a - b)).toEqual(range(1, 40))
  })

  it('tries anew as often as before when it was resumed', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const handling = new Handling(1)
    await using consumer = await consume(back, 'again', quick, handling.one)
    const events = recordEvents(consumer)
    for (const round of [1, 2, 3]) {
      await eventually('it stands still', () => kindsOf(events).filter((kind) => kind === 'halted').length === round)
      expect(handling.calls).toHaveLength(3 * round)
      await consumer.resume()
    }
  })

  it('does not go on because of a resume that was meant for an earlier halt', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const handling = new Handling(1)
    await using consumer = await consume(back, 'stale', quick, handling.one)
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    const key = requestKey('stale', 0, 0)
    const stale = encodeRecord(back.codec, { kind: 'resume', halt: 'another', from: 'now' })
    await back.marks.write([{ key, value: stale }])
    await eventually('it was answered', async () => (await back.marks.read([key]))[0] === undefined)
    expect((await consumer.stats()).lanes[0]).toMatchObject({ halt: { seq: 1 }, seq: 0 })
    expect(kindsOf(events)).not.toContain('lane-resumed')
  })

  it('skips what failed when a halted lane is resumed from now on', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 3)
    const handling = new Handling(2)
    await using consumer = await consume(back, 'skipping', quick, handling.one)
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    await consumer.resume({ from: 'now' })
    await commitNumbers(back, 1, 4)
    await eventually('it goes on', () => handling.handled.includes(4))
    expect(handling.handled).toEqual([1, 4])
  })

  it.each(['start', 'now', 'future', 'past'] as const)(
    'goes on further on, but not back, when what it wrote is committed with its place: %s',
    async (where) => {
      const clock = new ManualClock()
      const back = createMemoryBack({ clock })
      const store = new Store(back)
      for (let n = 1; n <= 4; n++) {
        await commitNumbers(back, 1, n)
        clock.advance(10)
      }
      const from = {
        start: 'start',
        now: 'now',
        future: new Date(clock.now()),
        past: new Date(clock.now() - 25),
      } as const
      let isBroken = true
      await using consumer = await consume(
        back,
        'sums',
        { ...quick, attempts: 1, prefix: 'n', transaction: true },
        async ({ seq }, { tx }) => {
          if (isBroken && seq === 4) throw new Error('no')
          tx.set('sum', ((await tx.get<number>('sum')) ?? 0) + seq)
        },
      )
      const events = recordEvents(consumer)
      await eventually('it stands still', () => kindsOf(events).includes('halted'))
      isBroken = false
      if (where === 'start' || where === 'past') {
        await expect(consumer.resume({ from: from[where] })).rejects.toThrow(/lane 0 .* up to 3: .* second time/)
        await expect(consumer.resume({ from: from[where] })).rejects.toThrow(TypeError)
        expect(kindsOf(events)).not.toContain('lane-resumed')
        expect(await consumer.resume({ from: 'mark' })).toBe(1)
        await eventually('it went on', async () => (await store.get('sum')) === 10)
        return
      }
      expect(await consumer.resume({ from: from[where] })).toBe(1)
      await commitNumbers(back, 1, 8)
      // What it wrote itself is in the log, too.
      await eventually('it went on', async () => (await consumer.stats()).lag === 0)
      expect(await store.get('sum')).toBe(6 + 8)
    },
  )

  it('is asked to go on from a date that the log has lost: nothing goes on', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await using consumer = await consume(back, 'lost', { ...quick, attempts: 1 }, () => Promise.reject(new Error('no')))
    const events = recordEvents(consumer)
    await commitNumbers(back, 6)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    await expect(consumer.resume({ from: new Date(0) })).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    expect((await consumer.stats()).lanes[0]).toMatchObject({ halt: {} })
  })

  it.each([0, 5, 'end', null])('is asked to go on from %j, which is no place: nothing goes on', async (from) => {
    const back = createMemoryBack()
    await using consumer = await consume(back, 'nowhere', { ...quick, attempts: 1 }, () =>
      Promise.reject(new Error('no')),
    )
    const events = recordEvents(consumer)
    await commitNumbers(back, 1)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    await expect(consumer.resume({ from } as never)).rejects.toThrow(/option from must be one of mark, start, now/)
    await expect(consumer.resume({ from: new Date(Number.NaN) })).rejects.toThrow(/option from must be a valid date/)
    expect(kindsOf(events)).not.toContain('lane-resumed')
  })
})
