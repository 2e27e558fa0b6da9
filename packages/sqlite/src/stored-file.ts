import { existsSync, lstatSync, realpathSync, statSync, unlinkSync } from 'node:fs'
import { resolve } from 'node:path'
import { TidemarkError, wholeBetween } from '@tidemark/core'
import type { Database } from 'better-sqlite3'
import { BLOCKING_MS } from './open-database.ts'
import { loadDriver } from './runtime.ts'
import { APPLICATION_ID, DELETED_ID } from './schema.ts'
import { isBusy, isHalfWritten, toTidemarkError } from './sqlite-errors.ts'

const NAME = 'sqlite'
const RETRY_MS = 10

/** What belongs to a database file, beside it. */
const COMPANIONS = ['-wal', '-shm', '-journal']

/** What a file says of the store in it. */
export interface StoredFile {
  /** The id of its log. */
  readonly logId: string
}

export interface DeleteStoredFileOptions {
  /** How long others may take to close the file, 0..600,000 ms; then it rejects with BUSY. @default 5000 */
  readonly busyTimeoutMs?: number | undefined
  /**
   * Called while nobody else can open the file, and before it is touched: what else belongs to the store goes now. When it
   * rejects, the file stays as it was.
   */
  readonly alongside?: ((store: StoredFile) => Promise<unknown>) | undefined
}

/**
 * Looks whether there is a store in the file. An empty file holds none. Writes nothing there, except that SQLite undoes what a
 * process that was killed has left half written, while it made or deleted a store. Where nobody else has the file open, `-shm` and
 * an empty `-wal` stay beside it: SQLite needs them to look, and only who may write takes them away.
 *
 * @returns undefined: there is none
 * @throws TidemarkError NOT_A_DATABASE for anything else that is there; READ_ONLY where there is no such index, and this user
 * may not make one; DISK_FULL where there is no room for it; BUSY, IO
 */
export function findStoredFile(path: string): StoredFile | undefined {
  return find(resolve(path), { readOnly: true })
}

/** @param context what was asked for: whether the caller only wants to read */
function find(file: string, context: { readonly readOnly: boolean }): StoredFile | undefined {
  if (isAbsent(file)) return undefined
  let { readOnly } = context
  try {
    try {
      return lookInto(file, { readonly: true })
    } catch (error) {
      // Whoever looks next at what was left half written undoes that first, as every opening would. It takes writing.
      if (!isHalfWritten(error)) throw error
      readOnly = false
      return lookInto(file, { readonly: false })
    }
  } catch (error) {
    throw toTidemarkError(error, { file, name: NAME, readOnly })
  }
}

function lookInto(file: string, { readonly }: { readonly readonly: boolean }): StoredFile | undefined {
  const db = new (loadDriver())(file, { readonly, fileMustExist: true, timeout: 1_000 })
  try {
    return readStore(db, file)
  } finally {
    db.close()
  }
}

/**
 * Deletes the file of a store, with what SQLite keeps beside it; nothing of another application is ever touched. Nobody may
 * have it open: who opens it meanwhile waits, and then finds that there is none.
 *
 * A process that is killed meanwhile leaves the store as it was, or a file that no longer opens and that the next call deletes.
 *
 * @returns whether there was a store
 * @throws what `alongside` throws; TidemarkError NOT_A_DATABASE, BUSY when it is open somewhere, READ_ONLY, DISK_FULL, IO
 */
export async function deleteStoredFile(path: string, options: DeleteStoredFileOptions = {}): Promise<boolean> {
  const file = resolve(path)
  const busyTimeoutMs = wholeBetween('option busyTimeoutMs', options.busyTimeoutMs ?? 5_000, 0, 600_000)
  // Without write access first: closing the last connection to another application's database would tidy it up.
  if (find(file, { readOnly: false }) === undefined && isAbsent(file)) return false
  const deadline = performance.now() + busyTimeoutMs
  for (;;) {
    try {
      const isDeleted = await deleteAlone(realPathOf(file), options)
      // Last: without the link, whoever tries again would not find what is left.
      if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink() === true) unlinkSync(file)
      return isDeleted
    } catch (error) {
      if (!isBusy(error)) throw toTidemarkError(error, { file, name: NAME })
      if (performance.now() >= deadline) throw inUse(file, error)
    }
    await new Promise((done) => setTimeout(done, RETRY_MS))
  }
}

async function deleteAlone(file: string, { alongside }: DeleteStoredFileOptions): Promise<boolean> {
  if (isAbsent(file)) return false
  const db = new (loadDriver())(file, { fileMustExist: true, timeout: BLOCKING_MS })
  let store: StoredFile | undefined
  try {
    // Looked at before anything that would alter what belongs to somebody else.
    store = readStore(db, file)
    db.pragma('locking_mode = exclusive')
    // Fails while any other connection is open: none can be added while the file has no WAL and is locked.
    db.pragma('journal_mode = delete')
    db.exec('BEGIN EXCLUSIVE')
    if (store !== undefined) await alongside?.(store)
    // For who has opened the file already, and waits for the lock: it would write into a file that nobody will find.
    db.pragma(`application_id = ${DELETED_ID}`)
    db.exec('COMMIT')
    unlinkSync(file)
  } finally {
    db.close()
  }
  for (const companion of COMPANIONS) if (existsSync(file + companion)) unlinkSync(file + companion)
  return store !== undefined
}

/** Behind links: to remove a link would leave the data where they are. */
function realPathOf(file: string): string {
  try {
    return realpathSync(file)
  } catch (error) {
    // Somebody else has deleted it just now.
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return file
    throw error
  }
}

/** @returns undefined: it is empty, or all that is left of one that was deleted */
function readStore(db: Database, file: string): StoredFile | undefined {
  return db.transaction(() => {
    const applicationId = db.pragma('application_id', { simple: true })
    const objects = db.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()
    if (applicationId === DELETED_ID || (applicationId === 0 && objects === 0)) return undefined
    if (applicationId !== APPLICATION_ID) throw notOurs(file)
    return { logId: db.prepare('SELECT lower(hex(log_id)) FROM log_head').pluck().get() as string }
  })()
}

/** @throws TidemarkError NOT_A_DATABASE for a folder */
function isAbsent(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isDirectory()) {
    throw new TidemarkError('NOT_A_DATABASE', `${file} is a folder; name a file`, { tier: NAME })
  }
  return found === undefined
}

function notOurs(file: string): TidemarkError {
  const message = `${file} is a SQLite database of another application; it was left as it is: name another file`
  return new TidemarkError('NOT_A_DATABASE', message, { tier: NAME })
}

function inUse(file: string, cause: unknown): TidemarkError {
  const message = `${file} is open, here or in another process; close it everywhere, then delete it`
  return new TidemarkError('BUSY', message, { tier: NAME, cause, retryable: true })
}
