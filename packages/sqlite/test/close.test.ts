import { ALL_KEYS, type Back, ClosedError, StoreKey } from '@tidemark/core'
import { createRequire } from 'node:module'
import { existsSync } from 'node:fs'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, set } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

const signal = new AbortController().signal
const key = StoreKey.of('a')

const nothing = { entry: undefined, asOf: 1, until: Infinity, tier: 'sqlite' }
const page = { head: 1, changes: [{ seq: 1, op: 'set' }] }

/** Each method, and what it answers above a log with one write, of another key. */
const methods: Record<string, readonly [call: (back: Back) => unknown, answer: unknown]> = {
  readOne: [(back) => back.readOne(key), nothing],
  read: [(back) => back.read([key]), [nothing]],
  commit: [(back) => back.commit(blind()), { changes: [], asOf: 1 }],
  scan: [
    (back) => back.scan(ALL_KEYS, { after: undefined, limit: 1, reverse: false }),
    { entries: [{ version: 1 }], asOf: 1 },
  ],
  count: [(back) => back.count(ALL_KEYS), 1],
  expire: [(back) => back.expire(1), { changes: [], asOf: 1 }],
  restored: [(back) => back.restored(), undefined],
  'agreements.sample': [(back) => back.agreements.sample('redis'), { head: 1, agreement: { term: 0 } }],
  'agreements.change': [
    (back) => back.agreements.change('redis', 0, { epoch: 'e' }),
    { head: 1, agreement: { epoch: 'e', term: 1 } },
  ],
  'leases.acquire': [(back) => back.leases.acquire(key, 1_000), { lease: { token: 1 } }],
  'leases.renew': [(back) => back.leases.renew({ key, token: 1 }, 1_000), false],
  'leases.release': [(back) => back.leases.release({ key, token: 1 }), undefined],
  onCommit: [(back) => back.onCommit(() => {}), expect.any(Function)],
  'log.head': [(back) => back.log.head(), 1],
  'log.floor': [(back) => back.log.floor(), 0],
  'log.read': [(back) => back.log.read({ after: 0, limit: 1 }), page],
  'log.wait': [(back) => back.log.wait(0, AbortSignal.any([signal, AbortSignal.timeout(20_000)])), undefined],
  'log.sync.head': [(back) => back.log.sync!.head(), 1],
  'log.sync.read': [(back) => back.log.sync!.read({ after: 0, limit: 1 }), page],
}

const states: Record<string, (back: SqliteBack) => Promise<void>> = {
  closing: async (back) => void back.close(),
  closed: (back) => back.close(),
}

describe.each(Object.keys(methods))('%s', (method) => {
  const [ask, answer] = methods[method]!
  const call = async (back: Back): Promise<unknown> => ask(back)

  test('answers while the store is open', async () => {
    const back = openTemp()
    await set(back, 'b', 1)
    // Within a list, so that what is no object is compared too.
    expect([await call(back)]).toMatchObject([answer])
  })

  test.each(Object.keys(states))('is refused when %s', async (state) => {
    const back = openTemp()
    const waiting = set(back, 'b', 1)
    await states[state]!(back)
    await expect(call(back)).rejects.toBeInstanceOf(ClosedError)
    await waiting
  })
})

test('closing is idempotent, waits for commits and leaves one whole file', async () => {
  const file = tempFile()
  const back = openTemp({ file })
  const write = set(back, 'a', 1)
  const [first, second] = [back.close(), back.close()]
  expect(second).toBe(first)
  await first
  expect((await write).asOf).toBe(1)
  await back.close()
  expect(existsSync(`${file}-wal`)).toBe(false)
  const db = new Database(file, { readonly: true })
  expect(db.prepare('SELECT count(*) FROM entry').pluck().get()).toBe(1)
  db.close()
})

test('a nudge after closing is harmless, and so is ending a subscription', async () => {
  const back = openTemp()
  const stop = back.onCommit(() => {})
  await back.close()
  back.log.nudge()
  stop()
})

test('await using closes', async () => {
  let kept: SqliteBack
  {
    await using back = openTemp()
    kept = back
  }
  expect(() => kept.readOne(key)).toThrow(ClosedError)
})
