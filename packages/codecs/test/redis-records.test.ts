import { brotliCompressSync } from 'node:zlib'
import { compressed, encrypted } from '@tidemark/codecs'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { type Codec, createCborCodec, open, type OpenOptions, type Tidemark } from 'tidemark'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { KEY_1, KEY_2 } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
let redis: Redis
beforeAll(async () => {
  server = await startRedis()
  redis = new Redis(server.url)
})
afterAll(async () => {
  redis.disconnect()
  await server.close()
})

/** Where the value begins in a record without meta. */
const BODY_AT = 55

const keyed = (...keys: readonly [newest: typeof KEY_1, ...others: (typeof KEY_1)[]]): Codec =>
  encrypted(createCborCodec(), { keys, current: keys[0].id })

async function openStore(file: string, codec: Codec): Promise<Tidemark> {
  const store = await open({
    file,
    redis: { url: server.url, commandTimeoutMs: 5_000 },
    near: false,
    codec,
  } as OpenOptions)
  onTestFinished(() => store.close())
  await eventually('Redis is read', async () => (await store.explain('none')).fronts[0]!.bypassed === undefined)
  return store
}

/** Whether the next read comes from Redis, and tells. */
async function servedBy(store: Tidemark, key: string): Promise<string> {
  return (await store.explain(key)).servedBy
}

async function nameOf(key: string): Promise<string> {
  return (await redis.keys(`*:${key}`))[0]!
}

describe('a record in Redis', () => {
  test('whose key is gone gives way to the one of the file, once, for everybody', async () => {
    const file = tempFile()
    const before = await openStore(file, keyed(KEY_1))
    await before.set('rotated', 'value')
    const both = await openStore(file, keyed(KEY_2, KEY_1))
    await both.rewrite()
    expect(await servedBy(both, 'rotated')).toBe('redis')
    const after = await openStore(file, keyed(KEY_2))
    const explained = await after.explain('rotated')
    expect([explained.servedBy, explained.because]).toEqual(['sqlite', expect.stringContaining('cannot be read')])
    expect(await after.get('rotated')).toBe('value')
    await eventually('it is replaced', async () => (await servedBy(after, 'rotated')) === 'redis')
    const hits = after.tierStats().hits
    for (let i = 0; i < 5; i++) expect(await after.get('rotated')).toBe('value')
    expect(after.tierStats().hits).toEqual({ ...hits, redis: (hits['redis'] ?? 0) + 5 })
    expect(await servedBy(both, 'rotated')).toBe('redis')
  })

  test('stays, where the one of the file is no more readable: others can read it', async () => {
    const file = tempFile()
    // Whose key it is to begin with: the others open it, too.
    await (await open({ file, codec: keyed(KEY_1) })).close()
    const writer = await openStore(file, keyed(KEY_2, KEY_1))
    await writer.set('theirs', 'value')
    const name = await nameOf('theirs')
    // What takes its place would end some day.
    await redis.persist(name)
    const stranger = await openStore(file, keyed(KEY_1))
    for (let i = 0; i < 3; i++) await expect(stranger.get('theirs')).rejects.toMatchObject({ code: 'KEY_MISSING' })
    await stranger.close()
    expect(await redis.pttl(name)).toBe(-1)
    expect(await servedBy(writer, 'theirs')).toBe('redis')
  })

  test('that is a bomb gives way, too, and is not unfolded again and again', async () => {
    const store = await openStore(tempFile(), compressed(createCborCodec()))
    await store.set('bomb', { a: 1 })
    const name = await nameOf('bomb')
    const record = (await redis.getBuffer(name))!
    const size = 60 << 20
    const body = Buffer.concat([Buffer.from([1, 16, 2, 1]), Buffer.alloc(8), brotliCompressSync(Buffer.alloc(size))])
    body.writeUInt32BE(size, 4)
    await redis.set(name, Buffer.concat([record.subarray(0, BODY_AT), body]), 'KEEPTTL')
    // Reads go past Redis while the machine is too busy to prove that it is up to date.
    await eventually('it is replaced', async () => {
      expect(await store.get('bomb')).toEqual({ a: 1 })
      return (await redis.strlen(name)) === record.length
    })
    await eventually('Redis is read', async () => (await servedBy(store, 'bomb')) === 'redis')
  })
})
