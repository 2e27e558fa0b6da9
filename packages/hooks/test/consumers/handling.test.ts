import { createMemoryBack, Payload, Store, StoreKey } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { type Change, consume, type Consumer, type ConsumerOptions, dropConsumer, sharedLog } from '../../src/index.ts'
import { registrationKey } from '../../src/consumers/consumer-keys.ts'
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

  it.each([
    [{ prefix: ['p2'] }, 'prefix: p1, not with prefix: p2'],
    [{ prefix: undefined }, 'prefix: p1, not with no prefix'],
    [{ ops: ['set'] }, 'ops: delete and set, not with ops: set'],
    [{ ops: undefined }, 'ops: delete and set, not with no ops'],
    [{ transaction: true }, 'transaction: false, not with transaction: true'],
    [{ prefix: 'p2', lanes: 3 }, 'lanes: 2, prefix: p1, not with lanes: 3, prefix: p2'],
  ])('refuses a member that would be handed other changes: %o', async (other, told) => {
    const back = createMemoryBack()
    const options: ConsumerOptions = { lanes: 2, prefix: ['p1'], ops: ['set', 'delete'] }
    const first = await consume(back, 'agreed', options, () => {})
    const same = await consume(back, 'agreed', { ...options, prefix: 'p1', ops: ['delete', 'set'] }, () => {})
    const asked = { ...options, ...other } as ConsumerOptions
    await expect(consume(back, 'agreed', asked, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
      message: expect.stringContaining(told),
    })
    await Promise.all([first.close(), same.close()])
    await dropConsumer(back, 'agreed')
    await using _new = await consume(back, 'agreed', asked, () => {})
  })

  it('takes over what an earlier release has registered, which tells lanes alone', async () => {
    const back = createMemoryBack()
    await using _first = await consume(back, 'earlier', { prefix: 'p1' }, () => {})
    const key = registrationKey('earlier')
    const [mark] = await back.marks.read([key])
    const { delivery: _, ...earlier } = mark!.read() as { delivery: object }
    await back.marks.write([{ key, value: Payload.encode(back.codec, earlier) }])
    await using _second = await consume(back, 'earlier', { prefix: 'p2' }, () => {})
    await expect(consume(back, 'earlier', { prefix: 'p1' }, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
    })
  })

  it('refuses another number of lanes, and says what to do; a drop forgets it', async () => {
    const back = createMemoryBack()
    await commitNumbers(back, 2)
    const first = await consume(back, 'fixed', { lanes: 4, from: 'start' }, () => {})
    await expect(consume(back, 'fixed', { lanes: 5 }, () => {})).rejects.toMatchObject({
      code: 'CONSUMER_MISMATCH',
      message: expect.stringContaining('pass lanes: 4'),
    })
    const events = recordEvents(first)
    expect(await dropConsumer(back, 'fixed')).toBe(true)
    await commitNumbers(back, 5, 3)
    await eventually('it has ended', () => kindsOf(events).includes('ended'))
    expect(events.find(({ kind }) => kind === 'ended')).toMatchObject({ error: { code: 'CONSUMER_DROPPED' } })
    await first.close()
    expect(await dropConsumer(back, 'fixed')).toBe(false)
    const seen: number[] = []
    await using _again = await consume(back, 'fixed', { lanes: 5, from: 'start' }, ({ seq }) => seen.push(seq))
    await eventually('all seen', () => seen.length === 7)
  })

  it('ends when it was dropped and registered anew before it has noticed, with lanes or without', async () => {
    const back = createMemoryBack()
    const old = await Promise.all([1, 2, 3].map(() => consume(back, 'renewed', { lanes: 2, leaseMs: 500 }, () => {})))
    const events = old.map(recordEvents)
    await eventually('they know of each other', async () => {
      const stats = await Promise.all(old.map((consumer) => consumer.stats()))
      return stats.every(({ members }) => members === 3)
    })
    await dropConsumer(back, 'renewed')
    await using _new = await consume(back, 'renewed', { lanes: 2, leaseMs: 500 }, () => {})
    await eventually('they have ended', () => events.every((each) => kindsOf(each).includes('ended')))
    await Promise.all(old.map((consumer) => consumer.close()))
  })

  it.each([
    [{ lanes: 0 }, RangeError],
    [{ lanes: 1025 }, RangeError],
    [{ batch: 0 }, RangeError],
    [{ attempts: 0 }, RangeError],
    [{ backoff: { minMs: 10, maxMs: 5 } }, RangeError],
    [{ backoff: { max: 5 } }, TypeError],
    [{ leaseMs: 5 }, RangeError],
    [{ onFailure: 'skip' }, RangeError],
    [{ onCompacted: 'snapshot' }, RangeError],
    [{ from: 'end' }, RangeError],
    [{ from: new Date(Number.NaN) }, RangeError],
    [{ transaction: 'yes' }, TypeError],
    [{ retries: 3 }, TypeError],
    [{ log: {} }, TypeError],
  ])('refuses %o at once, with nothing registered', async (options, error) => {
    const back = createMemoryBack()
    await expect(consume(back, 'wrong', options as ConsumerOptions, () => {})).rejects.toThrow(error)
    expect(await dropConsumer(back, 'wrong')).toBe(false)
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
})

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
