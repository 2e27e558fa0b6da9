import { Encoder } from 'cbor-x'
import type { Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { createPicks } from '../workload/picks.ts'
import { readsOf } from '../workload/reads.ts'
import { writesOf } from '../workload/writes.ts'
import { inBatches, openRawSqlite } from './raw-sqlite.ts'

const SCHEMA = `
  CREATE TABLE value (key TEXT PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL, at INTEGER NOT NULL);
`
const UPSERT = 'INSERT INTO value (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value'

export interface RawValuesOptions {
  readonly folder: string
  readonly items: number
}

function openValues({ folder, items }: RawValuesOptions) {
  const db = openRawSqlite(folder)
  db.exec(SCHEMA)
  const codec = new Encoder({ useRecords: false })
  const keys = stringKeys(items)
  const upsert = db.prepare(UPSERT)
  const select = db.prepare('SELECT value FROM value WHERE key = ?').pluck()
  inBatches(db, items, 1_000, (number) => upsert.run(keys[number], codec.encode(itemOf(number))))
  db.pragma('wal_checkpoint(TRUNCATE)')
  const read = (number: number): unknown => {
    const bytes = select.get(keys[number])
    return bytes === undefined ? undefined : codec.decode(bytes as Buffer)
  }
  return { db, codec, keys, upsert, read }
}

/** One prepared SELECT by key and one decode per read. Synchronous: concurrency can give it nothing. */
export function rawReads(options: RawValuesOptions): Subject {
  const { db, read } = openValues(options)
  const pick = createPicks(options.items)
  const checked = readsOf({
    items: options.items,
    lanes: 1,
    read: async (number) => read(number),
    close: async () => void db.close(),
  })
  return {
    ...checked,
    // Without a promise per read, which would be no part of the raw driver.
    run(times) {
      for (let i = 0; i < times; i++) if (read(pick()) === undefined) throw new Error('an item is missing')
    },
  }
}

/** What an application without a store writes: value row and log row in one transaction per write, each synchronised. */
export function rawTransactions(options: RawValuesOptions): Subject {
  const { db, codec, keys, upsert, read } = openValues(options)
  const append = db.prepare('INSERT INTO log (key, value, at) VALUES (?, ?, ?)')
  const write = db.transaction((key: string, bytes: Buffer) => {
    upsert.run(key, bytes)
    append.run(key, bytes, Date.now())
  })
  return writesOf({
    items: options.items,
    lanes: 1,
    write: async (number, value) => write.immediate(keys[number]!, codec.encode(value)),
    readBack: async (number) => read(number),
    close: async () => void db.close(),
  })
}
