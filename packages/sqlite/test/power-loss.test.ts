import { copyFileSync } from 'node:fs'
import { Store, StoreKey } from '@tidemark/core'
import { expect, test } from 'vitest'
import { capturedDriver } from './support/captured-driver.ts'
import { counted } from './support/counted.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { setOf, valueOf } from './support/writes.ts'

test('by default every commit is synced: at full, in the write-ahead log, also where the drive has a cache of its own', async () => {
  const { driver, db } = capturedDriver()
  const { statements, verbose } = counted()
  const back = openTemp({ file: tempFile() }, { driver, verbose })
  const settings = (): Record<string, unknown> =>
    Object.fromEntries(
      ['synchronous', 'journal_mode', 'fullfsync', 'checkpoint_fullfsync'].map((name) => [
        name,
        db().pragma(name, { simple: true }),
      ]),
    )
  const seen: unknown[] = []
  /** Looks from inside the transaction that is about to be committed, on the connection that commits it. */
  const write = (value: number) =>
    back.commit({
      reads: [StoreKey.of('k')],
      decide: () => {
        expect(db().inTransaction).toBe(true)
        seen.push(settings())
        return [setOf('k', value)]
      },
    })
  await write(1)
  await Promise.all([write(2), write(3)])
  await back.leases.acquire(StoreKey.of('lease'), 1_000)
  await back.agreements.change('redis', 0, { epoch: 'e1' })
  await back.expire(10)
  await write(4)
  expect(await valueOf(back, 'k')).toBe(4)
  const synced = { synchronous: 2, journal_mode: 'wal', fullfsync: 1, checkpoint_fullfsync: 1 }
  expect(seen).toEqual([synced, synced, synced, synced])
  // And nothing has changed it in between.
  expect(statements.filter((sql) => /^PRAGMA synchronous =/i.test(sql))).toEqual([
    'PRAGMA synchronous = full',
    'PRAGMA synchronous = full',
  ])
})

test('versions that a power loss took back are used again: one that was kept is that of another change', async () => {
  const file = tempFile()
  const kept = `${file}.kept`
  const openIn = (boot: string) => {
    const back = openTemp({ file, synchronous: 'normal' }, { bootId: () => boot })
    return { back, store: new Store(back) }
  }
  const before = openIn('one')
  await before.store.set('k', 'kept')
  await before.back.close()
  copyFileSync(file, kept)
  const lost = openIn('one')
  const { version } = await lost.store.set('k', 'lost')
  await lost.back.close()
  // The last commits are gone with the power: the file is as it was, and so is the boot that it is marked with.
  copyFileSync(kept, file)
  const { store } = openIn('two')
  expect(await store.entry('k')).toMatchObject({ value: 'kept', version: version - 1 })
  await expect(store.set('k', 'mine', { ifVersion: version })).rejects.toMatchObject({ code: 'CONFLICT' })
  expect(await store.set('k', 'of somebody else')).toMatchObject({ version })
  // What this overwrites, its writer has never read.
  expect(await store.set('k', 'mine', { ifVersion: version })).toMatchObject({ version: version + 1 })
})
