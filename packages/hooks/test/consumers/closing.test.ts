import { createMemoryBack } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commitNumbers } from '../support/writing.ts'

describe('close', () => {
  it('finishes what is in hand, hands out nothing more, and leaves the place right behind it', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 20)
    const gate = deferred()
    const seen: number[] = []
    const consumer = await consume(back, 'calm', { from: 'start', lanes: 1, batch: 5 }, async (changes) => {
      seen.push(...changes.map(({ seq }) => seq))
      await gate.promise
    })
    await eventually('it is at work', () => seen.length === 5)
    const closed = consumer.close()
    expect(consumer.close()).toBe(closed)
    gate.resolve()
    await closed
    expect(seen).toEqual(range(1, 5))
    const stats = await consumer.stats()
    expect(stats.lanes[0]).toMatchObject({ seq: 5, owned: false, lag: 15 })
    await using _next = await consume(back, 'calm', { lanes: 1, batch: 5 }, (changes) => {
      seen.push(...changes.map(({ seq }) => seq))
    })
    await eventually('all seen', () => seen.length === 20)
    expect(seen).toEqual(range(1, 20))
  })

  it('waits no longer than its grace: the signal of the handler aborts, and the change is handed out again', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const stop = new AbortController()
    const aborted = deferred()
    const options = { lanes: 1, from: 'start', closeGraceMs: 10, signal: stop.signal } as const
    const consumer = await consume(back, 'hasty', options, async (_change, { signal }) => {
      signal.addEventListener('abort', () => aborted.resolve())
      stop.abort()
      await new Promise(() => {})
    })
    await aborted.promise
    await consumer.close()
    const seen: number[] = []
    await using _next = await consume(back, 'hasty', { lanes: 1 }, ({ seq }) => seen.push(seq))
    await eventually('it is handed out again', () => seen.length === 1)
  })

  it('takes it off the members, for whoever asks', async () => {
    const back = createMemoryBack()
    const options = { lanes: 2 }
    const consumer = await consume(back, 'gone', options, () => {})
    await using other = await consume(back, 'gone', options, () => {})
    await eventually('both run', async () => (await other.stats()).members === 2)
    await consumer.close()
    expect([(await consumer.stats()).members, (await other.stats()).members]).toEqual([1, 1])
    await other.close()
    expect((await consumer.stats()).members).toBe(0)
  })

  it('ends a consumer whose back tier was closed, and says so', async () => {
    const back = createMemoryBack()
    const consumer = await consume(back, 'orphan', {}, () => {})
    const events = recordEvents(consumer)
    await eventually('it runs', async () => (await consumer.stats()).members === 1)
    await back.close()
    await eventually('it has ended', () => kindsOf(events).includes('ended'))
    await consumer.close()
    await expect(consumer.replay()).rejects.toMatchObject({ code: 'CLOSED' })
  })
})
