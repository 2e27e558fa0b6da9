import { Payload } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { connectionOfUrl } from '../src/connection-settings.ts'
import type { RedisFrontOptions } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
import { BODY_AT } from '../src/record.ts'
import { DISCARD } from '../src/scripts/discard.ts'
import { change, codec, fillOf, key, missOf } from './support/changes.ts'
import { openFront, readNow, readyFront } from './support/fronts.ts'
import { useServer } from './support/use-server.ts'

const { meta, prefix } = keyspaceOf('tidemark')
const redis = useServer()

test('is agreed on by what it shares: tier, namespace and database, and not by its address', () => {
  const agreedAs = (options: Partial<RedisFrontOptions>): string => openFront(redis.server, options).agreedAs
  const { port } = redis.server
  expect(agreedAs({})).toBe('redis/tidemark/0')
  expect(agreedAs({ connection: { host: 'localhost', port } })).toBe('redis/tidemark/0')
  expect(agreedAs({ name: 'far', namespace: 'apart', connection: { port, db: 3 } })).toBe('far/apart/3')
  expect(agreedAs({ connection: connectionOfUrl(`redis://127.0.0.1:${port}/4`) })).toBe('redis/tidemark/4')
})

test('holds what was applied, filled and missed', async () => {
  const front = await readyFront(redis.server)
  const [a, b, c, d] = [key('a'), key('b'), key('c'), key('d')]
  expect(await front.apply([change(1, a, { n: 1 }), change(2, b, 'x')], 'install')).toEqual(['installed', 'installed'])
  expect(await front.fill([fillOf(c, [1, 2], 2, 2), missOf(d, 2)])).toEqual(['installed', 'installed'])
  const found = await readNow(front, [a, b, c, d, key('e')])
  expect(found.map((each) => each?.entry?.payload.read())).toEqual([{ n: 1 }, 'x', [1, 2], undefined, undefined])
  expect(found.map((each) => each?.asOf)).toEqual([1, 2, 2, 2, undefined])
  expect(found[3]).toMatchObject({ entry: undefined, tier: 'redis' })
})

test('an entry comes back whole', async () => {
  const front = await readyFront(redis.server)
  const expiresAt = Date.now() + 600_000
  const meta_ = Payload.encode(codec, { by: 'ada' })
  await front.apply([change(3, key('user', 42), 'v', { at: 1_700_000_000_123, expiresAt, meta: meta_ })], 'install')
  const [found] = await readNow(front, [key('user', 42)])
  expect(found?.entry).toMatchObject({ version: 3, writtenAt: 1_700_000_000_123, expiresAt })
  expect(found?.entry?.meta?.read()).toEqual({ by: 'ada' })
  expect(found?.entry?.key.tuple).toEqual(['user', 42])
})

test('write-around and deletes leave nothing behind', async () => {
  const front = await readyFront(redis.server)
  await front.apply([change(1, key('a'), 1), change(2, key('b'), 1)], 'install')
  expect(await front.apply([change(3, key('a'), 2)], 'invalidate')).toEqual(['removed'])
  expect(await front.apply([change(4, key('b'), undefined)], 'install')).toEqual(['removed'])
  expect(await readNow(front, [key('a'), key('b')])).toEqual([undefined, undefined])
})

describe('a value above maxRecordBytes', () => {
  test('is not installed: it removes what it replaces, unless that is newer', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 'old'), change(5, key('b'), 'newer')], 'install')
    const large = new Uint8Array(5_000_000)
    const changes = [change(2, key('a'), large), change(3, key('b'), large), change(6, key('c'), 'next')]
    expect(await front.apply(changes, 'install')).toEqual(['removed', 'newer', 'installed'])
    const found = await readNow(front, [key('a'), key('b'), key('c')])
    expect(found.map((each) => each?.entry?.payload.read())).toEqual([undefined, 'newer', 'next'])
    // The fence has risen all the same.
    expect(await front.fill([fillOf(key('a'), 'old', 1, 1)])).toEqual(['fenced'])
  })

  test('is not filled, and does not travel', async () => {
    const front = await readyFront(redis.server, { maxRecordBytes: 100 })
    const { roundTrips } = front.stats()
    expect(await front.fill([fillOf(key('a'), 'x'.repeat(100), 1, 1)])).toEqual(['fenced'])
    expect(front.stats().roundTrips).toBe(roundTrips)
    const attached = Payload.encode(codec, 'y'.repeat(90))
    expect(await front.apply([change(2, key('b'), 'x'.repeat(90), { meta: attached })], 'install')).toEqual(['removed'])
    const fills = [fillOf(key('a'), 'x'.repeat(100), 2, 2), fillOf(key('c'), 'x'.repeat(90), 2, 2)]
    expect(await front.fill(fills)).toEqual(['fenced', 'installed'])
    expect(await redis.raw.keys(`${prefix}*`)).toEqual([`${prefix}c`])
  })
})

test('the key "m" and its neighbours are keys like any other', async () => {
  const front = await readyFront(redis.server)
  const keys = [key('m'), key('.m'), key(''), key(':m'), key('%m'), key('{p0}'), key('\u0000')]
  await front.apply(
    keys.map((each, i) => change(i + 1, each, i)),
    'install',
  )
  const found = await readNow(front, keys)
  expect(found.map((each) => each?.entry?.payload.read())).toEqual(keys.map((_, i) => i))
  expect(front.stats().epoch).toBe(await redis.raw.hget(meta, 'e'))
})

describe('how much it asks of the server', () => {
  async function commandsDuring(work: () => Promise<unknown>): Promise<Record<string, number>> {
    await redis.raw.config('RESETSTAT')
    await work()
    const counts: Record<string, number> = {}
    for (const [, name, calls] of (await redis.raw.info('commandstats')).matchAll(/cmdstat_(\S+?):calls=(\d+)/g)) {
      // What scripts call inside, and what looks from outside.
      if (!/^(config|info|getrange|hmget|hset|set|del)\b/.test(name!)) counts[name!] = Number(calls)
    }
    return counts
  }

  test('one MGET per read, one script per batch', async () => {
    const front = await readyFront(redis.server)
    const keys = Array.from({ length: 400 }, (_, i) => key('k', i))
    await front.apply([change(1, key('warm'), 1)], 'install')
    await front.fill([missOf(key('warm2'), 1)])
    const before = front.stats().roundTrips
    expect(await commandsDuring(() => readNow(front, keys))).toEqual({ mget: 1 })
    const changes = keys.map((each, i) => change(i + 2, each, i))
    expect(await commandsDuring(() => front.apply(changes, 'install'))).toEqual({ evalsha: 1 })
    expect(await commandsDuring(() => front.fill(keys.map((each) => missOf(each, 500))))).toEqual({ evalsha: 1 })
    expect(front.stats().roundTrips - before).toBe(3)
  })

  test('large batches go in parts of at most 1000 keys or a megabyte, one after the other', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('warm'), 1)], 'install')
    const before = front.stats().roundTrips
    const changes = Array.from({ length: 1_201 }, (_, i) => change(i + 2, key('k', i % 700), i))
    expect(await commandsDuring(() => front.apply(changes, 'install'))).toEqual({ evalsha: 2 })
    const [first, last] = await readNow(front, [key('k', 0), key('k', 699)])
    expect([first?.asOf, last?.asOf]).toEqual([702, 701])
    const large = Array.from({ length: 4 }, (_, i) => change(i + 2_000, key('l', i), 'x'.repeat(600_000)))
    expect(await commandsDuring(() => front.apply(large, 'install'))).toEqual({ evalsha: 4 })
    expect(front.stats().roundTrips - before).toBe(7)
  })

  test('nothing for nothing', async () => {
    const front = await readyFront(redis.server)
    const before = front.stats().roundTrips
    expect(await readNow(front, [])).toEqual([])
    expect(await front.apply([], 'install')).toEqual([])
    expect(await front.fill([])).toEqual([])
    expect(front.stats().roundTrips).toBe(before)
  })

  test('a script that the server forgot is sent again', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1)], 'install')
    await redis.raw.script('FLUSH')
    expect(await front.apply([change(2, key('a'), 2)], 'install')).toEqual(['installed'])
  })
})

describe('lifetimes', () => {
  test('are shortened by jitter, never lengthened', async () => {
    const front = await readyFront(redis.server, { ttlMs: 100_000, negativeTtlMs: 50_000, jitter: 0.2 })
    const keys = Array.from({ length: 200 }, (_, i) => key('k', i))
    const start = Date.now()
    await front.apply(
      keys.map((each, i) => change(i + 1, each, i)),
      'install',
    )
    await front.fill([missOf(key('none'), 200)])
    const lifetimes = (await readNow(front, keys)).map((each) => each!.until - start)
    expect(Math.max(...lifetimes)).toBeLessThanOrEqual(100_000 + (Date.now() - start))
    expect(Math.min(...lifetimes)).toBeGreaterThanOrEqual(80_000)
    expect(Math.max(...lifetimes) - Math.min(...lifetimes)).toBeGreaterThan(10_000)
    for (const each of keys.slice(0, 20)) {
      const [[found], px] = await Promise.all([readNow(front, [each]), redis.raw.pttl(prefix + each.id)])
      expect(px).toBeLessThanOrEqual(found!.until - start)
    }
    expect(await redis.raw.pttl(`${prefix}none`)).toBeLessThanOrEqual(50_000)
  })

  test('end with the entry and with the answer that a record was made of', async () => {
    const front = await readyFront(redis.server, { jitter: 0 })
    const soon = Date.now() + 60_000
    await front.apply([change(1, key('a'), 1, { expiresAt: soon })], 'install')
    await front.fill([fillOf(key('b'), 1, 1, 1, { until: soon })])
    const found = await readNow(front, [key('a'), key('b')])
    for (const each of found) expect(each?.until).toBeLessThanOrEqual(soon)
    for (const id of ['a', 'b']) expect(await redis.raw.pttl(prefix + id)).toBeLessThanOrEqual(60_000)
  })

  test('that are over are not begun, and what was there goes', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1)], 'install')
    expect(await front.apply([change(2, key('a'), 2, { expiresAt: Date.now() - 1 })], 'install')).toEqual(['removed'])
    expect(await front.fill([fillOf(key('b'), 1, 2, 2, { until: Date.now() - 1 })])).toEqual(['fenced'])
    expect(await readNow(front, [key('a'), key('b')])).toEqual([undefined, undefined])
  })

  test('are judged by the reader too', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1)], 'install')
    // As if Redis were late to remove it.
    const bytes = (await redis.raw.getBuffer(`${prefix}a`))!
    bytes.writeDoubleBE(Date.now() - 1, 27)
    await redis.raw.set(`${prefix}a`, bytes)
    expect(await readNow(front, [key('a')])).toEqual([undefined])
    await eventually('it is gone', async () => (await redis.raw.exists(`${prefix}a`)) === 0)
    expect(front.stats().quarantined).toBe(0)
    expect(await front.fill([fillOf(key('a'), 1, 1, 1)])).toEqual(['installed'])
  })
})

describe('a damaged record', () => {
  test('is a miss, is told once, and goes; the other keys are answered', async () => {
    const front = await readyFront(redis.server)
    await front.apply([change(1, key('a'), 1), change(2, key('b'), 2)], 'install')
    await redis.raw.set(`${prefix}a`, 'no record at all, but something that somebody wrote here')
    const told: unknown[] = []
    front.on((event) => {
      if (event.type === 'quarantined') told.push(event.key.id)
    })
    const [[a, b]] = await Promise.all([readNow(front, [key('a'), key('b')]), readNow(front, [key('a')])])
    expect([a, b?.asOf]).toEqual([undefined, 2])
    await eventually('it is gone', async () => (await redis.raw.exists(`${prefix}a`)) === 0)
    expect(told).toEqual(['a'])
    expect(front.stats().quarantined).toBe(1)
    expect(await front.fill([fillOf(key('a'), 1, 1, 2)])).toEqual(['installed'])
  })

  test('is served, or replaced by the next fill, whichever bit of its header was lost', async () => {
    const front = await readyFront(redis.server)
    const a = key('a')
    await front.apply([change(1, a, 'good')], 'install')
    const whole = (await redis.raw.getBuffer(`${prefix}a`))!
    const stuck: string[] = []
    for (let bit = 0; bit < BODY_AT * 8; bit++) {
      const bytes = Buffer.from(whole)
      bytes[bit >> 3]! ^= 1 << (bit & 7)
      await redis.raw.set(`${prefix}a`, bytes)
      if ((await readNow(front, [a]))[0] !== undefined) continue
      // A script that the server does not know yet is sent twice: the first fill may come before what takes the record away.
      const fills = bit === 0 ? 2 : 1
      for (let i = 0; i < fills; i++) await front.fill([fillOf(a, 'good', 1, 1)])
      const [again] = await readNow(front, [a])
      if (again?.entry?.payload.read() !== 'good') stuck.push(`bit ${bit & 7} of byte ${bit >> 3}`)
    }
    expect(stuck).toEqual([])
  })

  test('that was replaced in the meantime stays', async () => {
    const discard = (length: number, head: string) => redis.raw.eval(DISCARD.source, 1, 'a', length, head)
    await redis.raw.set('a', 'V0-what replaced it')
    expect(await discard(19, 'N0-what was there')).toBe(0)
    expect(await discard(18, 'V0-what replaced it')).toBe(0)
    expect(await discard(19, 'V0-what replaced')).toBe(1)
    expect(await redis.raw.exists('a')).toBe(0)
  })
})

test('with different namespaces fronts do not meet', async () => {
  const [one, other] = await Promise.all([
    readyFront(redis.server, { namespace: 'one' }),
    readyFront(redis.server, { namespace: 'other' }),
  ])
  await one.apply([change(1, key('a'), 1)], 'install')
  expect(await readNow(other, [key('a')])).toEqual([undefined])
})
