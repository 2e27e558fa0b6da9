import { ClosedError, StoreKey } from '@tidemark/core'
import { expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { counted } from './support/counted.ts'
import { openTemp } from './support/temp.ts'
import { blind, remove, set, setOf } from './support/writes.ts'

const key = StoreKey.of('k')

async function noise(back: SqliteBack, count: number): Promise<void> {
  await back.commit(blind(...Array.from({ length: count }, (_, i) => setOf(['n', i], 1))))
}

/** How often the log was searched for a key: about two thousand changes at a time. */
const searches = (statements: readonly string[]): number => statements.filter((sql) => / AND key = /.test(sql)).length

test('a chain of changes is followed without a search, however far apart they are', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  for (let i = 0; i < 3; i++) {
    await set(back, 'k', i)
    await noise(back, 5_000)
  }
  counter.statements.length = 0
  const { changes, end } = await back.log.changesOf(key, { limit: 3 })
  expect([changes.map(({ seq }) => seq), end]).toEqual([[10_003, 5_002, 1], 'limit'])
  expect(searches(counter.statements)).toBe(0)
  expect(counter.statements.length).toBeLessThan(10)
})

test('a long chain is followed in pieces, and page by page from where the last one ended', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  const count = 5_000
  for (let i = 0; i < count; i += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, j) => set(back, 'k', i + j)))
  }
  const order: string[] = []
  const [{ changes }] = await Promise.all([
    back.log.changesOf(key, { limit: count }).then((history) => (order.push('followed'), history)),
    set(back, 'a', 1).then(() => order.push('written')),
  ])
  expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: count }, (_, i) => count - i))
  expect(order).toEqual(['written', 'followed'])
  const reason = new Error('enough')
  const controller = new AbortController()
  const given = back.log.changesOf(key, { limit: count, signal: controller.signal })
  controller.abort(reason)
  await expect(given).rejects.toBe(reason)
  counter.statements.length = 0
  const page = await back.log.changesOf(key, { limit: 10, before: 20 })
  expect(page.changes.map(({ seq }) => seq)).toEqual([19, 18, 17, 16, 15, 14, 13, 12, 11, 10])
  expect(counter.statements.length).toBeLessThan(20)
})

test('the next page begins where the last one ended, also when the changes of others lie between', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  const own: number[] = []
  for (let i = 0; i < 1_000; i++) own.unshift((await set(back, 'k', i)).asOf, (await set(back, 'other', i)).asOf)
  const seqs = own.filter((_, i) => i % 2 === 0)
  const seen: number[] = []
  counter.statements.length = 0
  for (let before: number | undefined; ;) {
    const { changes, end } = await back.log.changesOf(key, { limit: 10, before })
    seen.push(...changes.map(({ seq }) => seq))
    if (end !== 'limit') break
    before = seen.at(-1)
  }
  expect(seen).toEqual(seqs)
  // One for each change, and a few for each page.
  expect(counter.statements.length).toBeLessThan(2_000)
  // And what a version of long ago was is where it says.
  counter.statements.length = 0
  const { changes } = await back.log.changesOf(key, { limit: 1, before: seqs.at(-3)! + 1 })
  expect(changes.map(({ seq }) => seq)).toEqual([seqs.at(-3)])
  expect(counter.statements.length).toBeLessThan(5)
})

test('a search takes a few thousand changes at a time, and lets others have their turn', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  await noise(back, 10_000)
  counter.statements.length = 0
  const order: string[] = []
  await Promise.all([
    back.log.changesOf(key, { limit: 1 }).then(() => order.push('searched')),
    set(back, 'a', 1).then(() => order.push('written')),
  ])
  expect(order).toEqual(['written', 'searched'])
  expect(searches(counter.statements)).toBe(5)
})

test('a search leaves nothing out between two of its steps', async () => {
  const back = openTemp({ synchronous: 'normal' })
  await set(back, 'k', 1)
  await remove(back, 'k')
  await noise(back, 5_000)
  for (const before of [3, 2_001, 2_002, 2_003, 2_004, 4_001, 4_002, 4_003, 4_004, undefined]) {
    const { changes } = await back.log.changesOf(key, { limit: 9, before })
    expect(changes.map(({ seq }) => seq)).toEqual([2, 1])
  }
})

test('what is kept below the floor is searched in pieces, too, though it lies far apart', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  await set(back, 'k', 1)
  await noise(back, 6_000)
  // A second time: every other seq below the floor is gone then.
  await back.commit(blind(...Array.from({ length: 3_000 }, (_, i) => setOf(['n', 2 * i], 2))))
  await noise(back, 1)
  const head = await back.log.head()
  await back.compaction.compact({ upTo: head, limit: 20_000, keepLatest: true })
  await remove(back, 'k')
  await set(back, 'k', 2)
  counter.statements.length = 0
  // From the newest change no chain leads past the deletion.
  const { changes, end } = await back.log.changesOf(key, { limit: 9, before: head })
  expect([changes.map(({ seq }) => seq), end]).toEqual([[1], 'floor'])
  // 6,000 are left before that.
  expect(searches(counter.statements)).toBe(3)
})

test('a search ends with the store, and when its caller has enough', async () => {
  const back = openTemp({ synchronous: 'normal' })
  await noise(back, 10_000)
  const controller = new AbortController()
  const reason = new Error('enough')
  const given = back.log.changesOf(key, { limit: 1, signal: controller.signal })
  controller.abort(reason)
  await expect(given).rejects.toBe(reason)
  const searching = back.log.changesOf(key, { limit: 1 })
  const closing = back.close()
  await expect(searching).rejects.toBeInstanceOf(ClosedError)
  await closing
})

test('a date is found in a few statements', async () => {
  const counter = counted()
  const back = openTemp({ synchronous: 'normal' }, counter)
  await noise(back, 10_000)
  await set(back, 'k', 1)
  const [last] = await back.log.at([10_001])
  counter.statements.length = 0
  await back.log.seqBefore(last!.at)
  expect(counter.statements.length).toBeLessThan(20)
})
