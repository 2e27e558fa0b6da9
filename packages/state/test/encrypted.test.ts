import { createCborCodec, Payload, reservedKey, Store } from '@tidemark/core'
import { compressed, encrypted } from '@tidemark/codecs'
import type { SqliteBack } from '@tidemark/sqlite'
import { describe, expect, test } from 'vitest'
import { prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

const codecOf = (id: number, fill: number) =>
  encrypted(compressed(createCborCodec()), { keys: [{ id, key: new Uint8Array(32).fill(fill) }], current: id })

test('all of it is compressed and encrypted as the store is; a wrong key is an error, and puts nothing aside', async () => {
  const file = tempFile()
  const options = { name: 'bank', initial: bank, transactions, leaseMs: 100 }
  {
    const { back } = openTemp({ file, codec: codecOf(1, 1) })
    await using db = await prevalent({ store: new Store(back), ...options })
    await db.execute('put', 'ada', 1)
    await db.snapshot()
    await db.execute('put', 'bob', 2)
    const app = await states(back)
    app.define('n', 5)
    await app.saveAll()
    await app.saveAll()
    expect((await app.saves()).at(-1)!.values).toEqual({ n: 1 })
  }
  {
    const { back } = openTemp({ file, codec: codecOf(1, 2) })
    await expect(prevalent({ store: back, ...options })).rejects.toMatchObject({ code: 'KEY_WRONG' })
  }
  const { back } = openTemp({ file, codec: codecOf(1, 1) })
  await using db = await prevalent({ store: back, ...options })
  expect([[...db.state.accounts], db.recovery]).toEqual([
    [
      ['ada', 1],
      ['bob', 2],
    ],
    { snapshot: 1, replayed: 1, dropped: [] },
  ])
  expect((await states(back)).define('n', 0).value).toBe(5)
})

describe('a snapshot that only another key opens, of which the journal says as much', () => {
  const keyOf = (id: number) => ({ id, key: new Uint8Array(32).fill(id) })
  const [both, one] = [[keyOf(1), keyOf(2)], [keyOf(1)]]
  const options = { name: 'bank', initial: bank, transactions, leaseMs: 100, snapshotEvery: 0 }
  const notes = (count: number): string[] => Array.from({ length: count }, (_, i) => `${i + 1}`)

  type System = Awaited<ReturnType<typeof opened>>
  const opened = (back: SqliteBack, keepSnapshots = 2) => prevalent({ store: back, ...options, keepSnapshots })
  const note = async (db: System, from: number, to: number): Promise<void> => {
    for (const text of notes(to).slice(from - 1)) await db.execute('note', { text })
  }

  /** Five transactions, a snapshot after the third, and one after the fifth, for which it takes key 2. */
  async function fileWithBoth(): Promise<string> {
    const file = tempFile()
    const steps: readonly (readonly [current: number, step: (db: System) => Promise<void>])[] = [
      [1, (db) => note(db, 1, 3)],
      [1, (db) => db.snapshot()],
      [1, (db) => note(db, 4, 5)],
      [2, (db) => db.snapshot()],
      // There is one; and what says who has written last is of key 1 again.
      [1, (db) => db.snapshot()],
    ]
    for (const [current, step] of steps) {
      const { back } = openTemp({ file, codec: encrypted(createCborCodec(), { keys: both, current }) })
      const db = await opened(back)
      await step(db)
      await db.close()
      await back.close()
    }
    return file
  }

  const codec = encrypted(createCborCodec(), { keys: one, current: 1 })

  test('takes nothing of the journal that the one before it needs', async () => {
    const file = await fileWithBoth()
    const { back } = openTemp({ file, codec })
    {
      await using db = await opened(back, 1)
      expect([db.recovery.snapshot, db.number]).toEqual([3, 5])
      await db.snapshot()
    }
    {
      await using db = await opened(back, 1)
      expect([db.recovery.snapshot, db.recovery.replayed, db.state.log]).toEqual([3, 2, notes(5)])
      await note(db, 6, 6)
      await db.snapshot()
    }
    await using db = await opened(back, 1)
    expect([db.recovery, db.state.log]).toEqual([{ snapshot: 6, replayed: 0, dropped: [] }, notes(6)])
  })

  test('is none of those that are kept, and stays for as long as an older one does', async () => {
    const file = await fileWithBoth()
    const { back } = openTemp({ file, codec })
    const head = (number: number) => reservedKey('state', 'snapshot', 'bank', number)
    const there = async (): Promise<boolean[]> =>
      (await back.marks.read([3, 5, 8, 9].map(head))).map((mark) => mark !== undefined)
    await using first = await opened(back)
    await note(first, 6, 8)
    await first.snapshot()
    await first.close()
    expect(await there()).toEqual([true, true, true, false])
    await back.marks.write([{ key: head(8), value: Payload.encode(back.codec, 'damaged') }])
    await using second = await opened(back)
    expect([second.recovery.snapshot, second.recovery.replayed, second.state.log]).toEqual([3, 5, notes(8)])
    await second.snapshot()
    await note(second, 9, 9)
    await second.snapshot()
    expect(await there()).toEqual([false, false, true, true])
  })
})
