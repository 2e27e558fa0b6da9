import { readFile } from 'node:fs/promises'
import { startRedis } from '@tidemark/testkit'
import { expect, test, vi } from 'vitest'
import { rawClient } from './support/fronts.ts'

const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8')

test('the example of the README is this one, and does what it says', async () => {
  const [readme, example] = await Promise.all([read('../README.md'), read('./readme.example.ts')])
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``)

  await using server = await startRedis()
  vi.stubEnv('REDIS_URL', server.url)
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import('./readme.example.ts')
  expect(printed.mock.calls).toEqual([['redis', 41, { name: 'Ada' }]])
})

test('the example of the relay is this one, and does what it says', async () => {
  const [readme, example] = await Promise.all([read('../README.md'), read('./readme-relay.example.ts')])
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``)

  await using server = await startRedis()
  vi.stubEnv('REDIS_URL', server.url)
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  printed.mockClear()
  await import('./readme-relay.example.ts')
  expect(printed.mock.calls).toEqual([[[[1, 'set', ['user', 42]]]], [1, { name: 'Ada' }]])
})

test('the example of the stream is this one, and does what it says', async () => {
  const [readme, example] = await Promise.all([read('../README.md'), read('./readme-stream.example.ts')])
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``)

  await using server = await startRedis()
  vi.stubEnv('REDIS_URL', server.url)
  await import('./readme-stream.example.ts')
  const entries = await rawClient(server).xrange('orders', '-', '+')
  expect(entries.map(([id]) => id)).toEqual(['1-0'])
  expect(JSON.parse(entries[0]![1][3]!)).toMatchObject({ seq: 1, key: ['order', 7], value: { total: 12.5 } })
})
