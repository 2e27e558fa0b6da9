import type { Key } from '@tidemark/core'
import type { Observable } from 'rxjs'
import type { Change } from '../change.ts'
import type { CaughtUpOptions } from './caught-up.ts'
import type { ConsumerEvent } from './consumer-event.ts'
import type { LaneStanding } from './lane-standing.ts'

/**
 * A change that was set aside, and is kept beside the log until it is replayed or dropped, also when the log is
 * compacted.
 */
export interface ParkedChange<T = unknown> {
  readonly change: Change<T>
  readonly lane: number
  /** How often the handler had it; 0: never, it waits behind an earlier change of its key. */
  readonly attempts: number
  /** What its last attempt failed with. */
  readonly error: string
  readonly behind: boolean
  readonly parkedAt: Date
}

/** Which parked changes are meant: all of them, those of a key, or one. */
export interface ParkedSelection {
  readonly key?: Key | undefined
  readonly seq?: number | undefined
}

export interface ReplayResult {
  readonly replayed: number
  /** Failed again, or stay behind one of their key that is parked. */
  readonly left: number
}

export interface LaneStats extends LaneStanding {
  readonly lane: number
  /** Whether this process works on it. */
  readonly owned: boolean
  /** How many changes this process has handled in it, since it has it. */
  readonly processed: number
  /** How many changes it holds in memory, beside the batch in hand. */
  readonly held: number
}

export interface ConsumerStats {
  readonly name: string
  /** Of the log. */
  readonly head: number
  readonly lanes: readonly LaneStats[]
  /** Of the lane that is farthest behind. */
  readonly lag: number
  readonly parked: number
  readonly processed: number
  readonly members: number
}

/** A durable consumer, as one process takes part in it. */
export interface Consumer<T = unknown> extends AsyncDisposable {
  readonly name: string
  /**
   * Hot. What happens to the consumer in this process; completes when it is closed. While nobody listens, what needs
   * attention (halted, parked, skipped, trouble, ended) is printed with `console.error`.
   */
  readonly events$: Observable<ConsumerEvent>
  stats(): Promise<ConsumerStats>
  /**
   * Resolves when everything that was committed before the call, or up to `upTo`, was handled or parked, in whichever
   * processes the lanes are. It waits as long as a lane stands still before that. How far a lane of another process has come is
   * known here with its next change that is handled, and else within a second or so.
   * @throws the reason of `signal`; what the consumer has ended with; ClosedError; TidemarkError TOKEN_INVALID,
   * TOKEN_TOO_NEW, TOKEN_FOREIGN, LOG_EPOCH_CHANGED; TypeError, RangeError for wrong options
   */
  caughtUp(options?: CaughtUpOptions): Promise<void>
  /** Lane by lane, each in the order of the log. Those of all processes. */
  parked(selection?: ParkedSelection): AsyncIterable<ParkedChange<T>>
  /**
   * Hands parked changes to the handler once more, in the order of the log per lane, each one time. What succeeds is
   * parked no more. Under `parkKey`, a change waits until the earlier ones of its key are gone. Whichever process
   * owns the lane does it.
   */
  replay(selection?: ParkedSelection): Promise<ReplayResult>
  /** Forgets parked changes. @returns how many */
  drop(selection?: ParkedSelection): Promise<number>
  /**
   * Lets the lanes go on that stand still, whichever process they are in. `mark`: where they stand; the change that
   * failed is tried anew. `start`: from the oldest change that the log holds. `now`, a date: as of the option `from`;
   * what lies between is skipped. With `transaction: true` nothing goes back: what the handler wrote is committed with
   * the lane's place, and would be written twice.
   * @returns how many went on
   * @throws TypeError for `from` that lies before what a transactional consumer has committed; CompactedError for a date
   * of which the log may have lost something. No lane goes on then.
   */
  resume(options?: { readonly from?: 'mark' | 'start' | 'now' | Date | undefined }): Promise<number>
  /**
   * Takes up nothing new, finishes what is in hand (for `closeGraceMs` at most: then the signals of the handlers
   * abort, and it is handed out again), stores how far it has come, and leaves its lanes to the others at once.
   * Idempotent.
   */
  close(): Promise<void>
  /** Resolves when it is closed: by a call, by its signal, or because it was dropped. Never rejects. */
  readonly closed: Promise<void>
}
