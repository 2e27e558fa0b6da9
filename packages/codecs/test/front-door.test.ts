import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Redis } from 'ioredis'
import { type Codec, open, type OpenOptions, openReader, type Tidemark } from 'tidemark'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { KEY_1, KEY_2, packed } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

const SECRET = 'nobody is to read this '.repeat(10)

async function openStore(codec: Codec, options: OpenOptions = {}): Promise<Tidemark> {
  const store = await open({ redis: server.url, relay: true, codec, ...options })
  onTestFinished(() => store.close())
  return store
}

/** All that lies in the folder of a file, as text. */
function bytesOnDisk(file: string): string {
  const folder = dirname(file)
  return readdirSync(folder)
    .map((name) => readFileSync(join(folder, name), 'latin1'))
    .join()
}

async function bytesInRedis(): Promise<string> {
  const redis = new Redis(server.url)
  try {
    const keys = await redis.keys('*')
    const dumps = await Promise.all(keys.map((key) => redis.dumpBuffer(key)))
    const streams = keys.filter((key) => key.endsWith('stream'))
    const runs = await Promise.all(streams.map((key) => redis.xrangeBuffer(key, '-', '+')))
    return [...dumps.map((dump) => dump!.toString('latin1')), ...runs.flat(3).map(String)].join()
  } finally {
    await redis.quit()
  }
}

test('what is stored is compressed and encrypted in the file, in Redis and in its streams, and reads as it was written', async () => {
  const file = tempFile()
  const store = await openStore(packed(), { file })
  const reader = await openReader({ redis: server.url, log: store.logId, codec: packed() })
  onTestFinished(() => reader.close())
  const { version } = await store.set(['user', 1], { note: SECRET }, { meta: { by: SECRET } })
  await store.set(['user', 2], { note: SECRET }, { tags: ['hidden-tag'] })
  await eventually('the reader has caught up', async () => reader.position === (await store.head()))
  expect(await reader.get(['user', 1])).toEqual({ note: SECRET })
  expect(await store.get(['user', 2])).toEqual({ note: SECRET })
  expect(await store.get(['user', 1])).toEqual({ note: SECRET })
  expect(await store.get(['user', 1], { consistency: 'linearizable' })).toEqual({ note: SECRET })
  expect(await store.entry(['user', 1])).toMatchObject({ value: { note: SECRET }, meta: { by: SECRET }, version })
  await store.set(['user', 1], 'later')
  expect(await store.get(['user', 1], { at: version })).toEqual({ note: SECRET })
  for (const stored of [bytesOnDisk(file), await bytesInRedis()]) {
    expect(stored).toContain('user')
    for (const hidden of ['nobody is', 'hidden-tag', 'note']) expect(stored).not.toContain(hidden)
  }
})

test('a key that is no longer current still reads, in the file and in Redis', async () => {
  const file = tempFile()
  const before = await openStore(packed(), { file })
  await before.set('a', { note: SECRET })
  await before.close()
  const store = await openStore(packed('zstd', { keys: [KEY_1, KEY_2], current: 2 }), { file })
  expect(await store.get('a')).toEqual({ note: SECRET })
  await store.set('b', { note: SECRET })
  await store.close()
  const old = await openStore(packed(), { file })
  expect(await old.get('a')).toEqual({ note: SECRET })
  await expect(old.get('b')).rejects.toMatchObject({ code: 'KEY_MISSING', key: 'b' })
})
