// Executes transactions for ever, many at once, and says each that was acknowledged: "<number> <lane> <n>". Snapshots are
// taken all the time; killed whenever it is.
import { Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { prevalent, type Transaction } from '@tidemark/state'

const [file = ''] = process.argv.slice(2)

interface Counts {
  lanes: Map<number, number>
  total: number
  filler: string[]
}

const db = await prevalent({
  store: new Store(createSqliteBack({ file, synchronous: 'normal' })),
  name: 'counts',
  initial: (): Counts => ({
    lanes: new Map(),
    total: 0,
    filler: Array.from({ length: 30_000 }, (_, i) => `so that a snapshot has several parts ${i}`),
  }),
  snapshotEvery: 40,
  leaseMs: 600,
  transactions: {
    count({ state }: Transaction<Counts>, lane: number) {
      const n = (state.lanes.get(lane) ?? 0) + 1
      if (lane === 3 && n % 2 === 0 && state.filler[0] === 'odd') throw new Error('never')
      state.lanes.set(lane, n)
      state.total++
      return n
    },
  },
})
process.stdout.write(`ready ${db.number}\n`)

async function lane(number: number): Promise<void> {
  for (;;) {
    const n = await db.execute('count', number)
    process.stdout.write(`${number} ${n}\n`)
  }
}

await Promise.all(Array.from({ length: 8 }, (_, number) => lane(number)))
