import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stripeOf } from '../src/stripes.ts'
import { rawClient } from './support/fronts.ts'
import { ScriptBench } from './support/script-bench.ts'

const E1 = '00000001'
const E2 = '00000002'

let server: RedisServer
let bench: ScriptBench
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  bench = new ScriptBench(rawClient(server))
  await bench.client.flushall()
  await bench.init(E1, 0)
})

async function apply(seq: number, value: string | undefined, id = 'k', epoch = E1): Promise<string | undefined> {
  return (await bench.apply(epoch, [{ id, seq, value }])).outcomes[0]
}

async function fenceOf(id: string): Promise<number> {
  return Number((await bench.meta())[stripeOf(id)] ?? 0)
}

describe('the race table', () => {
  test('row 1: of two writers, the late one with the older commit does not win', async () => {
    expect(await apply(2, 'new')).toBe('installed')
    expect(await apply(1, 'old')).toBe('newer')
    expect(await bench.record('k')).toEqual({ version: 2, value: 'new' })
  })

  test('row 2: a fill that was read before a commit does not return after its invalidation', async () => {
    expect(await apply(1, undefined)).toBe('removed')
    expect((await bench.fill(E1, [{ id: 'k', version: 0, asOf: 0, value: 'old' }])).outcomes).toEqual(['fenced'])
    expect(await bench.record('k')).toBeUndefined()
  })

  test('row 3: a late older commit does not install where the newer record was evicted', async () => {
    await apply(2, 'new')
    await bench.evict('k')
    expect(await apply(1, 'old')).toBe('removed')
    expect(await bench.record('k')).toBeUndefined()
  })

  test('row 4: nothing that marks an invalidation can be evicted by itself', async () => {
    await apply(5, undefined)
    const names = await bench.client.keys('*')
    expect(names).toEqual([bench.keyspace.meta])
    expect(await bench.client.pttl(bench.keyspace.meta)).toBe(-1)
    expect((await bench.fill(E1, [{ id: 'k', version: 3, asOf: 4, value: 'old' }])).outcomes).toEqual(['fenced'])
  })

  test('row 5: the same holds for a late write that no fill preceded', async () => {
    await apply(1, 'first')
    await apply(3, 'new')
    await bench.evict('k')
    expect(await apply(2, 'old')).toBe('removed')
  })

  test('row 6: losing to a newer record raises the fence all the same', async () => {
    await bench.fill(E1, [{ id: 'k', version: 2, asOf: 2, value: 'filled' }])
    expect(await fenceOf('k')).toBe(0)
    expect(await apply(2, 'applied')).toBe('newer')
    expect(await fenceOf('k')).toBe(2)
    await bench.evict('k')
    expect(await apply(1, 'old')).toBe('removed')
  })

  test('row 8: a late miss does not hide an insert', async () => {
    await apply(7, undefined)
    expect((await bench.fill(E1, [{ id: 'k', version: 6, asOf: 6, value: '' }])).outcomes).toEqual(['fenced'])
    expect((await bench.fill(E1, [{ id: 'k', version: 7, asOf: 7, value: '' }])).outcomes).toEqual(['installed'])
    // The insert came later than the miss was installed.
    expect(await apply(8, 'inserted')).toBe('installed')
  })

  test('row 13: with its memory full the server still removes what a commit replaced, and still raises the fence', async () => {
    await apply(1, 'old')
    await bench.client.config('SET', 'maxmemory', '1')
    try {
      await expect(bench.fill(E1, [{ id: 'other', version: 1, asOf: 9, value: 'x' }])).rejects.toMatchObject({
        code: 'FRONT_UNAVAILABLE',
        message: expect.stringContaining('raise maxmemory'),
      })
      expect(await apply(2, undefined)).toBe('removed')
    } finally {
      await bench.client.config('SET', 'maxmemory', '0')
    }
    expect(await bench.record('k')).toBeUndefined()
    expect(await fenceOf('k')).toBe(2)
  })

  test('row 20: versions are compared as numbers', async () => {
    await apply(9, 'nine')
    expect(await apply(10, 'ten')).toBe('installed')
    expect(await apply(9, 'nine')).toBe('newer')
    await bench.evict('k')
    expect(await apply(9, 'nine')).toBe('removed')
    // The largest seq there is comes back as itself, not rounded.
    expect(await apply(Number.MAX_SAFE_INTEGER, 'last')).toBe('installed')
    expect(await fenceOf('k')).toBe(Number.MAX_SAFE_INTEGER)
    expect(await apply(Number.MAX_SAFE_INTEGER - 1, 'before')).toBe('newer')
  })
})

describe('the rules', () => {
  test('what a record replaces needs no look at the fence of its stripe', async () => {
    await apply(1, 'old')
    await bench.client.hset(bench.keyspace.meta, String(stripeOf('k')), 5)
    expect(await apply(3, 'new')).toBe('installed')
    expect(await fenceOf('k')).toBe(5)
  })

  test('where there is no record, base and stripe both fence', async () => {
    await bench.client.hset(bench.keyspace.meta, 'b', 4)
    expect(await apply(3, 'old')).toBe('removed')
    expect(await apply(4, 'new')).toBe('installed')
  })

  test('without meta nothing is installed, and what a commit replaced still goes', async () => {
    for (const lost of [['e'], ['w'], ['e', 'w', 'b']]) {
      await bench.client.flushall()
      await bench.init(E1, 0)
      await apply(1, 'old')
      await bench.client.hdel(bench.keyspace.meta, ...lost)
      const { epoch, outcomes } = await bench.apply(E1, [{ id: 'k', seq: 2, value: 'new' }])
      expect({ epoch, outcomes }).toEqual({ epoch: undefined, outcomes: ['removed'] })
      expect(await bench.record('k')).toBeUndefined()
      expect(await fenceOf('k')).toBe(2)
      expect((await bench.fill(E1, [{ id: 'k', version: 2, asOf: 2, value: 'new' }])).outcomes).toEqual(['fenced'])
    }
  })

  test('a record of another epoch is neither kept nor installed', async () => {
    await apply(5, 'old')
    await bench.client.hset(bench.keyspace.meta, 'e', E2)
    expect(await apply(6, 'late', 'k', E1)).toBe('removed')
    expect((await bench.fill(E1, [{ id: 'k', version: 6, asOf: 6, value: 'late' }])).outcomes).toEqual(['fenced'])
    expect(await apply(6, 'now', 'k', E2)).toBe('installed')
    // A newer version of an epoch that is over does not count.
    await bench.client.hset(bench.keyspace.meta, 'e', '00000003')
    expect((await bench.fill('00000003', [{ id: 'k', version: 1, asOf: 9, value: 'x' }])).outcomes).toEqual([
      'installed',
    ])
  })

  test('a batch is taken in order, duplicates included', async () => {
    const all = await bench.apply(E1, [
      { id: 'a', seq: 1, value: 'a1' },
      { id: 'b', seq: 2, value: 'b2' },
      { id: 'a', seq: 3, value: undefined },
      { id: 'b', seq: 4, value: 'b4' },
      { id: 'b', seq: 3, value: 'b3' },
      { id: 'c', seq: 5, value: undefined },
      { id: 'c', seq: 6, value: 'c6' },
    ])
    expect(all.outcomes).toEqual(['installed', 'installed', 'removed', 'installed', 'newer', 'removed', 'installed'])
    expect(await bench.record('a')).toBeUndefined()
    expect(await bench.record('b')).toEqual({ version: 4, value: 'b4' })
    expect(await bench.record('c')).toEqual({ version: 6, value: 'c6' })
    const filled = await bench.fill(E1, [
      { id: 'd', version: 8, asOf: 9, value: 'd8' },
      { id: 'd', version: 7, asOf: 9, value: 'd7' },
      { id: 'd', version: 9, asOf: 9, value: 'd9' },
    ])
    expect(filled.outcomes).toEqual(['installed', 'newer', 'installed'])
    expect(await bench.record('d')).toEqual({ version: 9, value: 'd9' })
  })

  test('every record has an end', async () => {
    await apply(1, 'a', 'a')
    await bench.fill(E1, [{ id: 'b', version: 1, asOf: 1, value: 'b' }])
    for (const id of ['a', 'b']) expect(await bench.client.pttl(bench.name(id))).toBeGreaterThan(0)
  })

  test('a stray key of another type stops nobody', async () => {
    await bench.client.lpush(bench.name('k'), 'stray')
    const { outcomes } = await bench.apply(E1, [
      { id: 'a', seq: 1, value: 'a' },
      { id: 'k', seq: 2, value: 'k' },
    ])
    expect(outcomes).toEqual(['installed', 'installed'])
    expect(await bench.record('k')).toEqual({ version: 2, value: 'k' })
    await bench.client.del(bench.name('k'))
    await bench.client.lpush(bench.name('k'), 'stray')
    expect((await bench.fill(E1, [{ id: 'k', version: 3, asOf: 3, value: 'k' }])).outcomes).toEqual(['installed'])
  })
})
