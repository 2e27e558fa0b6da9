import type { Database, Options } from 'better-sqlite3'
import { markBoot, readBootId } from './boot-mark.ts'
import { migrate } from './migrate.ts'
import type { ResolvedOptions } from './options.ts'
import { IN_MEMORY } from './options.ts'
import { assertSqliteVersion, type Driver } from './runtime.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { isBusy } from './sqlite-errors.ts'

/**
 * How long SQLite itself may block the thread for a lock once the database is open. Longer waits happen between turns of
 * the event loop instead.
 */
export const BLOCKING_MS = 1

/** What tests reach below the public options. */
export interface DriverSettings {
  readonly driver: Driver
  readonly verbose?: Options['verbose'] | undefined
  readonly migrations?: readonly Migration[] | undefined
  /** Of the operating system; see boot-mark.ts. */
  readonly bootId?: (() => string | undefined) | undefined
  /** Called when there is a store where there was none. */
  readonly onCreated?: (() => void) | undefined
}

/**
 * Opens the file, creates or migrates its schema, and sets the connection up. What is not a Tidemark database is never
 * altered.
 *
 * @throws TidemarkError NOT_A_DATABASE, FILE_EXISTS, SCHEMA_TOO_NEW, READ_ONLY, RUNTIME_TOO_OLD, IO; otherwise the driver's own errors
 */
export function openDatabase(options: ResolvedOptions, settings: DriverSettings): Database {
  const { file, readOnly } = options
  const db = new settings.driver(file, {
    readonly: readOnly,
    fileMustExist: options.mode !== 'open-or-create' && file !== IN_MEMORY,
    timeout: BLOCKING_MS,
    verbose: settings.verbose,
  })
  try {
    assertSqliteVersion(db.prepare('SELECT sqlite_version()').pluck().get() as string)
    migrate(db, options, settings.migrations ?? MIGRATIONS, settings.onCreated)
    configure(db, options)
    // Before anything is written without a sync of its own: the mark has to be there whenever that is lost.
    if (!options.readOnly) markBoot(db, options, (settings.bootId ?? readBootId)())
    db.pragma(`synchronous = ${options.synchronous}`)
    return db
  } catch (error) {
    db.close()
    throw error
  }
}

/** Runs `work` again while others hold the locks that it needs. Blocks: opening is synchronous. */
export function untilFree<T>(timeoutMs: number, work: () => T): T {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      return work()
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
      // Some locks (a switch of the journal mode) fail at once instead of waiting for SQLite's own timeout.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * 9)
    }
  }
}

function configure(db: Database, { synchronous, readOnly }: ResolvedOptions): void {
  db.pragma('synchronous = full')
  // On macOS, fsync alone leaves data in the drive's cache. No effect elsewhere.
  if (synchronous === 'full') {
    db.pragma('fullfsync = on')
    db.pragma('checkpoint_fullfsync = on')
  }
  // 64 MiB instead of 4: pages that many groups touch are copied back less often, which takes a tenth off random writes.
  if (!readOnly) db.pragma('wal_autocheckpoint = 16000')
  db.pragma('journal_size_limit = 67108864')
  db.pragma('cache_size = -32768')
  db.pragma('temp_store = memory')
  db.pragma('trusted_schema = off')
}
