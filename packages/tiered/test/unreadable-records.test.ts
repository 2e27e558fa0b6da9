import { createCborCodec, type EnvelopeCodec, TidemarkError } from '@tidemark/core'
import { eventually } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, type Instance, keyOf, useRedis } from './support/fleet.ts'

const redis = useRedis()

/** Where the version stands in a record, and where the value begins, in one without meta. */
const [VERSION_AT, BODY_AT] = [10, 55]

/** What lies in Redis cannot be decoded any more: its header is whole, its value is not. @returns its bytes */
async function spoil(fleet: Fleet, key: string): Promise<Buffer> {
  const name = (await fleet.recordName(key))!
  const record = (await fleet.raw.getBuffer(name))!
  const bytes = record.fill(0xff, BODY_AT)
  await fleet.raw.set(name, bytes)
  return bytes
}

async function isServedByRedis({ tiers }: Instance, key: string): Promise<boolean> {
  return (await tiers.explain(keyOf(key))).servedBy === 'redis'
}

const FAILURES: Record<string, () => unknown> = {
  'throws an error of its own': () => {
    throw new Error('mine')
  },
  'throws one of ours that is about something else': () => {
    throw new TidemarkError('TIMEOUT', 'too late')
  },
  'gives what throws when it is looked at': () =>
    new Proxy(
      {},
      {
        getPrototypeOf: () => {
          throw new Error('not that')
        },
      },
    ),
}

/** Reads what the codec of the fleet wrote, and fails in its own way where that is "bad". */
function failing(fail: () => unknown): EnvelopeCodec {
  const cbor = createCborCodec()
  const decode = (bytes: Uint8Array): unknown => {
    const value = cbor.decode(bytes)
    return value === 'bad' ? fail() : value
  }
  const { id } = cbor
  return {
    id,
    encode: (value) => cbor.encode(value),
    decode,
    encodeAfter: (prefix, value) => Buffer.concat([prefix, cbor.encode(value)]),
    decodeAfter: (at, bytes) => decode(bytes.subarray(at)),
  }
}

describe('a record in Redis that nobody can decode', () => {
  test.each(Object.keys(FAILURES))(
    'fails none of those who read other keys in the same turn, where its codec %s',
    async (failure) => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.setMany([
        ['a', 'good'],
        ['b', 'bad'],
        ['c', 'good'],
      ])
      const b = await fleet.open({ redis: { codec: failing(FAILURES[failure]!) } })
      await eventually('the front serves', b.isServing)
      expect((await b.tiers.explain(keyOf('b'))).because).toMatch('which cannot be read')
      expect(await Promise.all(['a', 'b', 'c'].map((key) => b.store.get(key)))).toEqual(['good', 'bad', 'good'])
    },
  )

  test('is told by explain, counts as not held, and gives way to what the next read finds below', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    const { version } = await a.store.set('k', { n: 1 })
    await spoil(fleet, 'k')
    const explained = await a.tiers.explain(keyOf('k'))
    expect(explained).toMatchObject({
      servedBy: 'sqlite',
      fronts: [{ record: { kind: 'value', version }, unreadable: { code: 'CORRUPT' } }],
    })
    expect(explained.because).toMatch(`redis holds version ${version}, which cannot be read`)
    expect(await a.store.get('k')).toEqual({ n: 1 })
    await eventually('it is replaced', () => isServedByRedis(a, 'k'))
    const { hits } = a.tiers.tierStats()
    expect(await a.store.get('k')).toEqual({ n: 1 })
    expect(a.tiers.tierStats().hits).toEqual({ ...hits, redis: hits['redis']! + 1 })
    expect(a.events).toEqual([])
  })

  test.each<readonly [string, (record: Buffer) => Buffer]>([
    ['flags', (record) => (record.writeUInt8(0x31, 1), record)],
    ['format', (record) => (record.writeUInt8(3, 26), record)],
    ['length', (record) => record.subarray(0, 40)],
    ['kind', (record) => (record.write('?'), record)],
  ])(
    'in its header, by its %s, is named by explain, and gives way to what the next read finds',
    async (_what, spoiled) => {
      const fleet = new Fleet(redis.server)
      const a = await fleet.open()
      await a.store.set('k', { n: 1 })
      const name = (await fleet.recordName('k'))!
      await fleet.raw.set(name, spoiled((await fleet.raw.getBuffer(name))!), 'PX', 3_600_000)
      const explained = await a.tiers.explain(keyOf('k'))
      expect(explained).toMatchObject({
        servedBy: 'sqlite',
        fronts: [{ record: undefined, unreadable: { code: 'CORRUPT', key: 'k' } }],
      })
      expect(explained.because).toMatch('redis holds a record that cannot be read (it is damaged)')
      await eventually('it is replaced', async () => {
        expect(await a.store.get('k')).toEqual({ n: 1 })
        return isServedByRedis(a, 'k')
      })
    },
  )

  test('whose time is up by a clock that is ahead, or by what is left of it, gives way', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', { n: 1 })
    const name = (await fleet.recordName('k'))!
    const record = (await fleet.raw.getBuffer(name))!
    record.writeDoubleBE(Date.now() - 1, 27)
    await fleet.raw.set(name, record, 'PX', 3_600_000)
    expect((await a.tiers.explain(keyOf('k'))).because).toMatch('redis holds a record whose time is up')
    await eventually('it is replaced', async () => {
      expect(await a.store.get('k')).toEqual({ n: 1 })
      return isServedByRedis(a, 'k')
    })
  })

  test('among many, read at once and by several readers, keeps none of the others back', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open({ near: true })])
    const keys = Array.from({ length: 9 }, (_, i) => `k${i}`)
    await a.store.setMany(keys.map((key, i) => [key, { i }] as const))
    for (const key of keys.slice(0, 4)) await spoil(fleet, key)
    const reads = [a, b, a].map(({ store }) => store.getMany(keys))
    for (const found of await Promise.all(reads)) expect([...found.values()]).toEqual(keys.map((_, i) => ({ i })))
    for (const key of keys) await eventually('it is served', () => isServedByRedis(a, key))
  })

  test.each([
    ['too large to be held', async ({ store }: Instance) => store.set('k', 'x'.repeat(2_000))],
    ['that there is nothing', async ({ store }: Instance) => (await store.delete('k'), store.set('other', 1))],
  ])('goes, where what takes its place is %s', async (_what, write) => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open({ redis: { maxRecordBytes: 1_000 }, negativeEntries: false })
    await eventually('the front serves', a.isServing)
    await a.store.set('k', 1)
    const name = (await fleet.recordName('k'))!
    const bytes = await spoil(fleet, 'k')
    const { version } = await write(a)
    expect(await fleet.recordName('k')).toBeUndefined()
    bytes.write(String(version).padStart(16, '0'), VERSION_AT, 'latin1')
    await fleet.raw.set(name, bytes)
    expect(await a.store.get('k')).toEqual((await a.store.get('k', { consistency: 'linearizable' })) as unknown)
    await eventually('it is gone', async () => (await fleet.recordName('k')) === undefined)
  })

  test('lets no write be undone by the fill that is to replace it, however late that comes', async () => {
    const fleet = new Fleet(redis.server)
    const [a, b] = await Promise.all([fleet.open(), fleet.open()])
    await a.store.set('k', 'old')
    await spoil(fleet, 'k')
    const hold = b.front.hold('fill')
    expect(await b.store.get('k')).toBe('old')
    await hold.arrived()
    const { version } = await a.store.set('k', 'new')
    await fleet.evict('k')
    hold.release()
    expect(await b.store.get('k', { minVersion: version })).toBe('new')
    await eventually('it is served', () => isServedByRedis(b, 'k'))
    expect((await b.tiers.explain(keyOf('k'))).fronts[0]!.record!.version).toBe(version)
  })

  test('stays until it can be taken away, and is read past', async () => {
    const fleet = new Fleet(redis.server)
    const a = await fleet.open()
    await a.store.set('k', 1)
    const bytes = await spoil(fleet, 'k')
    a.front.inject(({ method }) => (method === 'discard' ? 'drop-before' : undefined))
    expect(await a.store.get('k')).toBe(1)
    await eventually('it was tried', () => a.events.some((event) => event.type === 'front-failed'))
    expect(await fleet.raw.getBuffer((await fleet.recordName('k'))!)).toEqual(bytes)
    a.front.inject(undefined)
    expect(await a.store.get('k')).toBe(1)
    await eventually('it is replaced', () => isServedByRedis(a, 'k'))
  })
})
