import { type RedisServer, startRedis } from '@tidemark/testkit/redis-server'
import { open } from 'tidemark'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { placeKey } from '../src/places/keys.ts'
import { type Api, BERLIN, startApi } from './support/api.ts'
import { redisCommand } from './support/redis-command.ts'
import { verifyFront } from '../src/instance/self-check.ts'

const DEADLINE = { timeout: 15_000, interval: 20 }

let redis: RedisServer
let api: Api
beforeAll(async () => {
  redis = await startRedis()
  api = await startApi({ url: redis.url })
})
afterAll(async () => {
  await api.close()
  await redis.close()
})

async function serves(): Promise<void> {
  await expect
    .poll(async () => (await api.send('GET', '/stats')).body.front, DEADLINE)
    .toMatchObject({ state: 'serving', reason: null, error: null })
}

describe('an instance with a shared front', () => {
  it('says why a read is served from where', async () => {
    await serves()
    await api.send('PUT', '/places/1', BERLIN)
    const { status, headers, body } = await api.send('GET', '/places/1/explain')
    expect([status, headers.get('content-type')]).toEqual([200, 'application/json; charset=utf-8'])
    const version = await api.store.head()
    expect(body).toMatchObject({
      servedBy: 'near',
      because: expect.stringContaining(`version ${version}`),
      fronts: [{ name: 'redis', record: { version }, bypassed: null, error: null }],
      back: { name: 'sqlite', version },
    })
  })

  it('does not call complete a comparison with a front that lags too far behind to be judged', async () => {
    await serves()
    await api.store.set(placeKey(8), BERLIN)
    const verify = () => verifyFront(api.store, 10_000, () => undefined)
    // Redis answers, and takes nothing any more: its records are old, and so is what it claims to have heard of.
    await redisCommand(redis.port, 'CONFIG SET min-replicas-to-write 1')
    try {
      await api.store.set(placeKey(8), { ...BERLIN, name: 'Köln' })
      const verified = await verify()
      expect(verified).toEqual({ records: verified.records, differences: 0, complete: false, error: null })
      expect(verified.records).toBeGreaterThan(0)
    } finally {
      await redisCommand(redis.port, 'CONFIG SET min-replicas-to-write 0')
    }
    await serves()
    expect(await verify()).toMatchObject({ differences: 0, complete: true, error: null })
  })

  it('finds what is wrong in the front, and leaves it there', async () => {
    await serves()
    await api.store.set(placeKey(2), BERLIN)
    expect(await verifyFront(api.store, 10_000, () => undefined)).toMatchObject({ differences: 0, complete: true })
    await redisCommand(redis.port, ALTER_EVERYTHING)
    const seen: number[] = []
    for (const _ of [1, 2]) {
      const verified = await verifyFront(api.store, 10_000, (records) => seen.push(records))
      expect(verified).toEqual({ records: seen.at(-1), differences: seen.at(-1), complete: true, error: null })
      expect(verified.records).toBeGreaterThan(0)
    }
  })

  it('reads past it while it is away, says so, and comes back', async () => {
    await serves()
    const { bypasses, starts } = (await api.send('GET', '/stats')).body.front!
    await redis.kill()
    await expect
      .poll(async () => (await api.send('GET', '/stats')).body.front, DEADLINE)
      .toMatchObject({ state: 'bypassed', reason: 'unreachable', bypasses: bypasses + 1 })
    expect((await api.send('PUT', '/places/3', BERLIN)).status).toBe(201)
    expect((await api.send('GET', '/places/3')).body).toEqual({ id: 3, ...BERLIN })
    const { body } = await api.send('GET', '/places/3/explain')
    expect(body).toMatchObject({ fronts: [{ bypassed: 'unreachable', error: expect.any(String) }] })
    expect(await verifyFront(api.store, 200, () => undefined)).toEqual({
      records: 0,
      differences: 0,
      complete: false,
      error: expect.any(String),
    })
    await redis.restart()
    await serves()
    // It came back empty, and nobody else was there to start it.
    expect((await api.send('GET', '/stats')).body).toMatchObject({
      front: { bypasses: bypasses + 1, starts: starts + 1 },
    })
    expect(api.faults).toEqual([])
  })
})

describe('an instance', () => {
  it('measures how long after their commit it sees the writes of others', async () => {
    const other = await open({ file: api.file })
    try {
      const before = (await api.send('GET', '/stats')).body.stalenessMs.count
      await other.setMany([4, 5, 6].map((id) => [placeKey(id), BERLIN] as const))
      await expect.poll(async () => (await api.send('GET', '/stats')).body.stalenessMs.count, DEADLINE).toBe(before + 3)
      const { count, p50, p99, max, buckets } = (await api.send('GET', '/stats')).body.stalenessMs
      expect(buckets.reduce((sum, [, amount]) => sum + amount, 0)).toBe(count)
      expect([p50 <= p99, p99 <= max]).toEqual([true, true])
      // Its own are visible at once.
      await api.send('PUT', '/places/7', BERLIN)
      expect((await api.send('GET', '/stats')).body.stalenessMs.count).toBe(count)
    } finally {
      await other.close()
    }
  })
})

const ALTER_EVERYTHING = `EVAL "${[
  `for _, key in ipairs(redis.call('KEYS', '*')) do`,
  `if redis.call('TYPE', key).ok == 'string' then`,
  // The last byte belongs to the value.
  `local text = redis.call('GET', key)`,
  `redis.call('SETRANGE', key, #text - 1, string.char((string.byte(text, #text) + 1) % 256))`,
  'end end',
].join(' ')}" 0`
