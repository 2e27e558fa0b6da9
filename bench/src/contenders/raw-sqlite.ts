import { join } from 'node:path'
import Database from 'better-sqlite3'

/**
 * A database file as its users would set it up who care about speed and durability. The last two settings are those of
 * Tidemark's own back tier, so that neither side wins by them.
 */
export function openRawSqlite(folder: string): Database.Database {
  const db = new Database(join(folder, 'raw.db'))
  db.pragma('journal_mode = WAL')
  db.pragma('synchronous = FULL')
  db.pragma('wal_autocheckpoint = 16000')
  db.pragma('cache_size = -32768')
  return db
}

/** Runs `work` in one transaction per `batch` numbers below `count`. */
export function inBatches(db: Database.Database, count: number, batch: number, work: (number: number) => void): void {
  for (let from = 0; from < count; from += batch) {
    db.transaction(() => {
      for (let number = from; number < Math.min(from + batch, count); number++) work(number)
    })()
  }
}
