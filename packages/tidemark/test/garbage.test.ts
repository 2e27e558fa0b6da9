import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { open } from '../src/index.ts'
import { tempFile } from './support/temp.ts'

const COMMITS = 100
const KEYS = 100

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void

test('what commits were made of is gone with a collection of young objects, and waits for no full one', async () => {
  await using store = await open({ file: tempFile(), near: false })
  const commit = (round: number): Promise<unknown> =>
    store.setMany(Array.from({ length: KEYS }, (_, i) => [['k', i], round] as const))
  await commit(0)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let round = 1; round <= COMMITS; round++) {
    await commit(round)
    if (round % 20 !== 0) continue
    // One that is small: the last one may still be held by who has waited for it.
    await store.set('k', round)
    // What survives two of these waits for a full collection.
    collect({ type: 'minor' })
    collect({ type: 'minor' })
  }
  const bytesPerWrite = (process.memoryUsage().heapUsed - before) / (COMMITS * KEYS)
  expect(bytesPerWrite).toBeLessThan(200)
})
