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
  await using store = await open({ file, redis: server.url, warmOnOpen: { prefix: 'n' } })
  expect(store.warmed).toMatchObject({ done: 700, total: 700, filled: { near: 700, redis: 700 } })
  expect(await store.get(['n', 699], only)).toBe(699)
  expect(await store.get(['m', 1], only)).toBeUndefined()
  await using second = await open({ file, redis: server.url, warmOnOpen: true })
  expect(second.warmed).toMatchObject({ done: 701, filled: { near: 701, redis: 1 } })
  await using third = await open({ file, redis: server.url, warmOnOpen: 'full' })
  expect(third.warmed).toMatchObject({ done: 701, filled: { near: 701, redis: 701 } })
})

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
