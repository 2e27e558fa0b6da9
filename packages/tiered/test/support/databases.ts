import Database from 'better-sqlite3'
import { onTestFinished, vi } from 'vitest'

/** The connections that are used from now on, in the order of their first statement. */
export function watchDatabases(): readonly Database.Database[] {
  const databases: Database.Database[] = []
  const prepare = Reflect.get(Database.prototype, 'prepare') as (this: unknown, source: string) => Database.Statement
  const spy = vi.spyOn(Database.prototype, 'prepare').mockImplementation(function (this: Database.Database, source) {
    if (!databases.includes(this)) databases.push(this)
    return prepare.call(this, source)
  } as typeof prepare)
  onTestFinished(() => spy.mockRestore())
  return databases
}
