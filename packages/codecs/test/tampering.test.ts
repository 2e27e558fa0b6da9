import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { DatabaseSync } from 'node:sqlite'
import { open, type Tidemark } from 'tidemark'
import { afterAll, beforeAll, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest'
import { packed } from './support/keys.ts'
import { openStore } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(() => void vi.spyOn(console, 'warn').mockImplementation(() => {}))

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
