import { createMemoryBack, type MemoryBack, Store, TidemarkError } from '@tidemark/core'
import { eventually, ManualClock } from '@tidemark/testkit'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, type Consumer, type ConsumerOptions } from '../../src/index.ts'
import { requestKey } from '../../src/consumers/consumer-keys.ts'
import { encodeRecord } from '../../src/consumers/record.ts'
import { kindsOf, recordEvents } from '../support/events.ts'
import { range } from '../support/reading.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'

// Where nobody listens to events$.
beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

const quick = { from: 'start', lanes: 1, attempts: 3, backoff: { minMs: 1, maxMs: 2 } } as const

/**
 * Fails at the given seqs, as long as they are in the set; keeps what it has handled, and how often it was called
 * with what.
 */
class Handling {
  readonly poison: Set<number>
  readonly handled: number[] = []
  readonly calls: number[][] = []

  constructor(...poison: number[]) {
    this.poison = new Set(poison)
  }

  readonly one = ({ seq }: { seq: number }): void => this.many([{ seq }])

  readonly many = (changes: readonly { seq: number }[]): void => {
    const seqs = changes.map(({ seq }) => seq)
    this.calls.push(seqs)
    const bad = seqs.find((seq) => this.poison.has(seq))
    if (bad !== undefined) throw new Error(`poison ${bad}`)
    this.handled.push(...seqs)
  }
}

async function parkedSeqs(consumer: Consumer): Promise<number[]> {
  return (await Array.fromAsync(consumer.parked())).map(({ change }) => change.seq)
}

async function idle(consumer: Consumer, upTo: number): Promise<void> {
  await eventually(`it is past ${upTo}`, async () => (await consumer.stats()).lanes.every(({ seq }) => seq >= upTo))
}

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

  it('halts its lane after the last attempt, tells, and goes on when it is resumed', async () => {
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

  it('is tried anew as often as before when a resumed lane fails again', async () => {
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

  it('is asked for a date that the log has lost: nothing goes on', async () => {
    const back = createMemoryBack({ maxLogChanges: 3 })
    await using consumer = await consume(back, 'lost', { ...quick, attempts: 1 }, () => Promise.reject(new Error('no')))
    const events = recordEvents(consumer)
    await commitNumbers(back, 6)
    await eventually('it stands still', () => kindsOf(events).includes('halted'))
    await expect(consumer.resume({ from: new Date(0) })).rejects.toMatchObject({ code: 'LOG_COMPACTED' })
    expect((await consumer.stats()).lanes[0]).toMatchObject({ halt: {} })
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

describe('parked changes', () => {
  const park: ConsumerOptions = { ...quick, onFailure: 'park' }
  const parkKey: ConsumerOptions = { ...quick, onFailure: 'parkKey' }

  /** Keys a, b, a, b …: seqs 1 to 8. */
  async function twoKeys(): Promise<MemoryBack> {
    const back = createMemoryBack({ maxLogChanges: 8 })
    for (let n = 0; n < 8; n++) await commit(back, setting(['ab'[n % 2]!], n, { meta: { n } }))
    return back
  }

  it('let the others go on, their own key included, under park', async () => {
    const back = await twoKeys()
    const handling = new Handling(3)
    await using consumer = await consume(back, 'park', park, handling.one)
    await idle(consumer, 8)
    expect(handling.handled).toEqual([1, 2, 4, 5, 6, 7, 8])
    expect((await consumer.stats()).parked).toBe(1)
  })

  it('keep later changes of their key behind them under parkKey, also for the next owner', async () => {
    const back = await twoKeys()
    const handling = new Handling(3)
    {
      await using consumer = await consume(back, 'key', { ...parkKey, batch: 2 }, handling.many)
      await idle(consumer, 8)
    }
    expect(handling.handled).toEqual([1, 2, 4, 6, 8])
    await commit(back, setting('a', 8))
    await commit(back, setting('b', 9))
    await using consumer = await consume(back, 'key', { ...parkKey, batch: 2 }, handling.many)
    await idle(consumer, 10)
    expect(handling.handled).toEqual([1, 2, 4, 6, 8, 10])
    const parked = await Array.fromAsync(consumer.parked())
    expect(parked.map(({ change, behind, attempts }) => [change.seq, behind, attempts])).toEqual([
      [3, false, 3],
      [5, true, 0],
      [7, true, 0],
      [9, true, 0],
    ])
    expect((await consumer.stats()).parked).toBe(4)
  })

  it('are replayed in order, with all that they were, after the log has forgotten them; then their key is free', async () => {
    const back = await twoKeys()
    const handling = new Handling(3)
    await using consumer = await consume(back, 'replayed', parkKey, handling.one)
    await idle(consumer, 8)
    await commitNumbers(back, 8, 100)
    await idle(consumer, 16)
    expect(await back.log.floor()).toBeGreaterThanOrEqual(7)
    const parked = await Array.fromAsync(consumer.parked({ key: 'a' }))
    expect(parked.map(({ change }) => change.toJSON())).toMatchObject([
      { seq: 3, key: ['a'], value: 2, meta: { n: 2 }, prevVersion: 1, origin: back.origin },
      { seq: 5, key: ['a'], value: 4, meta: { n: 4 }, prevVersion: 3 },
      { seq: 7, key: ['a'], value: 6, meta: { n: 6 }, prevVersion: 5 },
    ])

    expect(await consumer.replay()).toEqual({ replayed: 0, left: 3 })
    expect(handling.calls.slice(-1)).toEqual([[3]])
    expect((await Array.fromAsync(consumer.parked())).map(({ attempts }) => attempts)).toEqual([4, 0, 0])

    handling.poison.clear()
    handling.handled.length = 0
    expect(await consumer.replay({ seq: 5 })).toEqual({ replayed: 0, left: 1 })
    expect(await consumer.replay()).toEqual({ replayed: 3, left: 0 })
    expect(handling.handled).toEqual([3, 5, 7])
    await commit(back, setting('a', 'free'))
    await idle(consumer, 17)
    expect(handling.handled).toEqual([3, 5, 7, 17])
    expect(await consumer.stats()).toMatchObject({ parked: 0 })
  })

  it('can be dropped: one, those of a key, all', async () => {
    const back = await twoKeys()
    const handling = new Handling(1, 2, 3, 4, 5, 6, 7)
    await using consumer = await consume(back, 'dropped', { ...park, attempts: 1, lanes: 3 }, handling.one)
    await idle(consumer, 8)
    expect((await parkedSeqs(consumer)).toSorted((a, b) => a - b)).toEqual(range(1, 7))
    expect(await consumer.drop({ seq: 4 })).toBe(1)
    expect(await consumer.drop({ key: 'a' })).toBe(4)
    expect((await parkedSeqs(consumer)).toSorted((a, b) => a - b)).toEqual([2, 6])
    expect(await consumer.drop()).toBe(2)
    expect(await consumer.drop()).toBe(0)
    expect(await consumer.stats()).toMatchObject({ parked: 0 })
  })

  it('are replayed in the transaction in which they are removed', async () => {
    const back = await twoKeys()
    let isBroken = true
    await using consumer = await consume(
      back,
      'tx',
      { ...park, prefix: 'a', transaction: true },
      async ({ seq }, { tx }) => {
        if (isBroken && seq === 3) throw new Error('no')
        tx.set(['done', seq], 1)
      },
    )
    await idle(consumer, 8)
    const commits: number[] = []
    back.onCommit((all) => commits.push(...all.map(({ changes }) => changes.length)))
    isBroken = false
    expect(await consumer.replay()).toEqual({ replayed: 1, left: 0 })
    expect(commits).toEqual([1])
  })

  it('are replayed by the owner of their lane, whoever asks', async () => {
    const back = await twoKeys()
    const first = new Handling(3)
    const second = new Handling()
    await using owner = await consume(back, 'asked', { ...park, leaseMs: 200 }, first.one)
    await idle(owner, 8)
    await using other = await consume(back, 'asked', { ...park, leaseMs: 200 }, second.one)
    first.poison.clear()
    expect(await other.replay()).toEqual({ replayed: 1, left: 0 })
    expect([...first.handled, ...second.handled].filter((seq) => seq === 3)).toEqual([3])
  })
})
