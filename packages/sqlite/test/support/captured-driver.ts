import { createRequire } from 'node:module'
import type BetterSqlite3 from 'better-sqlite3'
import type { Driver } from '../../src/runtime.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

/** A driver that hands out the connection that it opens. */
export function capturedDriver(): { driver: Driver; db: () => BetterSqlite3.Database } {
  let db: BetterSqlite3.Database | undefined
  const driver = function open(...args: ConstructorParameters<typeof Database>): BetterSqlite3.Database {
    db = new Database(...args)
    return db
  }
  return { driver: driver as unknown as Driver, db: () => db! }
}
