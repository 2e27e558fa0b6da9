import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { expect, test } from 'vitest'
import { openTemp } from './support/temp.ts'
import { blind, setOf } from './support/writes.ts'

const COMMITS = 100
const KEYS = 100

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as (options?: { readonly type: 'minor' }) => void

test('what commits were made of is gone with a collection of young objects, and waits for no full one', async () => {
  const back = openTemp()
  const commit = (round: number): Promise<unknown> =>
    back.commit(blind(...Array.from({ length: KEYS }, (_, i) => setOf(['k', i], round))))
  await commit(0)
  collect()
  const before = process.memoryUsage().heapUsed
  for (let round = 1; round <= COMMITS; round++) {
    await commit(round)
    if (round % 20 !== 0) continue
    // One that is small: the last one may still be held by who has waited for it.
    await back.commit(blind())
    // What survives two of these waits for a full collection.
    collect({ type: 'minor' })
    collect({ type: 'minor' })
  }
  const bytesPerWrite = (process.memoryUsage().heapUsed - before) / (COMMITS * KEYS)
  expect(bytesPerWrite).toBeLessThan(200)
})
