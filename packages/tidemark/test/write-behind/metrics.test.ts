import { open } from 'tidemark'
import { expect, test } from 'vitest'
import { tempFile } from '../support/temp.ts'

test('metrics at shutdown: a store that is closed still tells them, with the flush that its close has made', async () => {
  const file = tempFile()
  const store = await open({ file, writePolicy: 'write-behind', writeBehind: { maxAgeMs: 3_600_000 } })
  for (let i = 0; i < 100; i++) await store.set('n', ((await store.get<number>('n')) ?? 0) + 1)
  expect(store.metrics().total).toEqual({ lookups: 100, reads: 1, writes: 100, flushes: 0 })
  await store.close()
  const { total, keys } = store.metrics()
  expect(total).toEqual({ lookups: 100, reads: 1, writes: 100, flushes: 1 })
  expect([...keys.values()]).toEqual([total])
  await using again = await open({ file })
  expect(await again.get('n')).toBe(100)
})
