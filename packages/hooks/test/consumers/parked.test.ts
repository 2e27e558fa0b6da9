import { createMemoryBack, type MemoryBack } from '@tidemark/core'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { consume, type ConsumerOptions } from '../../src/index.ts'
import { range } from '../support/reading.ts'
import { commit, commitNumbers, setting } from '../support/writing.ts'
import { Handling } from '../support/handling.ts'
import { idle, parkedSeqs, quick } from '../support/consuming.ts'

// Where nobody listens to events$.
beforeEach(() => vi.spyOn(console, 'error').mockImplementation(() => {}))
afterEach(() => vi.restoreAllMocks())

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
