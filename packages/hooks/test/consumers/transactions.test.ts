import { createMemoryBack, Store } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { consume } from '../../src/index.ts'
import { deferred } from '../support/deferred.ts'
import { commitNumbers } from '../support/writing.ts'

describe('a consumer with a transaction', () => {
  it('commits what the handler writes with its place, and runs it again when what it read has changed', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set('sum', 100)
    await commitNumbers(back, 4)
    let runs = 0
    {
      await using consumer = await consume<number>(
        back,
        'sums',
        { from: 'start', prefix: 'n', lanes: 1, attempts: 1, transaction: true },
        async ({ value }, { tx }) => {
          const sum = (await tx.get<number>('sum'))!
          if (++runs === 1) await store.set('sum', 1000)
          tx.set('sum', sum + (value as number))
        },
      )
      await eventually('all counted', async () => (await consumer.stats()).processed === 4)
    }
    expect(await store.get('sum')).toBe(1010)
    expect(runs).toBe(5)
  })

  it('writes nothing of a handler that fails, nor of what it does when it is no longer waited for', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await commitNumbers(back, 1)
    const late = Promise.withResolvers<unknown>()
    const go = deferred()
    let runs = 0
    await using consumer = await consume(
      back,
      'late',
      { from: 'start', prefix: 'n', transaction: true, timeoutMs: 20, backoff: { minMs: 1 } },
      async (_change, { tx, signal }) => {
        tx.set(['run', ++runs], signal.aborted)
        if (runs > 1) return
        await go.promise
        try {
          tx.set('late', 1)
        } catch (error) {
          late.resolve(error)
        }
      },
    )
    await eventually('it was done', async () => (await consumer.stats()).processed === 1)
    go.resolve()
    expect(await late.promise).toBeInstanceOf(TypeError)
    expect([await store.get(['run', 1]), await store.get(['run', 2]), await store.get('late')]).toEqual([
      undefined,
      false,
      undefined,
    ])
  })

  it('gets through where all its lanes count into one entry', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await commitNumbers(back, 400)
    {
      await using consumer = await consume(
        back,
        'hot',
        { from: 'start', prefix: 'n', lanes: 8, batch: 10, transaction: true },
        async (changes, { tx }) => tx.set('sum', ((await tx.get<number>('sum')) ?? 0) + changes.length),
      )
      await eventually('all counted', async () => (await consumer.stats()).processed === 400)
    }
    expect(await store.get('sum')).toBe(400)
  })

  it('appends to a log once for each change, and fails where there is none to append to', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set('no log', 'a value')
    await commitNumbers(back, 6)
    let runs = 0
    await using consumer = await consume<number>(
      back,
      'audit',
      {
        from: 'start',
        prefix: 'n',
        lanes: 1,
        attempts: 2,
        backoff: { minMs: 1 },
        onFailure: 'park',
        transaction: true,
      },
      async ({ value }, { tx, attempt }) => {
        runs++
        tx.log('audit').append(value)
        if (value === 3 && attempt === 1) throw new Error('not yet')
        if (value === 5) tx.log('no log').append(value)
      },
    )
    consumer.events$.subscribe()
    await consumer.caughtUp()
    const numbers = (await Array.fromAsync(store.entries<number>({ prefix: 'n' }))).map(({ value }) => value)
    expect(await Array.fromAsync(store.log('audit'))).toEqual(numbers.filter((value) => value !== 5))
    expect(runs).toBe(numbers.length + 2)
    const parked = await Array.fromAsync(consumer.parked())
    expect(parked.map(({ change }) => change.value)).toEqual([5])
    expect(await store.get('no log')).toBe('a value')
  })
})
