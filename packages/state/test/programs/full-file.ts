// Journals more than the file may hold, and then less; says how each transaction ended, and what the state is then.
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { prevalent, states, type Transaction } from '@tidemark/state'

const [file = ''] = process.argv.slice(2)
const store = new Store(createSqliteBack({ file }))
const db = await prevalent({
  store,
  name: 'full',
  initial: { sizes: [] as number[] },
  snapshotEvery: 0,
  transactions: {
    put({ state }: Transaction<{ sizes: number[] }>, text: string) {
      state.sizes.push(text.length)
    },
  },
})
const app = await states(store)
const size = app.define('size', '')
const outcomes: unknown[] = []
const attempt = async (work: () => Promise<unknown>): Promise<void> => {
  const before = db.state
  try {
    await work()
    outcomes.push('done')
  } catch (error) {
    const { code, retryable } = error as { readonly code: string; readonly retryable: boolean }
    outcomes.push(`${code} ${retryable}`, db.state === before)
  }
}
await attempt(() => db.execute('put', 'x'.repeat(1_000)))
await attempt(() => db.execute('put', 'x'.repeat(400_000)))
size.value = 'x'.repeat(400_000)
await attempt(() => app.saveAll())
outcomes.push(size.value.length)
await attempt(() => db.execute('put', 'x'.repeat(10)))
size.value = 'small'
await attempt(() => app.saveAll())
outcomes.push(db.state.sizes)
await db.close()
await store.close()
process.stdout.write(JSON.stringify(outcomes))
