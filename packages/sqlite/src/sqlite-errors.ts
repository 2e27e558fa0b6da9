import { CorruptError, TidemarkError } from '@tidemark/core'

/** Which store an error is about. */
export interface ErrorContext {
  readonly file: string
  /** The name of the tier. */
  readonly name: string
  /** Whether nothing is to be written. */
  readonly readOnly?: boolean | undefined
}

/** The result code of an error that SQLite raised, e.g. `SQLITE_BUSY`; undefined for any other error. */
function sqliteCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' && error.code.startsWith('SQLITE_') ? error.code : undefined
}

export function isBusy(error: unknown): boolean {
  const code = sqliteCode(error)
  return code !== undefined && (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED'))
}

/** Whether somebody was killed while he wrote without a write-ahead log, and nobody who may write has looked since. */
export function isHalfWritten(error: unknown): boolean {
  return sqliteCode(error) === 'SQLITE_READONLY_ROLLBACK'
}

/**
 * What a failure of SQLite means to a caller, with what to do about it. Other errors come back as they are.
 * https://sqlite.org/rescode.html
 */
export function toTidemarkError(cause: unknown, { file, name: tier, readOnly = false }: ErrorContext): unknown {
  const code = sqliteCode(cause)
  if (code === undefined) return cause
  if (isBusy(cause)) {
    return new TidemarkError('BUSY', `another process kept ${file} locked; try again`, { tier, cause, retryable: true })
  }
  // SQLite reports a shared-memory file that cannot grow apart from a database file that cannot. It meets that when it opens
  // a file that nobody else has open, also to read it.
  if (code === 'SQLITE_FULL' || code === 'SQLITE_IOERR_SHMSIZE') {
    const what =
      code === 'SQLITE_FULL' ? `to write ${file}` : `beside ${file} for SQLite's index of what is written (32 KiB)`
    const message = `no room left ${what}; nothing was written: make room, then try again`
    return new TidemarkError('DISK_FULL', message, { tier, cause, retryable: true })
  }
  if (code === 'SQLITE_READONLY_DBMOVED') {
    return movedFile(file, tier, cause)
  }
  if (readOnly && isHalfWritten(cause)) return halfWritten(file, tier, cause)
  if (code.startsWith('SQLITE_READONLY') || code === 'SQLITE_PERM' || code === 'SQLITE_AUTH') {
    return readOnly ? lockedFolder(file, tier, cause) : readOnlyFile(file, tier, cause)
  }
  if (code === 'SQLITE_NOTADB') {
    return new TidemarkError('NOT_A_DATABASE', `${file} is not a SQLite database; name another file`, { tier, cause })
  }
  if (code.startsWith('SQLITE_CORRUPT')) {
    return new CorruptError(`${file} is damaged; restore it from a backup`, { tier, cause })
  }
  if (code === 'SQLITE_TOOBIG') {
    return new RangeError('a value is larger than SQLite can store (1 GB with its key); store it in parts', { cause })
  }
  const reason = cause instanceof Error ? cause.message : code
  return new TidemarkError('IO', `${file} could not be read or written (${code}: ${reason}); check the disk`, {
    tier,
    cause,
  })
}

export function movedFile(file: string, tier: string, cause?: unknown): TidemarkError {
  return new TidemarkError('IO', `${file} was moved or deleted while it was open; open it again`, { tier, cause })
}

export function existingFile(file: string, tier: string, cause?: unknown): TidemarkError {
  const message = `${file} exists already; open it with mode 'open', or name another file`
  return new TidemarkError('FILE_EXISTS', message, { tier, cause })
}

export function readOnlyFile(file: string, tier: string, cause?: unknown): TidemarkError {
  return new TidemarkError(
    'READ_ONLY',
    `${file} cannot be written: give this user write permission on the file and its folder, or only read, with createSqliteBack({ readOnly: true })`,
    { tier, cause },
  )
}

function halfWritten(file: string, tier: string, cause: unknown): TidemarkError {
  const message = `${file} was left half written by a process that was killed while it made or deleted the store; open it once without readOnly, which undoes that`
  return new TidemarkError('READ_ONLY', message, { tier, cause })
}

/** What SQLite needs to read a file that others may write: its index, beside the file, in which readers say where they are. */
function lockedFolder(file: string, tier: string, cause: unknown): TidemarkError {
  const message = `${file} cannot be read: this user may not write in its folder, and nobody who may has it open; open it while somebody has, or give write permission on the folder`
  return new TidemarkError('READ_ONLY', message, { tier, cause })
}
