import { TidemarkError } from '@tidemark/core'
import type { Database } from 'better-sqlite3'
import { IN_MEMORY, type ResolvedOptions } from './options.ts'
import { APPLICATION_ID, DELETED_ID, type Migration } from './schema.ts'
import { existingFile, readOnlyFile } from './sqlite-errors.ts'

/**
 * Creates the schema in an empty database, or brings an older one to the newest version, in one transaction.
 * Looks before it touches anything. In mode `create` the database has to be empty: of several processes exactly one creates it.
 *
 * @param onCreated called when there is a schema where there was none
 * @throws TidemarkError NOT_A_DATABASE for another application's database; FILE_EXISTS, FILE_MISSING; SCHEMA_TOO_NEW; READ_ONLY; SqliteError
 * BUSY.
 */
export function migrate(
  db: Database,
  options: ResolvedOptions,
  migrations: readonly Migration[],
  onCreated: () => void = () => {},
): void {
  const current = migrations.length
  if (readVersion(db, options, current) === current) {
    if (!options.readOnly) requireWal(db, options)
    return
  }
  if (options.readOnly) throw outdated(options)
  // Before the first table: what compaction frees can be given back then. A file from before keeps its free pages for later writes.
  db.pragma('auto_vacuum = incremental')
  // A property of the file, which cannot change inside a transaction.
  requireWal(db, options)
  let version: number
  db.exec('BEGIN IMMEDIATE')
  try {
    // Again, under the lock: another process may have done it meanwhile.
    version = readVersion(db, options, current)
    for (const migration of migrations.slice(version)) db.exec(migration)
    db.pragma(`application_id = ${APPLICATION_ID}`)
    db.pragma(`user_version = ${current}`)
    db.exec('COMMIT')
  } catch (error) {
    if (db.inTransaction) db.exec('ROLLBACK')
    throw error
  }
  if (version === 0) onCreated()
}

/** The version of the schema; 0 when the database is empty. */
function readVersion(db: Database, { file, mode, name: tier }: ResolvedOptions, current: number): number {
  // In one snapshot, or a schema that is just being created could look like another application's.
  const { applicationId, version, objects } = db.transaction(() => ({
    applicationId: db.pragma('application_id', { simple: true }) as number,
    version: db.pragma('user_version', { simple: true }) as number,
    objects: db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get() as number,
  }))()
  if (applicationId === 0 && version === 0 && objects === 0) {
    if (mode !== 'open') return 0
    const message = `there is no store in ${file}, which is empty; create one there with mode 'open-or-create'`
    throw new TidemarkError('FILE_MISSING', message, { tier })
  }
  if (applicationId === DELETED_ID) {
    const message = `the store in ${file} is being deleted; delete it again if that was cut short, then open it`
    throw new TidemarkError(mode === 'create' ? 'FILE_EXISTS' : 'FILE_MISSING', message, { tier })
  }
  if (mode === 'create') throw existingFile(file, tier)
  if (applicationId !== APPLICATION_ID) {
    const message = `${file} is a SQLite database of another application; it was left as it is: name another file`
    throw new TidemarkError('NOT_A_DATABASE', message, { tier })
  }
  if (version > current) {
    throw new TidemarkError(
      'SCHEMA_TOO_NEW',
      `${file} has schema version ${version}, and this release knows versions up to ${current}; upgrade @tidemark/sqlite`,
      { tier },
    )
  }
  return version
}

function requireWal(db: Database, { file, name: tier }: ResolvedOptions): void {
  const mode = db.pragma('journal_mode = wal', { simple: true })
  if (mode === 'wal' || file === IN_MEMORY) return
  if (db.readonly) throw readOnlyFile(file, tier)
  const message = `the file system of ${file} has no shared memory for SQLite's WAL; put the file on a local disk`
  throw new TidemarkError('IO', message, { tier })
}

function outdated({ file, name: tier }: ResolvedOptions): TidemarkError {
  return new TidemarkError('READ_ONLY', `${file} must be created or migrated first; open it once without readOnly`, {
    tier,
  })
}
