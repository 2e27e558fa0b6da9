import { reservedKey } from '@tidemark/core'
import { expect, test } from 'vitest'
import { drop, journal, prevalent } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { mortalBack } from './support/mortal-back.ts'
import { openTemp } from './support/temp.ts'

const options = { name: 'bank', initial: bank, transactions, leaseMs: 100, snapshotEvery: 2 }

test('a system that is dropped leaves nothing, and what is of others', async () => {
  const { store, back } = openTemp()
  await store.set(['bank', 'other'], 1)
  const db = await prevalent({ store, ...options })
  for (const text of ['1', '2', '3', '4', '5']) await db.execute('note', { text })
  await expect(drop(store, 'bank', { leaseMs: 100 })).rejects.toMatchObject({ code: 'ANOTHER_WRITER' })
  await db.close()
  const log = await journal({ store, name: 'bank 2' })
  await log.record('kept')
  await log.close()
  expect(await drop(store, 'bank')).toBe(true)
  expect(await drop(store, 'bank')).toBe(false)
  expect(await Array.fromAsync(store.keys())).toEqual([
    ['bank', 'other'],
    ['bank 2', 'journal', 1],
  ])
  const all = { start: new Uint8Array(), end: undefined }
  const marks = await back.marks.scan(all, { after: undefined, limit: 10 })
  expect(marks.map(({ key }) => key.id)).toEqual([reservedKey('state', 'journal-head', 'bank 2').id])
  const again = await prevalent({ store, ...options })
  expect([again.state, again.number]).toEqual([bank(), 0])
  await again.close()
})

test('a drop that was interrupted is no system, and is done by the next one', async () => {
  const { store, back } = openTemp()
  const db = await prevalent({ store, ...options })
  for (const text of ['1', '2', '3']) await db.execute('note', { text })
  await db.close()
  await expect(drop(mortalBack(back, 1, true).back, 'bank', { leaseMs: 10 })).rejects.toThrow('dead')
  await expect(prevalent({ store, ...options })).rejects.toMatchObject({ code: 'CORRUPT' })
  expect(await drop(store, 'bank')).toBe(true)
  expect(await Array.fromAsync(store.keys())).toEqual([])
})
