import { Payload } from '@tidemark/core'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { keyspaceOf } from '../src/keyspace.ts'
import { DISCARD } from '../src/scripts/discard.ts'
import { change, codec, fillOf, key, missOf } from './support/changes.ts'
import { openFront, rawClient, readyFront } from './support/fronts.ts'

const { meta, prefix } = keyspaceOf('tidemark')

let server: RedisServer
let raw: Redis
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  raw = rawClient(server)
  await raw.flushall()
})

test('holds what was applied, filled and missed', async () => {
  const front = await readyFront(server)
  const [a, b, c, d] = [key('a'), key('b'), key('c'), key('d')]
  expect(await front.apply([change(1, a, { n: 1 }), change(2, b, 'x')], 'install')).toEqual(['installed', 'installed'])
  expect(await front.fill([fillOf(c, [1, 2], 2, 2), missOf(d, 2)])).toEqual(['installed', 'installed'])
  const found = await front.read([a, b, c, d, key('e')])
  expect(found.map((each) => each?.entry?.payload.read())).toEqual([{ n: 1 }, 'x', [1, 2], undefined, undefined])
  expect(found.map((each) => each?.asOf)).toEqual([1, 2, 2, 2, undefined])
  expect(found[3]).toMatchObject({ entry: undefined, tier: 'redis' })
})

test('an entry comes back whole', async () => {
  const front = await readyFront(server)
  const expiresAt = Date.now() + 600_000
  const meta_ = Payload.encode(codec, { by: 'ada' })
  await front.apply([change(3, key('user', 42), 'v', { at: 1_700_000_000_123, expiresAt, meta: meta_ })], 'install')
  const [found] = await front.read([key('user', 42)])
  expect(found?.entry).toMatchObject({ version: 3, writtenAt: 1_700_000_000_123, expiresAt })
  expect(found?.entry?.meta?.read()).toEqual({ by: 'ada' })
  expect(found?.entry?.key.tuple).toEqual(['user', 42])
})

test('write-around and deletes leave nothing behind', async () => {
  const front = await readyFront(server)
  await front.apply([change(1, key('a'), 1), change(2, key('b'), 1)], 'install')
  expect(await front.apply([change(3, key('a'), 2)], 'invalidate')).toEqual(['removed'])
  expect(await front.apply([change(4, key('b'), undefined)], 'install')).toEqual(['removed'])
  expect(await front.read([key('a'), key('b')])).toEqual([undefined, undefined])
})

describe('a value above maxRecordBytes', () => {
  test('is not installed: it removes what it replaces, unless that is newer', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 'old'), change(5, key('b'), 'newer')], 'install')
    const large = new Uint8Array(5_000_000)
    const changes = [change(2, key('a'), large), change(3, key('b'), large), change(6, key('c'), 'next')]
    expect(await front.apply(changes, 'install')).toEqual(['removed', 'newer', 'installed'])
    const found = await front.read([key('a'), key('b'), key('c')])
    expect(found.map((each) => each?.entry?.payload.read())).toEqual([undefined, 'newer', 'next'])
    // The fence has risen all the same.
    expect(await front.fill([fillOf(key('a'), 'old', 1, 1)])).toEqual(['fenced'])
  })

  test('is not filled, and does not travel', async () => {
    const front = await readyFront(server, { maxRecordBytes: 100 })
    const { roundTrips } = front.inspect()
    expect(await front.fill([fillOf(key('a'), 'x'.repeat(100), 1, 1)])).toEqual(['fenced'])
    expect(front.inspect().roundTrips).toBe(roundTrips)
    const attached = Payload.encode(codec, 'y'.repeat(90))
    expect(await front.apply([change(2, key('b'), 'x'.repeat(90), { meta: attached })], 'install')).toEqual(['removed'])
    const fills = [fillOf(key('a'), 'x'.repeat(100), 2, 2), fillOf(key('c'), 'x'.repeat(90), 2, 2)]
    expect(await front.fill(fills)).toEqual(['fenced', 'installed'])
    expect(await raw.keys(`${prefix}*`)).toEqual([`${prefix}c`])
  })
})

test('the key "m" and its neighbours are keys like any other', async () => {
  const front = await readyFront(server)
  const keys = [key('m'), key('.m'), key(''), key(':m'), key('%m'), key('{p0}'), key('\u0000')]
  await front.apply(
    keys.map((each, i) => change(i + 1, each, i)),
    'install',
  )
  const found = await front.read(keys)
  expect(found.map((each) => each?.entry?.payload.read())).toEqual(keys.map((_, i) => i))
  expect(front.inspect().epoch).toBe(await raw.hget(meta, 'e'))
})

describe('how much it asks of the server', () => {
  async function commandsDuring(work: () => Promise<unknown>): Promise<Record<string, number>> {
    await raw.config('RESETSTAT')
    await work()
    const counts: Record<string, number> = {}
    for (const [, name, calls] of (await raw.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)) {
      // What scripts call inside, and what looks from outside.
      if (!/^(config|info|getrange|hmget|hset|set|del)\b/.test(name!)) counts[name!] = Number(calls)
    }
    return counts
  }

  test('one MGET per read, one script per batch', async () => {
    const front = await readyFront(server)
    const keys = Array.from({ length: 400 }, (_, i) => key('k', i))
    await front.apply([change(1, key('warm'), 1)], 'install')
    await front.fill([missOf(key('warm2'), 1)])
    const before = front.inspect().roundTrips
    expect(await commandsDuring(() => front.read(keys))).toEqual({ mget: 1 })
    const changes = keys.map((each, i) => change(i + 2, each, i))
    expect(await commandsDuring(() => front.apply(changes, 'install'))).toEqual({ evalsha: 1 })
    expect(await commandsDuring(() => front.fill(keys.map((each) => missOf(each, 500))))).toEqual({ evalsha: 1 })
    expect(front.inspect().roundTrips - before).toBe(3)
  })

  test('large batches go in parts of at most 1000 keys or a megabyte, one after the other', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('warm'), 1)], 'install')
    const before = front.inspect().roundTrips
    const changes = Array.from({ length: 1_201 }, (_, i) => change(i + 2, key('k', i % 700), i))
    expect(await commandsDuring(() => front.apply(changes, 'install'))).toEqual({ evalsha: 2 })
    const [first, last] = await front.read([key('k', 0), key('k', 699)])
    expect([first?.asOf, last?.asOf]).toEqual([702, 701])
    const large = Array.from({ length: 4 }, (_, i) => change(i + 2_000, key('l', i), 'x'.repeat(600_000)))
    expect(await commandsDuring(() => front.apply(large, 'install'))).toEqual({ evalsha: 4 })
    expect(front.inspect().roundTrips - before).toBe(7)
  })

  test('nothing for nothing', async () => {
    const front = await readyFront(server)
    const before = front.inspect().roundTrips
    expect(await front.read([])).toEqual([])
    expect(await front.apply([], 'install')).toEqual([])
    expect(await front.fill([])).toEqual([])
    expect(front.inspect().roundTrips).toBe(before)
  })

  test('a script that the server forgot is sent again', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    await raw.script('FLUSH')
    expect(await front.apply([change(2, key('a'), 2)], 'install')).toEqual(['installed'])
  })
})

describe('lifetimes', () => {
  test('are shortened by jitter, never lengthened', async () => {
    const front = await readyFront(server, { ttlMs: 100_000, negativeTtlMs: 50_000, jitter: 0.2 })
    const keys = Array.from({ length: 200 }, (_, i) => key('k', i))
    const start = Date.now()
    await front.apply(
      keys.map((each, i) => change(i + 1, each, i)),
      'install',
    )
    await front.fill([missOf(key('none'), 200)])
    const lifetimes = (await front.read(keys)).map((each) => each!.until - start)
    expect(Math.max(...lifetimes)).toBeLessThanOrEqual(100_000 + (Date.now() - start))
    expect(Math.min(...lifetimes)).toBeGreaterThanOrEqual(80_000)
    expect(Math.max(...lifetimes) - Math.min(...lifetimes)).toBeGreaterThan(10_000)
    for (const each of keys.slice(0, 20)) {
      const [[found], px] = await Promise.all([front.read([each]), raw.pttl(prefix + each.id)])
      expect(px).toBeLessThanOrEqual(found!.until - start)
    }
    expect(await raw.pttl(`${prefix}none`)).toBeLessThanOrEqual(50_000)
  })

  test('end with the entry and with the answer that a record was made of', async () => {
    const front = await readyFront(server, { jitter: 0 })
    const soon = Date.now() + 60_000
    await front.apply([change(1, key('a'), 1, { expiresAt: soon })], 'install')
    await front.fill([fillOf(key('b'), 1, 1, 1, { until: soon })])
    const found = await front.read([key('a'), key('b')])
    for (const each of found) expect(each?.until).toBeLessThanOrEqual(soon)
    for (const id of ['a', 'b']) expect(await raw.pttl(prefix + id)).toBeLessThanOrEqual(60_000)
  })

  test('that are over are not begun, and what was there goes', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    expect(await front.apply([change(2, key('a'), 2, { expiresAt: Date.now() - 1 })], 'install')).toEqual(['removed'])
    expect(await front.fill([fillOf(key('b'), 1, 2, 2, { until: Date.now() - 1 })])).toEqual(['fenced'])
    expect(await front.read([key('a'), key('b')])).toEqual([undefined, undefined])
  })

  test('are judged by the reader too', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    // As if Redis were late to remove it.
    const bytes = (await raw.getBuffer(`${prefix}a`))!
    bytes.writeDoubleBE(Date.now() - 1, 27)
    await raw.set(`${prefix}a`, bytes)
    expect(await front.read([key('a')])).toEqual([undefined])
  })
})

describe('a damaged record', () => {
  test('is a miss, is told once, and goes; the other keys are answered', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1), change(2, key('b'), 2)], 'install')
    await raw.set(`${prefix}a`, 'no record at all, but something that somebody wrote here')
    const told: unknown[] = []
    front.on((event) => {
      if (event.type === 'quarantined') told.push(event.key.id)
    })
    const [[a, b]] = await Promise.all([front.read([key('a'), key('b')]), front.read([key('a')])])
    expect([a, b?.asOf]).toEqual([undefined, 2])
    await eventually('it is gone', async () => (await raw.exists(`${prefix}a`)) === 0)
    expect(told).toEqual(['a'])
    expect(front.inspect().quarantined).toBe(1)
    expect(await front.fill([fillOf(key('a'), 1, 1, 2)])).toEqual(['installed'])
  })

  test('that was replaced in the meantime stays', async () => {
    const discard = (length: number, head: string) => raw.eval(DISCARD.source, 1, 'a', length, head)
    await raw.set('a', 'V0-what replaced it')
    expect(await discard(19, 'N0-what was there')).toBe(0)
    expect(await discard(18, 'V0-what replaced it')).toBe(0)
    expect(await discard(19, 'V0-what replaced')).toBe(1)
    expect(await raw.exists('a')).toBe(0)
  })
})

describe('what the server lost', () => {
  test('FLUSHALL: a new epoch from the head of the back tier, and no older value afterwards', async () => {
    let head = 0
    const front = await readyFront(server, { head: () => Promise.resolve(head) })
    const former = front.inspect().epoch
    head = 7
    await front.apply([change(7, key('a'), 'seven')], 'install')
    await raw.flushall()
    await eventually('another epoch', () => front.status === 'ready' && front.inspect().epoch !== former)
    expect(await raw.hmget(meta, 'e', 'b', 'w', 'n')).toEqual([front.inspect().epoch, '7', '7', null])
    expect(await front.apply([change(6, key('a'), 'six')], 'install')).toEqual(['removed'])
    expect(await front.fill([fillOf(key('a'), 'six', 6, 6)])).toEqual(['fenced'])
    expect(await front.fill([fillOf(key('a'), 'seven', 7, 7)])).toEqual(['installed'])
  })

  test('meta alone: the records that are left are not served in the new epoch', async () => {
    const front = await readyFront(server)
    const former = front.inspect().epoch
    await front.apply([change(1, key('a'), 1), change(2, key('b'), 1)], 'install')
    await raw.del(meta)
    // Before anybody has noticed: what a commit replaces goes all the same, and nothing comes.
    expect(await front.apply([change(3, key('a'), 2)], 'install')).toEqual(['removed'])
    expect(front.status).toBe('fenced')
    expect(await front.read([key('b')])).toEqual([undefined])
    expect(await front.fill([fillOf(key('a'), 2, 3, 3)])).toEqual(['fenced'])
    await eventually('another epoch', () => front.status === 'ready')
    expect(front.inspect().epoch).not.toBe(former)
    expect(await raw.exists(`${prefix}b`)).toBe(1)
    expect(await front.read([key('a'), key('b')])).toEqual([undefined, undefined])
  })

  test('a back tier that does not answer keeps the front fenced, until it does', async () => {
    let head: () => Promise<number> = () => Promise.reject(new Error('the file is busy'))
    const front = openFront(server, { head: () => head() })
    const failures: unknown[] = []
    front.on((event) => {
      if (event.type === 'init-failed') failures.push(event.error)
    })
    await eventually('it has failed', () => failures.length > 0)
    expect(front.status).toBe('fenced')
    await expect(front.whenReady(1)).rejects.toThrow(/not ready within 1 ms: the file is busy/)
    expect(await front.read([key('a')])).toEqual([undefined])
    expect(await front.fill([fillOf(key('a'), 1, 1, 1)])).toEqual(['fenced'])
    expect(await front.apply([change(1, key('a'), 1)], 'install')).toEqual(['removed'])
    head = () => Promise.resolve(1)
    await eventually('it is ready', () => front.status === 'ready')
    expect(await front.fill([fillOf(key('a'), 1, 1, 1)])).toEqual(['installed'])
  })
})

describe('two processes', () => {
  test('that start on an empty server agree', async () => {
    const fronts = await Promise.all(Array.from({ length: 5 }, () => readyFront(server)))
    await eventually('one epoch', () => new Set(fronts.map((each) => each.inspect().epoch)).size === 1)
    await fronts[0]!.apply([change(1, key('a'), 1)], 'install')
    for (const front of fronts) expect((await front.read([key('a')]))[0]?.asOf).toBe(1)
  })

  test('with different namespaces do not meet', async () => {
    const [one, other] = await Promise.all([
      readyFront(server, { namespace: 'one' }),
      readyFront(server, { namespace: 'other' }),
    ])
    await one.apply([change(1, key('a'), 1)], 'install')
    expect(await other.read([key('a')])).toEqual([undefined])
  })

  test('clear() of one is a flush for both, and lets no older value in', async () => {
    const [one, other] = await Promise.all([readyFront(server), readyFront(server)])
    const former = one.inspect().epoch
    await one.apply([change(5, key('a'), 5), change(6, key('b'), 6)], 'install')
    await one.clear()
    expect(await one.read([key('a'), key('b')])).toEqual([undefined, undefined])
    // The other one may not have noticed yet, or have noticed just now: what it sends is refused in either case.
    expect(await other.apply([change(4, key('a'), 4)], 'install')).toEqual(['removed'])
    expect(await other.fill([fillOf(key('b'), 5, 5, 5)])).toEqual(['fenced'])
    await eventually('the other has noticed', () => other.inspect().epoch === one.inspect().epoch)
    expect(one.inspect().epoch).not.toBe(former)
    expect(await other.read([key('a'), key('b')])).toEqual([undefined, undefined])
    expect(await other.apply([change(7, key('a'), 7)], 'install')).toEqual(['installed'])
  })

  test('clear() where meta is lost starts anew', async () => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    await raw.del(meta)
    await front.clear()
    expect(front.status).toBe('ready')
    expect(await front.read([key('a')])).toEqual([undefined])
  })
})
