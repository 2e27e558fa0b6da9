import { ALL_KEYS, createMemoryBack, systemClock } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume, type Consumer, consumerPositions, dropConsumer } from '../../src/index.ts'
import { deliveryOf } from '../../src/consumers/delivery.ts'
import { register } from '../../src/consumers/registration.ts'
import { recordEvents } from '../support/events.ts'
import { withLog } from '../support/reading.ts'
import { tempStore } from '../support/temp-store.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'
import { idle, runOnce } from '../support/consuming.ts'

function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
}

describe('what consumers hold back', () => {
  it('is what follows where their slowest lanes are, running or not, until they are dropped', async () => {
    const back = createMemoryBack()
    const positions = async (): Promise<unknown> => (await consumerPositions(back)).map(({ name, seq }) => [name, seq])
    expect(await positions()).toEqual([])
    await commitNumbers(back, 3)
    await runOnce(back, 'a')
    await commitNumbers(back, 3, 4)
    await runOnce(back, 'b')
    await runOnce(back, 'd', { prefix: 'none' })
    // Registered, and without a mark of any lane yet.
    const delivery = deliveryOf({}, false)
    await register(back, 'c', { lanes: 2, delivery, from: 'start', onCompacted: 'error', clock: systemClock })
    expect(await positions()).toEqual([
      ['a', 3],
      ['b', 6],
      ['c', 0],
      ['d', 6],
    ])
    await dropConsumer(back, 'd')
    const stuck = new AbortController()
    await using consumer = await consume(back, 'b', { lanes: 2 }, async ({ key }) => {
      if (key[1] === 7) await once(stuck.signal)
    })
    await commitNumbers(back, 30, 7)
    await eventually('the other lane is through', async () => {
      return (await consumer.stats()).lanes.some(({ lag }) => lag === 0)
    })
    expect(await positions()).toContainEqual(['b', 6])
    recordEvents(consumer)
    stuck.abort()
    for (const name of ['a', 'b', 'c']) await dropConsumer(back, name)
    await consumer.close()
    expect(await positions()).toEqual([])
    expect(await back.marks.scan(ALL_KEYS, { after: undefined, limit: 10 })).toEqual([])
  })
})

describe('a consumer far behind', () => {
  it('holds no more than a page and a batch for each lane, also when one of them stands still', async () => {
    await using store = await tempStore()
    const back = store.open()
    const total = 12_000
    for (let n = 0; n < total; n += 1_000) {
      await commit(back, ...Array.from({ length: 1_000 }, (_, i) => setting(['n', n + i], n + i)))
    }
    const pages: number[] = []
    const log = withLog(back.log, {
      sync: undefined,
      read: async (options) => {
        const page = await back.log.read(options)
        pages.push(page.changes.length)
        return page
      },
    })
    let most = 0
    let count = 0
    const stuck = Promise.withResolvers<void>()
    const lanes = 4
    await using consumer: Consumer = await consume(
      back,
      'behind',
      { from: 'start', lanes, batch: 100, log, timeoutMs: 86_400_000 },
      async (changes, { lane }) => {
        most = Math.max(most, ...(await consumer.stats()).lanes.map(({ held }) => held))
        if (lane === 0) await stuck.promise
        count += changes.length
      },
    )
    await eventually('the others are through', async () => {
      const stats = await consumer.stats()
      return stats.lanes.slice(1).every(({ lag }) => lag === 0)
    })
    expect(count).toBeGreaterThan(total / 2)
    const [first] = (await consumer.stats()).lanes
    expect(first!.lag).toBe(total)
    expect(most).toBeLessThanOrEqual(1_000)
    // Each of the three has read every page once, and the one that stands still has not read ahead.
    expect(Math.max(...pages)).toBeLessThanOrEqual(1_000)
    expect(pages.length).toBeLessThanOrEqual(3 * Math.ceil(total / 500) + lanes * 2)
    stuck.resolve()
    await idle(consumer, total)
    expect(count).toBe(total)
  })
})
