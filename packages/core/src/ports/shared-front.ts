import type { TidemarkError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Fill, FrontOutcome, TailStep, ApplyMode } from './front.ts'
import type { Found } from './entry.ts'
import type { LogChange } from './log.ts'
import type { TailMark } from './tail-mark.ts'

/**
 * One stretch of contact with one server, under one epoch. It ends with the connection, and with the epoch: what was
 * learned in it says nothing about the next one. Compared by identity.
 */
export interface FrontSession {
  /** Which run of which server: another one after a restart or a failover (Redis: `run_id`). */
  readonly server: string
  /** Records of any other epoch do not exist. undefined: the server's meta is gone, and it has to be initialised. */
  readonly epoch: string | undefined
}

/** What a shared front says of itself. */
export interface FrontLook {
  readonly session: FrontSession
  /** Every change up to this seq has been executed there; undefined: not known, it has to be initialised. */
  readonly watermark: number | undefined
  /** What was stored with the watermark: see {@link TailMark}. Empty where there is no watermark. */
  readonly mark: TailMark
  /** Who moved the watermark last; empty: nobody yet. */
  readonly tailer: string
  /**
   * The highest seq that a change or a step had when it was executed there since the last start, past the watermark too,
   * with its mark: what of the log may have left records. undefined: not known.
   */
  readonly highest: HighestChange | undefined
}

/** The highest change that a front has executed. */
export interface HighestChange {
  readonly seq: number
  readonly mark: TailMark
}

/** A step of the tail of a shared front. */
export interface SharedTailStep extends TailStep {
  /** Of the change at `to`. */
  readonly mark: TailMark
  /** Who takes the step. */
  readonly tailer: string
}

/** The start from nothing, between its two steps. */
export interface FrontStart {
  /** The epoch to start: one that was never in use before. */
  readonly epoch: string
  /** The head of the log, read after the announcement: base and watermark. */
  readonly head: number
  readonly mark: TailMark
}

/** One record as it stands in a shared front, for who wants to look at it. */
export interface FrontRecord {
  readonly kind: 'value' | 'absent'
  readonly version: number
  readonly epoch: string
  /** Wall-clock milliseconds. */
  readonly until: number
}

export interface FrontInspection {
  /** undefined: there is none, or it is damaged. */
  readonly record: FrontRecord | undefined
  /** What stands there is not what the front writes: it counts as not held, and the next read takes it away. */
  readonly isDamaged: boolean
  /** The highest seq that was executed in the stripe of the key, or the base where that is higher. */
  readonly fence: number
  readonly look: FrontLook
}

export interface FrontRecordPage {
  /** Ids of keys, with the version of their record in the current epoch. A key may occur on more than one page. */
  readonly records: readonly { readonly id: string; readonly version: number; readonly kind: 'value' | 'absent' }[]
  /** Ids of those under which stands what the front does not write; see {@link FrontInspection.isDamaged}. */
  readonly damaged: readonly string[]
  /** For the next page; undefined: this was the last one. */
  readonly cursor: string | undefined
}

/**
 * A cache that several processes share. It may lose anything at any time, may come back older than it was, and may be
 * somebody else after a failover. The watermark is kept in it, with the data that it is about: a server that has lost
 * writes has lost the same of its watermark.
 *
 * Every call is bounded in time. A call that fails may have been executed or not; calls are idempotent and ordered by
 * version, so repeating or dropping one is always safe.
 * @throws TidemarkError FRONT_UNAVAILABLE or TIMEOUT from any method that returns a promise.
 */
export interface SharedFront {
  readonly name: string
  /** By what processes agree on it (FrontAgreements): the same for exactly those that share its records. */
  readonly agreedAs: string
  /** The session under way; undefined while there is none. */
  readonly session: FrontSession | undefined
  /** Asks the server what it is: one small command. */
  look(): Promise<FrontLook>
  /**
   * What the front holds. Every answer is undefined unless `session` was under way when the call was made and still is
   * when the answer has come. Expired records, and those of other epochs, are undefined too.
   */
  read(keys: readonly StoreKey[], session: FrontSession): Promise<readonly (Found | undefined)[]>
  /** Changes that were just committed, in seq order; outcomes in the same order. Without a session, only removes. */
  apply(changes: readonly LogChange[], mode: ApplyMode): Promise<readonly FrontOutcome[]>
  fill(fills: readonly Fill[]): Promise<readonly FrontOutcome[]>
  /**
   * Executes a step along the log atomically, if the watermark stands at `from`: removes records that its changes have
   * replaced, raises their fences, and moves the watermark to `to`. Values are not needed.
   * @returns the watermark afterwards, whoever moved it; undefined: there is none.
   */
  tail(step: SharedTailStep): Promise<number | undefined>
  /**
   * Starts from nothing: announces it, which from then on refuses everything but removals, calls `start`, and completes
   * unless meta was lost, or another start announced, in between. All earlier records cease to exist, as one step.
   *
   * Nothing happens when somebody else has just done it, or is at it: when the front is ready in another epoch than the
   * one `seen`, and when another start was announced a moment ago. A start whose caller is gone holds up others for a
   * moment only.
   * @param seen the epoch in which the front was found to need it; undefined: in none. When it is not given: that of the
   * session under way
   * @returns whether it was this start that completed
   */
  initialize(start: () => Promise<FrontStart>, seen?: Pick<FrontSession, 'epoch'>): Promise<boolean>
  /**
   * Lets go of whatever it holds of the keys, of any version, as if it had lost that: always safe. The fences stay as they
   * are. For who repairs it; changes are applied.
   */
  discard(keys: readonly StoreKey[]): Promise<void>
  /** For one key, what stands there and why. */
  inspect(key: StoreKey): Promise<FrontInspection>
  /** The records of the current epoch, page by page, in no order. */
  records(cursor: string | undefined, limit: number): Promise<FrontRecordPage>
  /** Ends the session, if there is one, and connects anew: the server may not be the right one any more. */
  reconnect(): void
  /** Calls the listener whenever a session begins or ends. The returned function ends it. */
  onSession(listener: (session: FrontSession | undefined) => void): () => void
  /**
   * Calls the listener when the server refuses to hold any more, with the refusal (perhaps several times in a row), and
   * with undefined when it takes something again. Meanwhile it removes what changes replace, as ever. The returned
   * function ends it.
   */
  onRoom(listener: (refusal: TidemarkError | undefined) => void): () => void
  close(): Promise<void>
}
