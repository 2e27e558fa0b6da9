import { type AlgorithmName, compressed } from '@tidemark/codecs'
import {
  type Codec,
  createCborCodec,
  createJsonCodec,
  createMemoryBack,
  createNearMemory,
  Payload,
  Store,
  StoreKey,
} from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { createTiered } from '@tidemark/tiered'
import { Redis } from 'ioredis'
import { readFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { open, type OpenOptions, openReader, sync, type Tidemark, type TidemarkReader } from 'tidemark'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { encrypting, KEY_1, KEY_2, packed } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}))

const LONG = 'a text that repeats itself, and '.repeat(30)
/** Also what cannot be frozen, and so is decoded for each reader. */
const VALUE = { text: LONG, at: new Date(7), big: 7n, list: new Set([1]) }
const META = { by: 'test', text: LONG }

async function openStore(options: OpenOptions): Promise<Tidemark> {
  const store = await open(options)
  onTestFinished(() => store.close())
  return store
}

const SERIALIZERS: Readonly<Record<string, () => Codec>> = { CBOR: createCborCodec, JSON: createJsonCodec }
const COMPRESSIONS: readonly (AlgorithmName | 'none')[] = ['none', 'zstd', 'gzip', 'brotli']
const ENCRYPTIONS = ['plain', 'encrypted'] as const

/** ancestors.md, behaviour 20. */
describe('every compression x encryption x serializer round-trips', () => {
  const cases = Object.entries(SERIALIZERS).flatMap(([name, create]) =>
    COMPRESSIONS.flatMap((algorithm) => ENCRYPTIONS.map((encryption) => ({ name, create, algorithm, encryption }))),
  )

  test.each(cases)('$name, $algorithm, $encryption', async ({ create, algorithm, encryption }) => {
    const codecOf = (): Codec => {
      const inner = algorithm === 'none' ? create() : compressed(create(), { algorithm, minBytes: 64 })
      return encryption === 'encrypted' ? encrypting(inner) : inner
    }
    const file = tempFile()
    const memory = new Store(createMemoryBack({ codec: codecOf() }))
    const sqlite = new Store(createSqliteBack({ file, codec: codecOf() }))
    const near = new Store(
      createTiered({ back: createSqliteBack({ file, codec: codecOf() }), near: createNearMemory(), fronts: [] }),
    )
    for (const store of [memory, sqlite, near]) onTestFinished(() => store.close())
    for (const store of [memory, sqlite]) await store.set(['k', 1], VALUE, { meta: META, tags: ['t'] })
    for (const store of [memory, sqlite, near, near]) {
      expect(await store.get(['k', 1])).toEqual(VALUE)
      expect(await store.entry(['k', 1])).toMatchObject({ value: VALUE, meta: META })
      expect(await Array.fromAsync(store.entries(), ({ value, meta }) => [value, meta])).toEqual([[VALUE, META]])
    }
    await near.update<typeof VALUE>(['k', 1], (old) => ({ ...old!, text: 'changed' }))
    expect(await sqlite.entry(['k', 1])).toMatchObject({ value: { text: 'changed', big: 7n }, meta: META })
    await near.invalidateTag('t')
    expect(await sqlite.has(['k', 1])).toBe(false)
  })
})

test('streams, history, undo and reads of the past show what was written', async () => {
  const store = await openStore({ file: tempFile(), codec: packed() })
  const { version: first } = await store.set('k', VALUE, { meta: META })
  const { version: second } = await store.set('k', 'later')
  expect(await store.get('k', { at: first })).toEqual(VALUE)
  const seen: unknown[] = []
  for await (const { op, value, meta } of store.history('k')) seen.push([op, value, meta])
  expect(seen).toEqual([
    ['set', 'later', undefined],
    ['set', VALUE, META],
  ])
  await store.undo(second)
  expect(await store.entry('k')).toMatchObject({ value: VALUE, meta: META })
  for await (const { changes } of store.changes({ from: 'start', old: true })) {
    expect(changes.map(({ value, old }) => [value, old])).toEqual([
      [VALUE, undefined],
      ['later', VALUE],
      [VALUE, 'later'],
    ])
    break
  }
})

test('a reader over Redis alone reads values, the stream and the past, and not with another key', async () => {
  const store = await openStore({ file: tempFile(), redis: server.url, relay: true, codec: packed() })
  const openNearby = async (codec: Codec): Promise<TidemarkReader> => {
    const reader = await openReader({ redis: server.url, log: store.logId, codec })
    onTestFinished(() => reader.close())
    return reader
  }
  const [reader, wrong] = [await openNearby(packed()), await openNearby(packed('zstd', { keys: [KEY_2], current: 2 }))]
  await store.set('k', VALUE, { meta: META })
  await store.set('k', { ...VALUE, text: 'later' }, { meta: META })
  await eventually('the readers have caught up', async () => [reader, wrong].every(({ position }) => position === 2))
  expect(await reader.entry('k')).toMatchObject({ value: { text: 'later' }, meta: META })
  for await (const { changes } of reader.changes({ from: 'start' })) {
    expect(changes.map(({ value, meta }) => [value, meta])).toEqual([
      [VALUE, META],
      [{ ...VALUE, text: 'later' }, META],
    ])
    break
  }
  await expect(wrong.get('k')).rejects.toMatchObject({ code: 'KEY_MISSING', key: 'k' })
  await expect(reader.rewrite()).rejects.toMatchObject({ code: 'READ_ONLY' })
})

test('a sync encrypts anew: with the keys of the target, at its keys and versions', async () => {
  const source = await openStore({ file: tempFile(), codec: packed() })
  const targetCodec = packed('gzip', { keys: [KEY_2], current: 2, context: 'replica' })
  const target = await openStore({ file: tempFile(), codec: targetCodec })
  const plain = await openStore({ file: tempFile() })
  await target.set('shift', 'versions differ')
  await source.set(['k', 1], VALUE, { meta: META, tags: ['t'] })
  const map = (key: readonly unknown[]) => ['copy', ...key] as never
  await using there = sync(source, target, { name: 'there', map })
  await using onwards = sync(target, plain, { name: 'onwards', prefix: ['copy'] })
  await source.set(['k', 2], VALUE, { meta: META })
  await there.caughtUp()
  await onwards.caughtUp()
  for (const store of [target, plain])
    for (const key of [1, 2]) expect(await store.entry(['copy', 'k', key])).toMatchObject({ value: VALUE, meta: META })
  await source.invalidateTag('t')
  await there.caughtUp()
  expect(await target.has(['copy', 'k', 1])).toBe(false)
})

test('a sync leaves out what is damaged, and copies everything else, logs and blobs too', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const writer = await open({ file, codec: packed() })
  await writer.set('bad', VALUE)
  await writer.set('worse', 1, { meta: META })
  await writer.blob('torn').write(new Uint8Array(200_000).fill(7))
  await writer.set('good', VALUE, { meta: META })
  await writer.log('events').append({ n: 1 })
  await writer.blob('whole').write(new Uint8Array(200_000).fill(7))
  await writer.close()
  const db = new DatabaseSync(file)
  const cut = `CAST(substr(value, 1, length(value) - 3) AS BLOB)`
  for (const table of ['entry', 'log']) {
    db.exec(`UPDATE ${table} SET value = ${cut} WHERE key = (SELECT key FROM log WHERE seq = 1)`)
    db.exec(`UPDATE ${table} SET meta = value WHERE key = (SELECT key FROM log WHERE seq = 2)`)
    db.exec(`UPDATE ${table} SET value = ${cut} WHERE key = (SELECT key FROM log WHERE seq = 3)`)
  }
  db.close()
  const codec = packed()
  const [source, target] = [await openStore({ file, codec }), await openStore({ file: tempFile(), codec })]
  const other = await openStore({ file: tempFile(), codec: packed('gzip', { keys: [KEY_2], current: 2 }) })
  for (const to of [target, other]) {
    await using copying = sync(source, to, { name: 'copy' })
    await copying.caughtUp()
    expect(await to.entry('good')).toMatchObject({ value: VALUE, meta: META })
    expect(await Array.fromAsync(to.log('events'))).toEqual([{ n: 1 }])
    expect(await to.blob('whole').size()).toBe(200_000)
    for (const key of ['bad', 'worse', 'torn']) expect(await to.has(key)).toBe(false)
  }
})

test('two stores that both write agree on what is the same, whatever they encrypt it with', async () => {
  const a = await openStore({ file: tempFile(), codec: packed() })
  const b = await openStore({ file: tempFile(), codec: packed('zstd', { keys: [KEY_2], current: 2 }) })
  const conflict = { policy: 'lastWriter' } as const
  await using there = sync(a, b, { name: 'there', conflict })
  await using back = sync(b, a, { name: 'back', conflict })
  await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? a : b).set(['k', i % 6], { i, text: LONG })))
  for (let round = 0; round < 3; round++) {
    await there.caughtUp()
    await back.caughtUp()
  }
  const contents = (store: Tidemark): Promise<unknown> =>
    Array.fromAsync(store.entries(), ({ key, value }) => [key, value])
  expect(await contents(a)).toEqual(await contents(b))
})

test('a consumer gets its changes, those that were parked too, when the key has been changed and given up meanwhile', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const first = await open({ file, codec: packed() })
  await first.set('k', VALUE, { meta: META })
  const failing = await first.consume('c', { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' }, () => {
    throw new Error('not yet')
  })
  await failing.caughtUp()
  await first.close()
  const between = await open({ file, codec: packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }) })
  expect((await between.rewrite()).failed).toBe(0)
  await between.close()
  const store = await openStore({ file, codec: packed('zstd', { keys: [KEY_2], current: 2 }) })
  const parked = await Array.fromAsync(store.parked('c'))
  expect(parked.map(({ change }) => [change.op === 'set' && change.value, change.meta])).toEqual([[VALUE, META]])
  const seen: unknown[] = []
  await store.consume('c', { lanes: 1 }, (change) => seen.push(change.value))
  await store.replayParked('c')
  await eventually('it was handled', () => seen.length === 1)
  expect(seen).toEqual([VALUE])
})

test('a consumer parks what cannot be decrypted, and goes on', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const writer = await open({ file, codec: packed('zstd', { keys: [KEY_2], current: 2 }) })
  await writer.set('a', VALUE)
  await writer.close()
  const store = await openStore({ file, codec: packed() })
  await store.set('b', 'readable')
  const seen: unknown[] = []
  const consumer = await store.consume('c', { from: 'start', lanes: 1, attempts: 1, onFailure: 'park' }, (change) =>
    seen.push(change.value),
  )
  await consumer.caughtUp()
  expect(seen).toEqual(['readable'])
  const parked = await Array.fromAsync(store.parked('c'))
  expect(parked).toHaveLength(1)
  expect(() => parked[0]!.change.value).toThrow(expect.objectContaining({ code: 'KEY_MISSING' }))
})

test('who writes what cannot be decrypted fails alone, and not those who share the transaction', async () => {
  const codec = packed()
  const back = createSqliteBack({ file: tempFile(), codec })
  await using store = new Store(back)
  await store.set('a', VALUE)
  const { entry } = back.readOne(StoreKey.of('a'))
  const torn = Payload.fromBytes(codec, entry!.payload.bytes.with(2, 9)).at(entry!.key, 1)
  const write = {
    op: 'set',
    key: StoreKey.of('b'),
    payload: torn,
    meta: undefined,
    expiresAt: undefined,
    path: undefined,
  } as const
  const outcomes = await Promise.allSettled([
    store.set('c', 1),
    back.commit({ reads: [], decide: () => [write] }),
    store.set('d', 1),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  expect(outcomes[1]).toMatchObject({ reason: { code: 'CORRUPT' } })
  expect([await store.get('c'), await store.has('b')]).toEqual([1, false])
})

describe('whoever can write where values are stored', () => {
  async function attacked(attack: (db: DatabaseSync) => void): Promise<Tidemark> {
    const file = tempFile()
    const store = await open({ file, codec: packed() })
    await store.set('a', 'the first', { meta: 'm1' })
    await store.set('a', 'the second', { meta: 'm2' })
    await store.set('b', 'another', { meta: 'm3' })
    await store.close()
    const db = new DatabaseSync(file)
    attack(db)
    db.close()
    return openStore({ file, codec: packed() })
  }

  test.each<[string, string, (db: DatabaseSync) => void]>([
    [
      'puts back an older value',
      'MISPLACED',
      (db) => db.exec(`UPDATE entry SET value = (SELECT value FROM log WHERE seq = 1) WHERE version = 2`),
    ],
    [
      'puts back an older value, with its version',
      'none',
      (db) =>
        db.exec(
          `UPDATE entry SET value = (SELECT value FROM log WHERE seq = 1), meta = (SELECT meta FROM log WHERE seq = 1), version = 1 WHERE version = 2`,
        ),
    ],
    [
      'copies the value of another key',
      'MISPLACED',
      (db) => db.exec(`UPDATE entry SET value = (SELECT value FROM entry WHERE version = 3) WHERE version = 2`),
    ],
    [
      'copies another key as a whole',
      'TAMPERED',
      (db) =>
        db.exec(
          `UPDATE entry SET version = 3, (value, meta) = (SELECT value, meta FROM entry WHERE version = 3) WHERE version = 2`,
        ),
    ],
    [
      'swaps value and meta',
      'MISPLACED',
      (db) => db.exec(`UPDATE entry SET value = meta, meta = value WHERE version = 2`),
    ],
    [
      'puts back an older meta',
      'MISPLACED',
      (db) => db.exec(`UPDATE entry SET meta = (SELECT meta FROM log WHERE seq = 1) WHERE version = 2`),
    ],
    [
      'writes a value of his own',
      'NOT_ENCRYPTED',
      (db) => db.exec(`UPDATE entry SET value = x'010163666f6f' WHERE version = 2`),
    ],
    [
      'changes a byte',
      'TAMPERED',
      (db) =>
        db.exec(
          `UPDATE entry SET value = CAST(substr(value, 1, 50) || x'00ff00' || substr(value, 54) AS BLOB) WHERE version = 2`,
        ),
    ],
    [
      'cuts it off',
      'TRUNCATED',
      (db) => db.exec(`UPDATE entry SET value = CAST(substr(value, 1, 60) AS BLOB) WHERE version = 2`),
    ],
  ])('%s: %s', async (_name, code, attack) => {
    const store = await attacked(attack)
    const read = async (): Promise<unknown> => {
      const entry = await store.entry('a')
      return [entry!.value, entry!.meta]
    }
    // The whole row of an earlier time is what the store once was: see docs/codecs.md.
    if (code === 'none') expect(await read()).toEqual(['the first', 'm1'])
    else await expect(read()).rejects.toMatchObject({ code })
    expect(await store.get('b')).toBe('another')
    await store.set('a', 'healed')
    expect(await store.get('a')).toBe('healed')
  })

  test('does not get forged or moved records out of Redis: the value is read where it is sound', async () => {
    const file = tempFile()
    const options = { file, redis: { url: server.url }, near: false, codec: packed() } as const
    const store = await openStore(options)
    await store.set('a', 'the value of a')
    await store.set('b', 'the value of b')
    const redis = new Redis(server.url)
    onTestFinished(() => redis.disconnect())
    const recordOf = async (key: string): Promise<{ name: string; bytes: Buffer } | undefined> => {
      expect(await store.get(key)).toBe(`the value of ${key}`)
      const [name] = await redis.keys(`*${store.logId}*:${key}`)
      return name === undefined ? undefined : { name, bytes: (await redis.getBuffer(name))! }
    }
    await eventually(
      'Redis holds both',
      async () => (await recordOf('a')) !== undefined && (await recordOf('b')) !== undefined,
    )
    const [a, b] = [(await recordOf('a'))!, (await recordOf('b'))!]
    for (const forged of [
      Buffer.concat([a.bytes.subarray(0, 55), b.bytes.subarray(55)]),
      Buffer.concat([b.bytes.subarray(0, 10), a.bytes.subarray(10, 26), b.bytes.subarray(26)]),
      Buffer.concat([a.bytes.subarray(0, 55), Buffer.of(1, 1, 0x61, 0x78)]),
      a.bytes.subarray(0, a.bytes.length - 5),
    ]) {
      await redis.set(a.name, forged, 'KEEPTTL')
      expect(await store.get('a')).toBe('the value of a')
      expect(await store.get('b')).toBe('the value of b')
    }
  })
})

describe('writes behind', () => {
  const behind = { writePolicy: 'write-behind' } as const

  test.each(['front', 'journal'] as const)('are encrypted while they wait in the %s, too', async (acknowledge) => {
    const file = tempFile()
    const writeBehind = { acknowledge, maxAgeMs: 60_000 }
    const store = await openStore({ file, redis: server.url, codec: packed(), writeBehind })
    await store.set('k', { secret: 'nobody is to read this' }, { meta: 'nor this at all', ...behind })
    expect(await store.get('k')).toEqual({ secret: 'nobody is to read this' })
    const redis = new Redis(server.url)
    onTestFinished(() => redis.disconnect())
    const names = await redis.keys(`*${store.logId}*`)
    const dumps = await Promise.all(names.map((name) => redis.dumpBuffer(name)))
    const stored = [readFileSync(`${file}-wal`), ...dumps.map((dump) => dump!)].map((bytes) => bytes.toString('latin1'))
    if (acknowledge === 'front')
      expect(names.some((name) => name.includes('journal') || name.includes('.j'))).toBe(true)
    for (const text of stored) for (const hidden of ['nobody is', 'nor this']) expect(text).not.toContain(hidden)
    await store.flush()
    expect(await store.entry('k')).toMatchObject({
      value: { secret: 'nobody is to read this' },
      meta: 'nor this at all',
    })
  })
})
