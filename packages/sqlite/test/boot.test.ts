import { createRequire } from 'node:module'
import { StoreKey } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { expect, test } from 'vitest'
import { readBootId } from '../src/boot-mark.ts'
import type { SqliteBack, SqliteBackOptions } from '../src/index.ts'
import { counted } from './support/counted.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { set } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

const HOUR = 3_600_000
const HELD = StoreKey.of('held')
const AGREED = { epoch: 'e1', server: 's1', term: 1, suspended: false, maxStaleMs: 300, waitMs: 300 }
const ANEW = { ...AGREED, epoch: '', term: 2 }

type Synchronous = 'full' | 'normal'

function openIn(boot: string | undefined, options: Partial<SqliteBackOptions>): SqliteBack {
  return openTemp(options, { bootId: () => boot })
}

/** A file with an agreement and a lease, written as told in boot `one`. */
async function writtenIn(synchronous: Synchronous, boot: string | undefined = 'one'): Promise<string> {
  const file = tempFile()
  const back = openIn(boot, { file, synchronous })
  await set(back, 'a', 1)
  await back.agreements.change('redis', 0, AGREED)
  await back.leases.acquire(HELD, HOUR)
  await back.close()
  return file
}

function agreementOf(back: SqliteBack): unknown {
  return back.agreements.sample('redis').agreement
}

test.each<Synchronous>(['full', 'normal'])(
  'a file that was written without syncing each commit, opened in another boot with %s, has fronts start anew, once',
  async (synchronous) => {
    const file = await writtenIn('normal')
    const back = openIn('two', { file, synchronous })
    const { epoch } = back.log.identity
    expect(agreementOf(back)).toEqual(ANEW)
    expect((await set(back, 'b', 1)).agreements.get('redis')).toEqual(ANEW)
    expect((await back.leases.acquire(HELD, HOUR)).lease!.token).toBe(2)
    await back.agreements.change('redis', 2, { epoch: 'e2' })
    await back.close()
    const again = openIn('two', { file, synchronous })
    expect(agreementOf(again)).toEqual({ ...AGREED, epoch: 'e2', term: 3 })
    expect((await again.leases.acquire(HELD, HOUR)).lease).toBeUndefined()
    // Tokens tell by themselves whether their change is still there: those of the others stay valid.
    expect(again.log.identity.epoch).toBe(epoch)
  },
)

test.each<Synchronous>(['full', 'normal'])('in the same boot nothing was lost: opened with %s', async (synchronous) => {
  const file = await writtenIn('normal')
  for (let i = 0; i < 2; i++) {
    const back = openIn('one', { file, synchronous })
    expect(agreementOf(back)).toEqual(AGREED)
    expect((await back.leases.acquire(HELD, HOUR)).lease).toBeUndefined()
    await back.close()
  }
  expect(agreementOf(openIn('two', { file, synchronous }))).toEqual(ANEW)
})

test('a file whose every commit was synced lost nothing in any boot', async () => {
  const file = await writtenIn('full')
  expect(agreementOf(openIn('two', { file, synchronous: 'full' }))).toEqual(AGREED)
})

test('that a file was written only with synced commits since its last boot is remembered', async () => {
  const file = await writtenIn('normal')
  const second = openIn('two', { file, synchronous: 'full' })
  await second.agreements.change('redis', 2, { epoch: 'e2' })
  await second.close()
  expect(agreementOf(openIn('three', { file }))).toEqual({ ...AGREED, epoch: 'e2', term: 3 })
})

test('one that syncs does not speak for another that does not', async () => {
  const file = await writtenIn('normal')
  const careless = openIn('two', { file, synchronous: 'normal' })
  const careful = openIn('two', { file, synchronous: 'full' })
  await careless.agreements.change('redis', 2, { epoch: 'e2' })
  await careful.close()
  await careless.close()
  expect(agreementOf(openIn('three', { file }))).toEqual({ ...AGREED, epoch: '', term: 4 })
})

test('who may not write does not believe what was agreed in another boot, until a writer has dealt with it', async () => {
  const file = await writtenIn('normal')
  expect(agreementOf(openIn('one', { file, readOnly: true }))).toEqual(AGREED)
  const reader = openIn('two', { file, readOnly: true })
  expect(agreementOf(reader)).toEqual({ ...AGREED, epoch: '' })
  const writer = openIn('two', { file })
  await writer.agreements.change('redis', 2, { epoch: 'e2' })
  expect(agreementOf(reader)).toEqual({ ...AGREED, epoch: 'e2', term: 3 })
})

test('where the system does not say which boot it is, nothing is done', async () => {
  const file = await writtenIn('normal')
  expect(agreementOf(openIn(undefined, { file }))).toEqual(AGREED)
  expect(agreementOf(openIn(undefined, { file, readOnly: true }))).toEqual(AGREED)
  expect(agreementOf(openIn('one', { file: await writtenIn('normal', undefined) }))).toEqual(AGREED)
})

test('the mark is synced before anything is written that is not', async () => {
  const file = tempFile()
  const { statements, verbose } = counted()
  openTemp({ file, synchronous: 'normal' }, { bootId: () => 'one', verbose })
  const marked = statements.findIndex((sql) => sql.startsWith('UPDATE log_head SET boot'))
  const levels = statements.flatMap((sql, i) => (/synchronous = (\w+)/.test(sql) ? [[sql, i < marked]] : []))
  expect(levels).toEqual([
    ['PRAGMA synchronous = full', true],
    ['PRAGMA synchronous = normal', false],
  ])
})

test('a file of the same boot is opened without a write', async () => {
  const file = await writtenIn('normal')
  const { statements, verbose } = counted()
  openTemp({ file, synchronous: 'normal' }, { bootId: () => 'one', verbose })
  expect(statements.filter((sql) => /^(BEGIN IMMEDIATE|UPDATE|INSERT|DELETE)/.test(sql))).toEqual([])
})

test('the machine’s own boot is what a file is marked with', async () => {
  const file = tempFile()
  await openTemp({ file, synchronous: 'normal' }).close()
  const db = new Database(file)
  expect(db.prepare('SELECT boot FROM log_head').pluck().get()).toBe(readBootId() ?? null)
  db.close()
  expect(readBootId()).toBe(readBootId())
})
