import type { Payload } from '../codec/payload.ts'
import type { StoreKey } from '../keys/store-key.ts'

/** `expire` is a delete that the sweeper made because the entry's time had come. */
export type ChangeOp = 'set' | 'delete' | 'expire'

/** A path inside a value: property names and array indexes. */
export type Path = readonly (string | number)[]

/** Where a change that was copied from another store was written first. */
export interface ChangeSource {
  /** The id of that log. */
  readonly log: string
  readonly seq: number
  /** Wall-clock milliseconds of its commit there. */
  readonly at: number
}

/** One entry of the log. Immutable. */
export interface LogChange {
  readonly seq: number
  /** The first and last seq of the commit that this change belongs to. */
  readonly first: number
  readonly last: number
  readonly op: ChangeOp
  readonly key: StoreKey
  /** Where inside the value the writer addressed it; the change carries the whole new value all the same. */
  readonly path: Path | undefined
  /** The version that this change replaced; 0 when the key did not exist. */
  readonly prevVersion: number
  /** The new value; undefined for deletes and expiries, and where values were not asked for. */
  readonly payload: Payload | undefined
  readonly expiresAt: number | undefined
  /** What the writer attached; undefined where values were not asked for. */
  readonly meta: Payload | undefined
  /**
   * The value, or what the writer attached, was too large to travel to where this log is read, or to be kept in it; it is
   * undefined then.
   */
  readonly leftOut?: true
  /** Wall-clock milliseconds of the commit; never decreases along the log. */
  readonly at: number
  /** Which opened store wrote it; of a copied change, the one that wrote it first. */
  readonly origin: string
  /** undefined: it was written here. */
  readonly source?: ChangeSource | undefined
}

/** Which log this is. A restored or rewritten log has another epoch; another database has another id. */
export interface LogIdentity {
  readonly id: string
  readonly epoch: number
}

export interface LogPage {
  /** Whole commits, in seq order, dense from `after + 1`. */
  readonly changes: readonly LogChange[]
  /** The head of the log in the snapshot that the page was read from. */
  readonly head: number
}

export interface LogReadOptions {
  /** Exclusive: the page starts with `after + 1`. */
  readonly after: number
  /**
   * How many changes to aim at. A page never splits a commit, so it may be longer; and it may end earlier where values are
   * large.
   */
  readonly limit: number
  /**
   * false: `payload` and `meta` are not read, and are undefined in the changes: for who only wants to know which keys
   * changed.
   * @default true
   */
  readonly values?: boolean | undefined
}

/** As a change is where values are not read. */
export function withoutValues(change: LogChange): LogChange {
  return { ...change, payload: undefined, meta: undefined }
}

export interface KeyHistoryOptions {
  /** Exclusive: only changes with a lower seq. @default every change */
  readonly before?: number | undefined
  readonly limit: number
  readonly signal?: AbortSignal | undefined
}

export interface KeyHistory {
  readonly changes: readonly LogChange[]
  /** Why it ends: there may be more; the key had no change before; what came before is compacted away, if there was anything. */
  readonly end: 'limit' | 'start' | 'floor'
}

/** The ordered, durable record of every committed change. Seqs are dense: no gap, no duplicate, in commit order. */
export interface Log {
  /** As this process knows it: another one after `restored()`, here or, as soon as the log is looked at again, elsewhere. */
  readonly identity: LogIdentity
  /** The seq of the last committed change; 0 when there is none. */
  head(): Promise<number>
  /** The seq up to which changes were compacted away: the oldest one still readable is `floor + 1`. */
  floor(): Promise<number>
  /**
   * @throws CompactedError when `after` lies before the floor; TidemarkError LOG_AHEAD when it lies past the head.
   * Position and page are checked in one snapshot.
   */
  read(options: LogReadOptions): Promise<LogPage>
  /** The changes at these seqs, in this order; undefined: compacted away, or not yet there. */
  at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]>
  /**
   * The seq of the last change before a wall-clock time: what follows it was committed then or later. Costs a binary search,
   * as commit times never decrease.
   * @returns undefined: what was committed then is compacted away, perhaps
   */
  seqBefore(at: number): Promise<number | undefined>
  /**
   * The changes of one key, newest first. There is no index, which every write would pay for: each change leads to the one that
   * it replaced; behind a key's beginning, and for a key that does not exist, the log is searched, a few thousand changes at
   * a time.
   * @throws the reason of `signal` when it aborts
   */
  changesOf(key: StoreKey, options: KeyHistoryOptions): Promise<KeyHistory>
  /**
   * Resolves soon after the log has grown past `after`, and at once when it has already; rejects when `signal` aborts. May
   * resolve spuriously.
   */
  wait(after: number, signal: AbortSignal): Promise<void>
  /** Says that the log may have grown, so that waiters look now instead of at their next poll. */
  nudge(): void
  /** The capability to follow the log without leaving the current turn of the event loop; undefined where it takes a round trip. */
  readonly sync: SyncLog | undefined
}

/** The capability of an embedded log: answers at once, in microseconds, with what every process has committed until now. */
export interface SyncLog {
  /** The current head, including commits of other processes. Costs about 2 µs when nothing changed. */
  head(): number
  /** As {@link Log.read}. */
  read(options: LogReadOptions): LogPage
}
