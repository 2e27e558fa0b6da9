import { readFile } from 'node:fs/promises'
import { startRedis } from '@tidemark/testkit'
import { expect, test, vi } from 'vitest'

test('the example of the README is this one, and does what it says', async () => {
  const read = (path: string): Promise<string> => readFile(new URL(path, import.meta.url), 'utf8')
  const [readme, example] = await Promise.all([read('../README.md'), read('./readme.example.ts')])
  expect(readme).toContain(`\`\`\`ts\n${example}\`\`\``)

  await using server = await startRedis()
  vi.stubEnv('REDIS_URL', server.url)
  const printed = vi.spyOn(console, 'log').mockImplementation(() => {})
  await import('./readme.example.ts')
  expect(printed.mock.calls).toEqual([['redis', 41, { name: 'Ada' }]])
})
