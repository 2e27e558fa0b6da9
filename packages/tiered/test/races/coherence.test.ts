import { ConflictError } from '@tidemark/core'
import { commit, setting } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { heldIn, Fleet, keyOf, useRedis } from '../support/fleet.ts'
import { late } from '../support/late.ts'

// The rows of the race table in the design's page on coherence. A and B write, C reads; each is a process's worth of
// tiers of its own, over one SQLite file and one Redis. What is late has set out before, and arrives after.

const redis = useRedis()

describe('late writes', () => {
  test('coherence 1: a write-through that arrives after a newer one does not replace it', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    const first = late(a.front, 'apply')
    const writing = a.store.set('k', 'one')
    await first.sent
    await b.store.set('k', 'two')
    await first.arrive()
    await writing
    expect(await c.store.get('k')).toBe('two')
    expect((await heldIn(c.front, [keyOf('k')]))[0]?.entry?.version).toBe(2)
  })

  test('coherence 3: a late write does not come back into a place that was evicted', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    const first = late(a.front, 'apply')
    const writing = a.store.set('k', 'one')
    await first.sent
    await b.store.set('k', 'two')
    await fleet.evict('k')
    await first.arrive()
    await writing
    expect(await c.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
    expect(await c.store.get('k')).toBe('two')
  })

  test('coherence 5: a late write does not take the place that a reader is about to fill', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open({ writePolicy: 'write-around' }), fleet.open()])
    const first = late(a.front, 'apply')
    const writing = a.store.set('k', 'one')
    await first.sent
    await b.store.set('k', 'two')
    const fill = late(c.front, 'fill')
    expect(await c.store.get('k')).toBe('two')
    await fill.sent
    await first.arrive()
    await writing
    expect(await b.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
    await fill.arrive()
    expect(await b.store.get('k', { readPolicy: 'frontend-only' })).toBe('two')
  })

  test('coherence 6: a front that holds something newer already still remembers the write', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    const [first, second, fill] = [late(a.front, 'apply'), late(b.front, 'apply'), late(c.front, 'fill')]
    const writing = [a.store.set('k', 'one')]
    await first.sent
    writing.push(b.store.set('k', 'two'))
    await second.sent
    expect(await c.store.get('k')).toBe('two')
    await fill.sent
    await fill.arrive()
    await second.arrive()
    await fleet.evict('k')
    await first.arrive()
    await Promise.all(writing)
    expect(await c.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
    expect(await c.store.get('k')).toBe('two')
  })

  test.each([9, 99])('coherence 20: version %i is lower than the next one, which has more digits', async (version) => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    await a.store.setMany(Array.from({ length: version - 1 }, (_, i) => [['other', i], i] as const))
    const first = late(a.front, 'apply')
    const writing = a.store.set('k', 'short')
    await first.sent
    expect((await b.store.set('k', 'long')).version).toBe(version + 1)
    await fleet.evict('k')
    await first.arrive()
    await writing
    expect(await c.store.get('k')).toBe('long')
    // And the other way round: the longer number replaces the shorter one.
    await a.store.set('k', 'longer')
    expect((await heldIn(c.front, [keyOf('k')]))[0]?.entry?.version).toBe(version + 2)
  })
})

describe('late fills', () => {
  test.each(['write-through', 'write-around'] as const)(
    'coherence 2: a fill that was read before a %s does not replace what it wrote',
    async (writePolicy) => {
      const fleet = new Fleet(redis.server)
      const [a, b, c] = await Promise.all([fleet.open(), fleet.open({ writePolicy }), fleet.open()])
      await commit(a.sqlite, setting('k', 'old'))
      const fill = late(a.front, 'fill')
      expect(await a.store.get('k')).toBe('old')
      await fill.sent
      await b.store.set('k', 'new')
      await fill.arrive()
      const held = await c.store.get('k', { readPolicy: 'frontend-only' })
      expect(held).toBe(writePolicy === 'write-through' ? 'new' : undefined)
      expect(await c.store.get('k')).toBe('new')
    },
  )

  test('coherence 4: eviction does not open the door to a fill that is older than a delete', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b, c] = await Promise.all([fleet.open(), fleet.open(), fleet.open()])
    await a.store.set('k', 'old', { writePolicy: 'write-around' })
    const fill = late(a.front, 'fill')
    expect(await a.store.get('k')).toBe('old')
    await fill.sent
    await b.store.delete('k')
    await fleet.evict('k')
    await fill.arrive()
    expect(await c.store.get('k', { readPolicy: 'frontend-only' })).toBeUndefined()
    expect(await c.store.get('k')).toBeUndefined()
  })

  test.each(['write-through', 'write-around'] as const)(
    'coherence 8: the knowledge that a key is missing does not hide a %s that came meanwhile',
    async (writePolicy) => {
      const fleet = new Fleet(redis.server)
      const [a, b, c] = await Promise.all([fleet.open(), fleet.open({ writePolicy }), fleet.open()])
      await b.store.set('other', 0)
      const fill = late(a.front, 'fill')
      expect(await a.store.get('k')).toBeUndefined()
      await fill.sent
      await b.store.set('k', 'inserted')
      await fleet.evict('k')
      await fill.arrive()
      expect(await c.store.get('k')).toBe('inserted')
    },
  )
})

describe('near memory', () => {
  test.each(['the shared front', 'the back tier'])(
    'coherence 17: what %s answered before a change arrived is not kept',
    async (tier) => {
      const fleet = new Fleet(redis.server)
      const fromRedis = tier === 'the shared front'
      const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true, redis: fromRedis })])
      await a.store.setMany([
        ['k', 'old'],
        ['other', 0],
      ])
      const reply = fromRedis ? b.front.hold('read', 'after') : undefined
      const held = fromRedis ? undefined : b.back.holdReads()
      const reading = b.store.get('k')
      await (reply?.arrived() ?? held?.executed())
      await a.store.set('k', 'new')
      // A read of another key brings the near front up to the head: the change has arrived before the answer.
      const looking = b.store.get('other')
      if (fromRedis) await reply?.arrived(2)
      else await held?.executed(2)
      reply?.release()
      held?.release()
      await Promise.all([reading, looking])
      expect(b.tiers.peek(keyOf('k').id)?.entry?.payload.read()).not.toBe('old')
      expect(await b.store.get('k')).toBe('new')
    },
  )
})

describe('read, modify, write', () => {
  test('coherence 19: updates of two instances whose fronts are behind lose nothing', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true })])
    await a.store.set('n', 0)
    a.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
    const increment = (n: number | undefined): number => (n ?? 0) + 1
    const versions = await Promise.all(
      Array.from({ length: 20 }, (_, i) => [a, b][i % 2]!.store.update<number>('n', increment)),
    )
    expect(new Set(versions.map(({ version }) => version)).size).toBe(20)
    expect(await a.store.get('n')).toBe(20)
    expect(await b.store.get('n')).toBe(20)
  })

  test('coherence 19: a transaction that read what was changed meanwhile runs again', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open({ near: true }), fleet.open({ near: true })])
    await a.store.set('n', 1)
    const before = await b.store.entry<number>('n')
    let runs = 0
    await b.store.transaction(async (tx) => {
      const n = await tx.get<number>('n')
      if (++runs === 1) await a.store.update<number>('n', (old) => old! + 10)
      tx.set('n', n! + 1)
    })
    expect(runs).toBe(2)
    expect(await a.store.get('n')).toBe(12)
    await expect(b.store.set('n', 0, { ifVersion: before!.version })).rejects.toBeInstanceOf(ConflictError)
  })
})
