import { createNearMemory, Store } from '@tidemark/core'
import { createTiered } from '@tidemark/tiered'
import { expect, onTestFinished, test } from 'vitest'
import { prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

test.each(['write-through', 'write-around', 'write-behind'] as const)(
  'over tiers with the policy %s, what is acknowledged is in the back tier, and no front holds it',
  async (writePolicy) => {
    const file = tempFile()
    const { back } = openTemp({ file })
    const near = createNearMemory()
    const tiers = createTiered({ back, near, fronts: [], writePolicy })
    onTestFinished(() => tiers.close())
    const store = new Store(tiers)
    const db = await prevalent({ store, name: 'bank', initial: bank, transactions, leaseMs: 200 })
    await db.execute('put', 'ada', 1)
    await db.snapshot()
    await db.execute('put', 'bob', 2)
    const app = await states(store)
    app.define('n', 5)
    await app.saveAll()
    expect(tiers.peek('bank:journal:1')?.entry).toBeUndefined()
    // Whatever the tiers still have in hand: what was acknowledged is seen by who opens the file.
    const { back: other } = openTemp({ file })
    expect((await states(other)).define('n', 0).value).toBe(5)
    await db.close()
    const again = await prevalent({ store: other, name: 'bank', initial: bank, transactions, leaseMs: 200 })
    expect([...again.state.accounts]).toEqual([
      ['ada', 1],
      ['bob', 2],
    ])
    await again.close()
  },
)
