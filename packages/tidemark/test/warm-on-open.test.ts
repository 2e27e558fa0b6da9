import { startRedis } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { open } from 'tidemark'
import { tempFile } from './support/temp.ts'

const only = { readPolicy: 'frontend-only' } as const

test('konserve sync on connect: counts and values', async () => {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const file = tempFile()
  {
    await using writer = await open({ file, writePolicy: 'write-around' })
    await writer.setMany(Array.from({ length: 700 }, (_, i) => [['n', i], i] as const))
    await writer.set(['m', 1], 'other')
  }
  // A page that is given up on a busy machine is passed over, which is not what is tested.
  const redis = { url: server.url, commandTimeoutMs: 10_000 }
  await using store = await open({ file, redis, warmOnOpen: { prefix: 'n' } })
  expect(store.warmed).toMatchObject({ done: 700, total: 700, filled: { near: 700, redis: 700 } })
  expect(await store.get(['n', 699], only)).toBe(699)
  expect(await store.get(['m', 1], only)).toBeUndefined()
  await using second = await open({ file, redis, warmOnOpen: true })
  expect(second.warmed).toMatchObject({ done: 701, filled: { near: 701, redis: 1 } })
  await using third = await open({ file, redis, warmOnOpen: 'full' })
  expect(third.warmed).toMatchObject({ done: 701, filled: { near: 701, redis: 701 } })
})

test.each(['nobody listens', 'it hangs'])(
  'a mirror opens, and says what it could not do, while of Redis %s',
  async (how) => {
    const file = tempFile()
    await using writer = await open({ file })
    await writer.set('a', 1)
    const server = await startRedis()
    onTestFinished(() => server.close())
    let url = 'redis://127.0.0.1:1'
    if (how === 'it hangs') {
      server.stop()
      url = server.url
    }
    const failures: unknown[] = []
    const onError = (error: unknown): void => void failures.push(error)
    const redis = { url, connectTimeoutMs: 100, commandTimeoutMs: 100 }
    for (const warmOnOpen of ['mirror', { strategy: 'mirror', prefix: 'a', waitMs: 10 }] as const) {
      await using store = await open({ file, redis, log: false, warmOnOpen, onError })
      expect(store.warmed).toMatchObject({ done: 1, filled: { near: 1, redis: 0 }, removed: { near: 0, redis: 0 } })
      expect(failures.splice(0)).toMatchObject([
        { code: expect.stringMatching(/^(FRONT_UNAVAILABLE|TIMEOUT)$/) as unknown, tier: 'redis' },
      ])
    }
  },
)

test('without it nothing is warmed; a front that is away is passed over; what a strategy throws is not swallowed', async () => {
  const file = tempFile()
  await using store = await open({ file })
  await store.set('a', 1)
  expect(store.warmed).toBeUndefined()
  await using away = await open({ file, redis: 'redis://127.0.0.1:1', log: false, warmOnOpen: true })
  expect(away.warmed).toMatchObject({ done: 1, filled: { near: 1, redis: 0 } })
  const fail = (): never => {
    throw new Error('no choice')
  }
  await expect(open({ file, warmOnOpen: fail })).rejects.toThrow('no choice')
  await expect(open({ file, warmOnOpen: { prefixes: 'n' } as never })).rejects.toThrow(
    'unknown option prefixes of warm',
  )
})
