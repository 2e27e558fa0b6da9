import { accessSync, closeSync, constants, openSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { TidemarkError } from '@tidemark/core'
import type { Database, Options } from 'better-sqlite3'
import { migrate } from './migrate.ts'
import { IN_MEMORY, type ResolvedOptions } from './options.ts'
import { assertSqliteVersion, type Driver } from './runtime.ts'
import { MIGRATIONS, type Migration } from './schema.ts'
import { isBusy, readOnlyFile, toTidemarkError } from './sqlite-errors.ts'

/**
 * How long SQLite itself may block the thread for a lock once the database is open. Longer waits happen between turns of
 * the event loop instead.
 */
export const BLOCKING_MS = 2

/** What tests reach below the public options. */
export interface DriverSettings {
  readonly driver: Driver
  readonly verbose?: Options['verbose'] | undefined
  readonly migrations?: readonly Migration[] | undefined
}

/**
 * Opens the file, creates or migrates its schema, and sets the connection up. Any number of processes may do so at once:
 * one of them creates, the others wait for it.
 *
 * @throws TidemarkError FOLDER_MISSING, NOT_A_DATABASE, SCHEMA_TOO_NEW, READ_ONLY, DISK_FULL, BUSY, RUNTIME_TOO_OLD, IO.
 * What is not a Tidemark database is never altered.
 */
export function openDatabase(options: ResolvedOptions, settings: DriverSettings): Database {
  checkFile(options)
  const { file, readOnly, busyTimeoutMs } = options
  let db: Database | undefined
  try {
    db = new settings.driver(file, {
      readonly: readOnly,
      fileMustExist: options.mode !== 'open-or-create' && file !== IN_MEMORY,
      timeout: BLOCKING_MS,
      verbose: settings.verbose,
    })
    const opened = db
    assertSqliteVersion(opened.prepare('SELECT sqlite_version()').pluck().get() as string)
    untilFree(busyTimeoutMs, () => {
      migrate(opened, options, settings.migrations ?? MIGRATIONS)
    })
    untilFree(busyTimeoutMs, () => configure(opened, options))
    return opened
  } catch (error) {
    db?.close()
    throw toTidemarkError(error, options)
  }
}

function checkFile({ file, mode, readOnly, name: tier }: ResolvedOptions): void {
  if (file === IN_MEMORY) return
  const folder = dirname(file)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new TidemarkError('FOLDER_MISSING', `${folder} is not a folder; create it before opening ${file}`, { tier })
  }
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory()) {
    throw new TidemarkError('NOT_A_DATABASE', `${file} is a folder; name a file`, { tier })
  }
  if (found === undefined && mode === 'open') {
    throw new TidemarkError('IO', `${file} does not exist; check the path, or create it with mode 'open-or-create'`, {
      tier,
    })
  }
  if (mode === 'create') claim(file, tier)
  else if (!readOnly && !(isWritable(folder) && (found === undefined || isWritable(file))))
    throw readOnlyFile(file, tier)
}

/** Creates the file, empty, unless it exists: of several processes exactly one succeeds. */
function claim(file: string, tier: string): void {
  try {
    // Safe although closing a descriptor drops SQLite's locks on a file: nobody can have had locks on this one.
    closeSync(openSync(file, 'wx'))
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code
    if (code === 'EEXIST') {
      throw new TidemarkError('IO', `${file} exists already; open it with mode 'open', or name another file`, {
        tier,
        cause,
      })
    }
    if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM') throw readOnlyFile(file, tier, cause)
    throw new TidemarkError('IO', `${file} could not be created`, { tier, cause })
  }
}

function isWritable(path: string): boolean {
  try {
    accessSync(path, constants.W_OK)
    return true
  } catch {
    return false
  }
}

/** Runs `work` again while others hold the locks that it needs. Blocks: opening is synchronous. */
function untilFree(timeoutMs: number, work: () => void): void {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    try {
      work()
      return
    } catch (error) {
      if (!isBusy(error) || performance.now() >= deadline) throw error
      // Some locks (a switch of the journal mode) fail at once instead of waiting for SQLite's own timeout.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1 + Math.random() * 9)
    }
  }
}

function configure(db: Database, { synchronous, readOnly }: ResolvedOptions): void {
  db.pragma(`synchronous = ${synchronous}`)
  // On macOS, fsync alone leaves data in the drive's cache. No effect elsewhere.
  if (synchronous === 'full') {
    db.pragma('fullfsync = on')
    db.pragma('checkpoint_fullfsync = on')
  }
  // 16 MiB instead of 4: pages that many groups touch are copied back less often, which takes 20 % off random writes.
  if (!readOnly) db.pragma('wal_autocheckpoint = 4000')
  db.pragma('journal_size_limit = 67108864')
  db.pragma('cache_size = -32768')
  db.pragma('temp_store = memory')
  db.pragma('trusted_schema = off')
}
