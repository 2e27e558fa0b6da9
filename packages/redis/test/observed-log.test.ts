import { type LogChange, StoreKey } from '@tidemark/core'
import { commit, setting } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { ObservedLog } from '../src/reader/observed-log.ts'
import { allOf, openBack, openRelay, openStreamLog } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()

test('whatever way a change is shown, it is observed first', async () => {
  const back = openBack()
  openRelay(used.server, back.log)
  await commit(back, setting('k', 1))
  await commit(back, setting('k', 2))
  const seen: number[] = []
  const observe = (changes: readonly LogChange[]): void => void seen.push(...changes.map(({ seq }) => seq))
  const stream = await openStreamLog(used.server)
  await allOf(stream, 0, 2)
  const log = new ObservedLog(stream, observe)
  await log.read({ after: 1, limit: 1 })
  expect(seen.splice(0)).toEqual([2])
  await log.at([1, 7])
  expect(seen.splice(0)).toEqual([1])
  await log.changesOf(StoreKey.of('k'), { limit: 5 })
  expect(seen.splice(0)).toEqual([2, 1])
})
