/**
 * Every way in which Tidemark itself fails; docs/errors.md tells of each when, and what state is left behind. Misuse (a
 * wrong option, an impossible key) is a TypeError or RangeError instead.
 */
export const ERROR_CODES = [
  'CLOSED',
  'CONFLICT',
  'LEASE_LOST',
  'LOAD_TIMEOUT',
  'HANDLER_TIMEOUT',
  'CONSUMER_MISMATCH',
  'CONSUMER_DROPPED',
  'PARKED_FULL',
  'WRONG_TYPE',
  'REPLACED',
  'CORRUPT',
  'TRUNCATED',
  'TAMPERED',
  'MISPLACED',
  'KEY_MISSING',
  'KEY_WRONG',
  'NOT_ENCRYPTED',
  'TOO_LARGE',
  'UNENCODABLE',
  'BUSY',
  'BUFFER_FULL',
  'FLUSH_FAILED',
  'UNRECOVERED',
  'TIMEOUT',
  'FRONT_UNAVAILABLE',
  'LOG_COMPACTED',
  'LOG_AHEAD',
  'LOG_EPOCH_CHANGED',
  'LOG_DIVERGED',
  'LOG_GAP',
  'TOKEN_INVALID',
  'TOKEN_FOREIGN',
  'SYNC_MISMATCH',
  'SYNC_DROPPED',
  'CLOCK_DRIFT',
  'TOKEN_TOO_NEW',
  'SCHEMA_TOO_NEW',
  'NOT_A_DATABASE',
  'FOLDER_MISSING',
  'FILE_MISSING',
  'FILE_EXISTS',
  'READ_ONLY',
  'NEEDS_FILE',
  'NOT_HELD',
  'DISK_FULL',
  'RUNTIME_TOO_OLD',
  'IO',
  'DELIVERY_FAILED',
  'ANOTHER_WRITER',
  'TRANSACTION_UNKNOWN',
  'STATE_DIVERGED',
  'NEVER_SAVED',
] as const

export type ErrorCode = (typeof ERROR_CODES)[number]

/** What an error tells beside its code and message. */
export interface ErrorDetails {
  /** Whether the same call can succeed later without being changed. */
  readonly retryable?: boolean
  /** The tier that failed, as it was named when the store was opened. */
  readonly tier?: string
  /** The key concerned, in its readable form. */
  readonly key?: string
  readonly cause?: unknown
}

/**
 * The base of every error that Tidemark raises for a cause outside the caller's code.
 * Tell causes apart by `code`; `retryable` says whether trying again can help.
 */
export class TidemarkError extends Error {
  override readonly name: string = 'TidemarkError'
  readonly code: ErrorCode
  readonly retryable: boolean
  readonly tier: string | undefined
  readonly key: string | undefined

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause })
    this.code = code
    this.retryable = details.retryable ?? false
    this.tier = details.tier
    this.key = details.key
  }
}

/** A conditional write found another version than the caller expected. Nothing was written. */
export class ConflictError extends TidemarkError {
  override readonly name = 'ConflictError'
  /** The version that the key has now; 0 when it does not exist. */
  readonly currentVersion: number
  readonly expectedVersion: number

  constructor(key: string, expectedVersion: number, currentVersion: number, message?: string) {
    const found = currentVersion === 0 ? 'it does not exist' : `it is at ${currentVersion}`
    const told = `${key} was expected at version ${expectedVersion}, but ${found}; read it again and retry`
    super('CONFLICT', message ?? told, { key })
    this.currentVersion = currentVersion
    this.expectedVersion = expectedVersion
  }
}

/** What stored bytes can be, that cannot be decoded. */
export type CorruptCode = Extract<
  ErrorCode,
  'CORRUPT' | 'TRUNCATED' | 'TAMPERED' | 'MISPLACED' | 'KEY_MISSING' | 'KEY_WRONG' | 'NOT_ENCRYPTED' | 'TOO_LARGE'
>

/** Of which it is not said that the bytes are damaged: another key, context or limit may be all that it takes. */
const MAY_BE_WHOLE: readonly ErrorCode[] = [
  'KEY_MISSING',
  'KEY_WRONG',
  'NOT_ENCRYPTED',
  'TAMPERED',
  'MISPLACED',
  'TOO_LARGE',
]

export interface CorruptDetails extends ErrorDetails {
  readonly code?: CorruptCode
  readonly mayBeWhole?: boolean
}

/**
 * Stored bytes could not be decoded: damaged, truncated, or of a format this release does not know. Where they are encrypted
 * or compressed, the code says more.
 */
export class CorruptError extends TidemarkError {
  override readonly name = 'CorruptError'
  /**
   * Who opens the store in another way may be able to read it: with a key, a codec or a class that is not given here, in another
   * runtime, or by a later release. Nothing of it is to be removed. False: it is damaged, whoever reads it.
   */
  readonly mayBeWhole: boolean

  /** @param details what it does not say is as `cause` says, where that is such an error, too */
  constructor(what: string, details: CorruptDetails = {}) {
    const cause = details.cause instanceof CorruptError ? details.cause : undefined
    super(details.code ?? (cause?.code as CorruptCode | undefined) ?? 'CORRUPT', what, details)
    this.mayBeWhole = details.mayBeWhole ?? cause?.mayBeWhole ?? MAY_BE_WHOLE.includes(this.code)
  }
}

/** The store was closed before the call. */
export class ClosedError extends TidemarkError {
  override readonly name = 'ClosedError'
  constructor(what = 'the store') {
    super('CLOSED', `${what} is closed; open it again before using it`)
  }
}

/** The position to resume from was compacted away: what lies between it and `floor` is gone from the log. */
export class CompactedError extends TidemarkError {
  override readonly name = 'CompactedError'
  /** The position to resume from. */
  readonly after: number
  readonly floor: number
  readonly head: number

  /** @param message of what is not the change log of a store */
  constructor(
    after: number,
    floor: number,
    head: number,
    message = `the log no longer holds what follows ${after}: it starts after ${floor}; take a snapshot and follow from ${head}`,
  ) {
    super('LOG_COMPACTED', message)
    this.after = after
    this.floor = floor
    this.head = head
  }
}
