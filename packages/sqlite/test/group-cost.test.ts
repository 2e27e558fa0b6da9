import { type MarkWrite, StoreKey } from '@tidemark/core'
import { ShiftedClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { type CountedStatements, counted } from './support/counted.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, payload, set, setOf } from './support/writes.ts'

/** What one group of eight plain writes takes: the head, the versions to replace, the log, the entries, the head. */
const PLAIN = ['BEGIN', 'SELECT', 'SELECT', 'INSERT', 'INSERT', 'UPDATE', 'COMMIT']

const HOUR = 3_600_000

async function statementsOf(counter: CountedStatements, work: () => Promise<unknown>): Promise<string[]> {
  counter.statements.length = 0
  await work()
  return counter.statements.map((sql) => /^\w+/.exec(sql.trim())![0])
}

const writeEight = (back: SqliteBack) => (): Promise<unknown> =>
  Promise.all(Array.from({ length: 8 }, (_, i) => set(back, i, i)))

test('a group without agreements and leases reads the head and what it replaces, and nothing more', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN)
})

test('agreements take one statement more in the group that first meets them, and none in the next', async () => {
  const file = tempFile()
  const counter = counted()
  const back = openTemp({ file }, counter)
  const elsewhere = openTemp({ file })
  for (const front of ['one', 'two', 'three']) await elsewhere.agreements.change(front, 0, { epoch: 'e' })
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN.toSpliced(1, 0, 'SELECT'))
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN)
  await elsewhere.agreements.change('two', 1, { epoch: 'f' })
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN.toSpliced(1, 0, 'SELECT'))
})

test('leases cost a group only while there are any', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  const { lease } = await back.leases.acquire(StoreKey.of('k'), HOUR)
  expect(await statementsOf(counter, () => set(back, 1, 1))).toEqual(PLAIN.toSpliced(3, 0, 'DELETE'))
  await back.commit({ ...blind(setOf('k', 1)), lease: lease! })
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN)
})

test('leases that nobody writes to cost a group of many writes what they cost one of a few', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  const lanes = Array.from({ length: 9 }, (_, i) => StoreKey.of(['lane', i]))
  for (const key of lanes) await back.leases.acquire(key, HOUR)
  const looked = ['DELETE', 'DELETE', 'DELETE', 'DELETE', 'SELECT']
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN.toSpliced(3, 0, ...looked))
  const writeMany = (): Promise<unknown> =>
    Promise.all([
      ...Array.from({ length: 60 }, (_, i) => set(back, ['n', i], i)),
      // In the midst of them: one that is written to, and one that is new and written to right away.
      set(back, ['lane', 3], 0),
      back.leases.acquire(StoreKey.of('new'), HOUR),
      set(back, 'new', 0),
    ])
  const verbs = await statementsOf(counter, writeMany)
  expect(verbs.filter((verb) => verb === 'COMMIT')).toHaveLength(1)
  expect(verbs.filter((verb) => verb === 'DELETE')).toHaveLength(4 + 2)
  const remaining = await back.leases.remaining([...lanes, StoreKey.of('new')])
  expect(remaining.map((ms) => ms > 0)).toEqual([...lanes.map((_, i) => i !== 3), false])
})

test('leases whose time is up are removed by the group that meets them, once', async () => {
  const counter = counted()
  const clock = new ShiftedClock()
  const back = openTemp({ clock }, counter)
  for (const [key, ttlMs] of [
    ['short', 1_000],
    ['long', HOUR],
  ] as const)
    await back.leases.acquire(StoreKey.of(key), ttlMs)
  clock.step(1_000)
  const one = (): Promise<unknown> => set(back, 1, 1)
  expect(await statementsOf(counter, one)).toEqual(PLAIN.toSpliced(2, 0, 'DELETE').toSpliced(4, 0, 'DELETE'))
  expect(await statementsOf(counter, one)).toEqual(PLAIN.toSpliced(3, 0, 'DELETE'))
})

test('leases that are asked for in one turn share a transaction, also with writes', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  const verbs = await statementsOf(counter, () =>
    Promise.all([
      ...Array.from({ length: 50 }, (_, i) => back.leases.acquire(StoreKey.of(['k', i]), HOUR)),
      writeEight(back)(),
    ]),
  )
  expect(verbs.filter((verb) => verb === 'COMMIT')).toHaveLength(1)
})

test('marks take one statement each, whatever there is of them, and a plain group none', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  const mark = (i: number): MarkWrite => ({ key: StoreKey.of(['mark', i]), value: payload(i) })
  await back.marks.write(Array.from({ length: 100 }, (_, i) => mark(i)))
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN)
  const marked = (): Promise<unknown> =>
    Promise.all([back.commit({ ...blind(), marks: [mark(1)] }), writeEight(back)()])
  expect(await statementsOf(counter, marked)).toEqual(PLAIN.toSpliced(3, 0, 'INSERT'))
  const removed = (): Promise<unknown> => back.marks.write([{ key: mark(1).key, value: undefined }])
  expect(await statementsOf(counter, removed)).toEqual(['BEGIN', 'SELECT', 'DELETE', 'COMMIT'])
})

test('a log that was compacted costs a plain group nothing', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  await writeEight(back)()
  await back.compaction.compact({ upTo: 4, limit: 9, keepLatest: true })
  expect(await statementsOf(counter, writeEight(back))).toEqual(PLAIN)
})

test('a sample of an agreement is one statement', async () => {
  const counter = counted()
  const back = openTemp({}, counter)
  await back.agreements.change('redis', 0, { epoch: 'e' })
  expect(await statementsOf(counter, async () => back.agreements.sample('redis'))).toEqual(['SELECT'])
})

test('a commit of many keys ends the leases of these alone, and takes a statement for each lease, not for each key', async () => {
  for (const [others, deletes] of [
    [0, 2],
    [30, 100],
  ] as const) {
    const counter = counted()
    const back = openTemp({}, counter)
    const keys = [['k', 7], ['k', 99], ['other']].map((key) => StoreKey.of(key))
    for (const key of keys) await back.leases.acquire(key, HOUR)
    for (let i = 0; i < others; i++) await back.leases.acquire(StoreKey.of(['other', i]), HOUR)
    const writes = Array.from({ length: 100 }, (_, i) => setOf(['k', i], i))
    const verbs = await statementsOf(counter, () => back.commit(blind(...writes)))
    expect(verbs.filter((verb) => verb === 'DELETE')).toHaveLength(deletes)
    const [one, two, three] = await back.leases.remaining(keys)
    expect([one, two]).toEqual([0, 0])
    expect(three).toBeGreaterThan(0)
  }
})
