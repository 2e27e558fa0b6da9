import { createMemoryBack, TidemarkError } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, type ConsumerOptions } from '../../src/index.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { commitNumbers } from '../support/writing.ts'
import { Handling } from '../support/handling.ts'
import { idle, parkedSeqs, quick } from '../support/consuming.ts'

// Where nobody listens to events$.
beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

describe('a change that fails', () => {
  it('is tried again after a backoff that doubles, with jitter, and counts as handled once it succeeds', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    const handling = new Handling(1)
    const options = { from: 'start', lanes: 1, clock, random: () => 0.5, backoff: { minMs: 100, maxMs: 250 } } as const
    const consumer = await consume(back, 'retried', options, handling.one)
    const events = recordEvents(consumer)
    const failed = (): number => kindsOf(events).filter((kind) => kind === 'attempt-failed').length
    for (const [i, waitMs] of [75, 150, 187.5, 187.5].entries()) {
      await eventually('it has failed', () => failed() === i + 1)
      expect((await consumer.stats()).lanes[0]!.attempts).toBe(i + 1)
      clock.advance(waitMs - 1)
      await new Promise((resolve) => setImmediate(resolve))
      expect(handling.calls).toHaveLength(i + 1)
      if (i === 3) handling.poison.clear()
      clock.advance(1)
    }
    await eventually('both are handled', () => handling.handled.length === 2)
    expect(handling.calls).toEqual([[1], [1], [1], [1], [1], [2]])
    expect(
      events.filter(({ kind }) => kind === 'attempt-failed').map((event) => 'attempt' in event && event.attempt),
    ).toEqual([1, 2, 3, 4])
    const closed = consumer.close()
    await closed
  })

  it('is not tried again when the receiver will never take it, and no earlier than it asks for', async () => {
    const clock = new ManualClock()
    const back = createMemoryBack({ clock })
    await commitNumbers(back, 2)
    const calls: number[] = []
    const options = { from: 'start', lanes: 1, clock, onFailure: 'park', backoff: { minMs: 10, maxMs: 10 } } as const
    const consumer = await consume(back, 'advised', options, ({ seq }) => {
      calls.push(seq)
      if (seq === 1) throw new TidemarkError('DELIVERY_FAILED', 'gone for good')
      const error = new TidemarkError('DELIVERY_FAILED', 'not now', { retryable: true })
      if (calls.length < 3) throw Object.assign(error, { retryAfterMs: 5_000 })
    })
    await eventually('the second was refused', () => calls.length === 2)
    expect(await parkedSeqs(consumer)).toEqual([1])
    await eventually('its failure is known', async () => (await consumer.stats()).lanes[0]!.attempts === 1)
    clock.advance(4_999)
    await new Promise((resolve) => setImmediate(resolve))
    expect(calls).toEqual([1, 2])
    clock.advance(1)
    await eventually('it was tried again', () => calls.length === 3)
    expect(calls).toEqual([1, 2, 2])
    await consumer.close()
  })

  it('keeps its count when another member goes on with it', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const handling = new Handling(1)
    const slow = { ...quick, backoff: { minMs: 3_600_000, maxMs: 3_600_000 } }
    {
      await using first = await consume(back, 'handed', slow, handling.one)
      const events = recordEvents(first)
      await eventually('it has failed', () => kindsOf(events).includes('attempt-failed'))
      expect((await first.stats()).lanes[0]).toMatchObject({ attempts: 1 })
    }
    await using consumer = await consume(back, 'handed', quick, handling.one)
    const events = recordEvents(consumer)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    expect(handling.calls).toHaveLength(3)
  })

  it('is tried alone after its batch has failed, and does not count for the others', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 10)
    const handling = new Handling(4)
    const options: ConsumerOptions & { batch: number } = { ...quick, batch: 5, onFailure: 'park' }
    await using consumer = await consume(back, 'batched', options, handling.many)
    await idle(consumer, 10)
    expect(handling.calls).toEqual([[1, 2, 3, 4, 5], [1], [2], [3], [4], [4], [4], [5], [6, 7, 8, 9, 10]])
    expect(await parkedSeqs(consumer)).toEqual([4])
  })

  it('fails when the handler hangs, whose signal then aborts', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const aborted: unknown[] = []
    const options: ConsumerOptions = { ...quick, attempts: 2, timeoutMs: 15, onFailure: 'park' }
    await using consumer = await consume(back, 'hanging', options, async ({ seq }, { signal }) => {
      signal.addEventListener('abort', () => aborted.push(signal.reason))
      if (seq === 1) await new Promise(() => {})
    })
    await idle(consumer, 2)
    const parked = await Array.fromAsync(consumer.parked())
    expect(parked[0]).toMatchObject({ change: { seq: 1 }, attempts: 2, error: expect.stringContaining('15 ms') })
    expect(aborted).toMatchObject([{ code: 'HANDLER_TIMEOUT' }, { code: 'HANDLER_TIMEOUT' }])
  })

  it('is printed where nobody listens, when it comes to its end', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 1)
    const handling = new Handling(1)
    await using consumer = await consume(back, 'loud', { ...quick, onFailure: 'park' }, handling.one)
    await idle(consumer, 1)
    expect(vi.mocked(console.error).mock.calls.map(([text]) => text)).toEqual([
      expect.stringContaining('loud parked change 1'),
    ])
  })
})
