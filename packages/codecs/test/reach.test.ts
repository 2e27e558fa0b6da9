import { type Codec, Payload, Store, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { readFileSync } from 'node:fs'
import { openReader, type TidemarkReader } from 'tidemark'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { KEY_2, packed } from './support/keys.ts'
import { META, openStore, VALUE } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}))

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
