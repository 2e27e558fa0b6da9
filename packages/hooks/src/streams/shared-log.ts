import {
  afterTurn,
  assertKnown,
  type KeyHistory,
  type KeyHistoryOptions,
  type Log,
  type LogChange,
  type LogIdentity,
  type LogPage,
  type LogReadOptions,
  port,
  type StoreKey,
  type SyncLog,
  wholeAtLeast,
  withoutValues,
} from '@tidemark/core'
import { PageRing } from './page-ring.ts'
import { AT_ONCE, type HeldLog, READ_SOME } from './read-page.ts'
import { isSame, SharedWaits } from './shared-waits.ts'

export interface SharedLogOptions {
  /** How many changes are kept at most. @default 4_096 */
  readonly maxChanges?: number | undefined
  /**
   * How many bytes of keys and encoded values are kept at most. A value that a subscriber has read is kept decoded as
   * well. @default 16 MiB
   */
  readonly maxBytes?: number | undefined
}

/**
 * One reader of a log for all subscribers of a process: the same log, which reads each page once, waits once, and makes
 * one change object of each change, however many follow it.
 *
 * The pages that were read last are kept, within the bounds of the options, and serve whoever asks for what lies in them;
 * everybody else reads the log. A subscriber far behind so costs what it costs alone, and takes nothing from the others.
 * What is kept is dropped with the log's epoch. It may outlive the compaction of what it holds.
 *
 * Over an embedded log (`sync`) every page is checked against the head of that moment. Over another one, streams are
 * served what is kept as of the last look at the log, and calls that ask for the same in one turn share a read.
 * @throws TypeError or RangeError for wrong options
 */
export function sharedLog(log: Log, options: SharedLogOptions = {}): Log {
  assertKnown(options, ['maxChanges', 'maxBytes'], 'sharedLog')
  const { maxChanges = 4_096, maxBytes = 16 * 1024 * 1024 } = options
  wholeAtLeast('option maxChanges', maxChanges, 1)
  wholeAtLeast('option maxBytes', maxBytes, 1)
  return new SharedLog(
    port<Log>('the log', log, ['head', 'floor', 'read', 'wait', 'nudge']),
    new PageRing({ maxChanges, maxBytes }),
  )
}

class SharedLog implements Log, HeldLog {
  readonly sync: SyncLog | undefined
  readonly #log: Log
  readonly #ring: PageRing
  readonly #waits: SharedWaits
  /** Reads that the end of this turn will make, by what they ask for. */
  readonly #flights = new Map<string, Promise<LogPage>>()
  /** The log that the ring is of. */
  #identity: LogIdentity
  /** As the last page told, where the log cannot be asked at once. */
  #head = 0

  constructor(log: Log, ring: PageRing) {
    this.#log = log
    this.#ring = ring
    this.#waits = new SharedWaits(log)
    this.#identity = log.identity
    const { sync } = log
    this.sync =
      sync && Object.freeze({ head: () => sync.head(), read: (page: LogReadOptions) => this.#readNow(sync, page) })
  }

  get identity(): LogIdentity {
    return this.#log.identity
  }

  head(): Promise<number> {
    return this.#log.head()
  }

  floor(): Promise<number> {
    return this.#log.floor()
  }

  async read(options: LogReadOptions): Promise<LogPage> {
    const { sync } = this.#log
    return sync === undefined ? this.#readInTurn(options) : this.#readNow(sync, options)
  }

  async [READ_SOME](options: LogReadOptions): Promise<LogPage> {
    const { sync } = this.#log
    if (sync !== undefined) return this.#readNow(sync, options, 'some')
    this.#keepUp(this.#head)
    const held = this.#held(options)
    if (held === undefined) return this.#readInTurn(options)
    return { changes: held, head: Math.max(this.#head, held.at(-1)!.seq) }
  }

  [AT_ONCE](seq: number): LogChange | undefined {
    this.#keepUp(this.#log.sync?.head() ?? this.#head)
    return this.#ring.get(seq)
  }

  /** Not from what is kept: the log may have compacted it away, and `changesOf` would disagree. */
  at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
    return this.#log.at(seqs)
  }

  seqBefore(at: number): Promise<number | undefined> {
    return this.#log.seqBefore(at)
  }

  changesOf(key: StoreKey, options: KeyHistoryOptions): Promise<KeyHistory> {
    return this.#log.changesOf(key, options)
  }

  wait(after: number, signal: AbortSignal): Promise<void> {
    return this.#waits.wait(after, signal)
  }

  nudge(): void {
    this.#log.nudge()
  }

  #readNow(log: SyncLog, options: LogReadOptions, howMuch: 'some' | 'all' = 'all'): LogPage {
    const { after, limit, values = true } = options
    const head = log.head()
    this.#keepUp(head)
    if (after === head && limit >= 1) return { changes: [], head }
    const held = this.#held(options)
    const isEnough = (rows: readonly LogChange[]): boolean => rows.length >= limit || rows.at(-1)!.seq === head
    if (held !== undefined && (howMuch === 'some' || isEnough(held))) return { changes: held, head }
    const page = log.read(options)
    this.#keepUp(page.head)
    if (values) this.#ring.add(after, page.changes)
    return page
  }

  #readInTurn(options: LogReadOptions): Promise<LogPage> {
    const { after, limit, values = true } = options
    const name = `${after} ${limit} ${values}`
    let flight = this.#flights.get(name)
    if (flight === undefined) {
      // Not before the turn is over: who asks in it may know of a commit that a read under way has missed.
      flight = new Promise<void>(afterTurn).then(() => {
        this.#flights.delete(name)
        return this.#fetch(options)
      })
      this.#flights.set(name, flight)
    }
    return flight
  }

  async #fetch(options: LogReadOptions): Promise<LogPage> {
    const before = this.#log.identity
    const page = await this.#log.read(options)
    if (!isSame(before, this.#log.identity)) return page
    this.#keepUp(page.head)
    this.#head = Math.max(this.#head, page.head)
    if (options.values ?? true) this.#ring.add(options.after, page.changes)
    return page
  }

  #held({ after, limit, values = true }: LogReadOptions): readonly LogChange[] | undefined {
    const held = limit >= 1 ? this.#ring.find(after, limit) : undefined
    return held === undefined || values ? held : held.map(withoutValues)
  }

  /** Forgets what is of another epoch, or past the head: of a state of the log that is no more. */
  #keepUp(head: number): void {
    const { identity } = this.#log
    if (isSame(identity, this.#identity) && head >= this.#ring.end) return
    this.#identity = identity
    this.#head = 0
    this.#ring.clear()
  }
}
