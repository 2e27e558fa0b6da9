import type { Place } from '../../runner/case.ts'
import { openRawSqlite } from '../raw-sqlite.ts'
import type { BlobPlace } from './blob-place.ts'

/** As a store does it: so many rows share a synced transaction. */
const ROWS_PER_COMMIT = 4

/** By hand: a row per piece. Nobody keeps a reader from a half-written blob, and nothing is logged. */
export function sqliteChunks({ folder }: Place): BlobPlace {
  const db = openRawSqlite(folder)
  db.exec('CREATE TABLE IF NOT EXISTS chunk (n INTEGER PRIMARY KEY, bytes BLOB NOT NULL)')
  const insert = db.prepare('INSERT INTO chunk (n, bytes) VALUES (?, ?)')
  const select = db.prepare('SELECT bytes FROM chunk WHERE n = ?').pluck()
  const remove = db.prepare('DELETE FROM chunk')
  const begin = db.prepare('BEGIN IMMEDIATE')
  const commit = db.prepare('COMMIT')
  return {
    async write(pieces) {
      let n = 0
      for await (const bytes of pieces) {
        if (n % ROWS_PER_COMMIT === 0) begin.run()
        insert.run(n++, bytes)
        if (n % ROWS_PER_COMMIT === 0) commit.run()
      }
      if (db.inTransaction) commit.run()
    },
    async read(take) {
      for (let n = 0; ; n++) {
        const bytes = select.get(n) as Buffer | undefined
        if (bytes === undefined) return
        take(bytes)
      }
    },
    async remove() {
      remove.run()
      db.pragma('wal_checkpoint(TRUNCATE)')
    },
    close: async () => void db.close(),
  }
}
