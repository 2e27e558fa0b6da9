import { Encoder } from 'cbor-x'
import type { Place, Subject } from '../runner/case.ts'
import { itemOf } from '../workload/item.ts'
import { inLanes } from '../workload/lanes.ts'
import { createPicks } from '../workload/picks.ts'
import type { LogAppendsOptions } from './log-appends.ts'
import { openRawSqlite } from './raw-sqlite.ts'

interface Append {
  readonly log: string
  readonly bytes: Buffer
  readonly resolve: () => void
}

/** By hand, without a change log: a row per append, and one synced transaction for what is asked for in one turn. */
export function rawAppends({ folder }: Place, { lanes, logs }: LogAppendsOptions): Subject {
  const db = openRawSqlite(folder)
  db.exec('CREATE TABLE element (log TEXT NOT NULL, seq INTEGER NOT NULL, value BLOB NOT NULL, PRIMARY KEY (log, seq))')
  const insert = db.prepare('INSERT INTO element VALUES (?, ?, ?)')
  const codec = new Encoder({ useRecords: false })
  const names = Array.from({ length: logs }, (_, number) => `log${number}`)
  const pick = createPicks(logs)
  let appended = 0
  let seq = 0
  let waiting: Append[] = []

  const commit = db.transaction((group: readonly Append[]) => {
    for (const { log, bytes } of group) insert.run(log, ++seq, bytes)
  })
  const flush = (): void => {
    const group = waiting
    waiting = []
    commit.immediate(group)
    for (const { resolve } of group) resolve()
  }
  const append = (log: string, element: unknown): Promise<void> =>
    new Promise((resolve) => {
      if (waiting.push({ log, bytes: codec.encode(element), resolve }) === 1) setImmediate(flush)
    })
  return {
    run: (times) => inLanes(lanes, times, () => append(names[pick()]!, itemOf(appended % 100_000, ++appended))),
    async check() {
      const rows = db.prepare('SELECT count(*) FROM element').pluck().get()
      if (rows !== appended) throw new Error(`${String(rows)} rows of ${appended}`)
    },
    close: async () => void db.close(),
  }
}
