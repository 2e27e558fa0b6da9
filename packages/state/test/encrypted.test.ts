import { createCborCodec, Store } from '@tidemark/core'
import { compressed, encrypted } from '@tidemark/codecs'
import { expect, test } from 'vitest'
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
