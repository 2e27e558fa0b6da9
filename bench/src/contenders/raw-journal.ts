import { Encoder } from 'cbor-x'
import type { Place, Subject } from '../runner/case.ts'
import { bankOf } from '../workload/accounts.ts'
import { inLanes } from '../workload/lanes.ts'
import { createPicks } from '../workload/picks.ts'
import { openRawSqlite } from './raw-sqlite.ts'

export interface RawJournalOptions {
  readonly accounts: number
  readonly lanes: number
}

/**
 * The same by hand, without any of the promises but the one that an acknowledged transaction is on the disk: what is asked
 * for in one turn is executed, and journaled as a row each, in one synced transaction.
 */
export function rawJournal({ folder }: Place, { accounts, lanes }: RawJournalOptions): Subject {
  const db = openRawSqlite(folder)
  db.exec('CREATE TABLE journal (number INTEGER PRIMARY KEY, entry BLOB NOT NULL)')
  const insert = db.prepare('INSERT INTO journal (number, entry) VALUES (?, ?)')
  const codec = new Encoder({ useRecords: false })
  const state = bankOf(accounts)
  const pick = createPicks(accounts)
  let number = 0
  let waiting: { readonly entry: readonly [number, number, number]; readonly resolve: () => void }[] = []

  const commit = db.transaction((group: typeof waiting) => {
    for (const { entry } of group) insert.run(++number, codec.encode(['pay', entry, Date.now()]))
  })
  const flush = (): void => {
    const group = waiting
    waiting = []
    commit.immediate(group)
    for (const { entry, resolve } of group) {
      const [from, to, amount] = entry
      const payer = state.accounts.get(from)!
      payer.balance -= amount
      payer.payments += 1
      state.accounts.get(to)!.balance += amount
      state.paid += amount
      resolve()
    }
  }
  const execute = (from: number, to: number, amount: number): Promise<void> =>
    new Promise((resolve) => {
      if (waiting.push({ entry: [from, to, amount], resolve }) === 1) setImmediate(flush)
    })
  return {
    run: (times) => inLanes(lanes, times, () => execute(pick(), pick(), 1)),
    async check() {
      const journaled = db.prepare('SELECT count(*) FROM journal').pluck().get()
      if (journaled !== number || state.paid !== number) {
        throw new Error(`${String(journaled)} journaled, ${state.paid} paid, ${number} numbered`)
      }
    },
    close: async () => void db.close(),
  }
}
