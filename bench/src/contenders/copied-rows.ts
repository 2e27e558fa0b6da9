import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type Database from 'better-sqlite3'
import { Encoder } from 'cbor-x'
import type { Place, Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { inBatches, openRawSqlite } from './raw-sqlite.ts'
import { TargetFolders } from './target-folders.ts'

/** More gain nothing here, fewer cost commits. */
const BATCH = 2_000

const SCHEMA = `
  CREATE TABLE value (key TEXT PRIMARY KEY NOT NULL, version INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE TABLE log (seq INTEGER PRIMARY KEY, key TEXT NOT NULL, value BLOB NOT NULL, at INTEGER NOT NULL);
  CREATE TABLE place (id INTEGER PRIMARY KEY, key TEXT NOT NULL);
`

type Row = readonly [key: string, version: number, value: Buffer]

/** By hand: pages of a table in key order, upserted with a log row each and the place that the copy has reached. */
export async function copiedRows(place: Place, rows: number): Promise<Subject> {
  const targets = new TargetFolders(place.folder)
  const open = (): Database.Database => {
    const db = openRawSqlite(targets.next())
    db.exec(SCHEMA)
    return db
  }
  const source = openSource(place, rows)
  const page = source.prepare('SELECT key, version, value FROM value WHERE key > ? ORDER BY key LIMIT ?').raw()
  let target = open()
  return {
    async prepare() {
      target.close()
      target = open()
    },
    async run() {
      const upsert = target.prepare(
        `INSERT INTO value VALUES (?, ?, ?)
         ON CONFLICT (key) DO UPDATE SET version = excluded.version, value = excluded.value`,
      )
      const append = target.prepare('INSERT INTO log (key, value, at) VALUES (?, ?, ?)')
      const reach = target.prepare('INSERT OR REPLACE INTO place VALUES (1, ?)')
      const take = target.transaction((found: readonly Row[]) => {
        for (const [key, version, value] of found) {
          upsert.run(key, version, value)
          append.run(key, value, Date.now())
        }
        reach.run(found.at(-1)![0])
      })
      for (let found: readonly Row[], after = ''; ; after = found.at(-1)![0]) {
        found = page.all(after, BATCH) as Row[]
        if (found.length === 0) return
        take.immediate(found)
      }
    },
    async notes() {
      const count = target.prepare('SELECT count(*) FROM value').pluck().get()
      if (count !== rows) throw new Error(`the target has ${String(count)} rows`)
      return {}
    },
    async close() {
      target.close()
      source.close()
    },
  }
}

function openSource(place: Place, rows: number): Database.Database {
  const folder = join(place.folder, 'source')
  mkdirSync(folder)
  const db = openRawSqlite(folder)
  db.exec(SCHEMA)
  const codec = new Encoder({ useRecords: false })
  const insert = db.prepare('INSERT INTO value VALUES (?, ?, ?)')
  const names = stringKeys(rows)
  inBatches(db, rows, 1_000, (number) => insert.run(names[number], number, codec.encode(itemOf(number))))
  return db
}
