import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { type RedisServer, startRedis, startRelay } from '@tidemark/testkit'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { open } from '../../src/index.ts'
import { tempFile } from '../support/temp.ts'

const PROGRAM = fileURLToPath(new URL('../programs/writes-behind.ts', import.meta.url))

let redis: RedisServer
beforeAll(async () => void (redis = await startRedis()))
afterAll(() => redis.close())

/** What a process has acknowledged that was killed lies in Redis. */
async function leftInRedis(file: string): Promise<void> {
  const child = spawn(process.execPath, [PROGRAM, file, '1', redis.url], { stdio: 'ignore' })
  await once(child, 'close')
}

describe('writes that lie in Redis, left behind by a process that was killed, while Redis is down', () => {
  test('keep the store from being opened: nothing of them is passed over without a word', async () => {
    const file = tempFile()
    await leftInRedis(file)
    await using relay = await startRelay(Number(new URL(redis.url).port))
    relay.target = 1
    const options = { file, redis: relay.url, log: false, writeBehind: { recoverWithinMs: 300 } } as const
    await expect(open(options)).rejects.toMatchObject({
      code: 'UNRECOVERED',
      retryable: true,
      cause: { code: 'FRONT_UNAVAILABLE' },
    })
    await expect(open({ file })).rejects.toMatchObject({ code: 'UNRECOVERED', retryable: false })
    relay.target = Number(new URL(redis.url).port)
    await using store = await open({ ...options, writeBehind: {} })
    expect(await store.get(['key', 1])).toBe(1)
  })

  test('or are left for later, if the options say so: they come when Redis is back, and not over what is newer', async () => {
    const file = tempFile()
    await leftInRedis(file)
    await using relay = await startRelay(Number(new URL(redis.url).port))
    relay.target = 1
    const errors: unknown[] = []
    await using store = await open({
      file,
      redis: relay.url,
      log: false,
      writeBehind: { unrecovered: 'leave', recoverWithinMs: 0, leaseMs: 200 },
      onError: (error) => errors.push(error),
    })
    expect(await store.get(['key', 1])).toBeUndefined()
    await store.set(['key', 1], 'newer')
    relay.target = Number(new URL(redis.url).port)
    await expect.poll(() => store.lastCheckpoint(), { timeout: 20_000 }).toEqual({ at: 1 })
    expect([await store.get(['key', 1]), await store.get(['pair', 1]), await store.get(['pair', 2])]).toEqual([
      'newer',
      1,
      1,
    ])
    const letters = await Array.fromAsync(store.deadLetters(), ({ writes }) => writes.map(({ key }) => key))
    expect(letters).toEqual([[['key', 1]]])
    // They are told of after what they are about.
    await expect
      .poll(() => errors)
      .toEqual(
        expect.arrayContaining([
          expect.objectContaining({ code: 'FRONT_UNAVAILABLE' }),
          expect.objectContaining({ code: 'FLUSH_FAILED' }),
        ]),
      )
  })
})
