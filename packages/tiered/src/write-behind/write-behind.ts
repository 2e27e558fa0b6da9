import {
  type Back,
  type Clock,
  type Commit,
  type Found,
  Payload,
  type Proposal,
  type SetWrite,
  TidemarkError,
} from '@tidemark/core'
import {
  type Buffered,
  bufferedCheckpoint,
  type BufferedWrite,
  bufferedWrite,
  checkpointId,
  checkpointMarks,
  toChange,
  toFound,
} from './buffered-write.ts'
import { idsOf } from './concerned.ts'
import { type DeadLetter, deadLetter, type DeadLetterOffice, deadLetters, type DeadWrite } from './dead-letters.ts'
import { FlushFailure } from './flush-failure.ts'
import { HeldKeys } from './held-keys.ts'
import { JournalKeys, STORE_SCOPE } from './journal-keys.ts'
import { rowFormat } from './journal-row.ts'
import { frontJournal, type Journal, marksJournal, memoryJournal } from './journal.ts'
import { MetricCounters } from './metrics.ts'
import { type CommitOrdered, OrderedCommits } from './ordered-commits.ts'
import { Overtaken } from './overtaken.ts'
import { Recovery } from './recovery.ts'
import { recoveryTarget } from './recovery-target.ts'
import { isReserved } from './reserved.ts'
import { type CommitFlush, StoreTarget } from './store-target.ts'
import { Tenure } from './tenure.ts'
import type { ResolvedWriteBehind } from './write-behind-options.ts'
import { WriteBuffer } from './write-buffer.ts'
import { WriteDates } from './write-dates.ts'

const KEYS = new JournalKeys(STORE_SCOPE)

export interface WriteBehindParts {
  readonly back: Back
  readonly clock: Clock
  readonly random: () => number
  readonly onError: (error: unknown) => void
  readonly options: ResolvedWriteBehind
  readonly commit: CommitFlush
}

/** The writes of one opened store that are acknowledged before they are committed, and what everything else makes of them. */
export class WriteBehind {
  readonly leases: HeldKeys
  readonly metrics: MetricCounters = new MetricCounters()
  readonly #parts: WriteBehindParts
  readonly #buffer: WriteBuffer<Buffered>
  readonly #tenure: Tenure
  readonly #recovery: Recovery<Buffered>
  readonly #office: DeadLetterOffice<Buffered>
  readonly #journal: Journal<Buffered>
  readonly #ordered: OrderedCommits
  readonly #dates: WriteDates

  constructor(parts: WriteBehindParts) {
    this.#parts = parts
    const { back, clock, random, onError, options, commit } = parts
    const office = { back, keys: KEYS, format: rowFormat(back.codec) }
    this.#office = office
    const journal = journalOf(options, office)
    this.#journal = journal
    const dates = new WriteDates({ log: back.log, clock })
    this.#dates = dates
    const isRecoverable = journal.level !== 'memory'
    const overtaken = isRecoverable
      ? undefined
      : new Overtaken<Buffered>({
          back,
          isDirty: (id) => this.#buffer.has(id),
          isIdle: () => this.#buffer.isIdle,
          idsOf: ({ id, write }) => (write === undefined ? [id] : idsOf([write])),
        })
    this.#tenure = new Tenure({
      back,
      keys: KEYS,
      clock,
      leaseMs: options.leaseMs,
      record: isRecoverable ? { level: journal.level, by: options.presence.describe() } : undefined,
      isInUse: () => !this.#buffer.isIdle,
      onLost: () => {
        this.#buffer.abandon()
        // What is left of it, if whoever has recovered it has not finished.
        void this.#recovery.run().catch(() => undefined)
      },
      look: overtaken && (() => back.log.head()),
      onLapsed: overtaken && ((token, head) => overtaken.lapsed(token, head)),
    })
    const target = new StoreTarget({ office, clock, journal, tenure: this.#tenure, overtaken, dates, commit })
    this.#buffer = new WriteBuffer({
      name: 'the write-behind buffer',
      target,
      isJournaled: isRecoverable,
      limits: options.limits,
      clock,
      random,
      onError,
      onFlushed: (ids) => this.metrics.flushed(ids),
    })
    this.#ordered = new OrderedCommits(this.#buffer, (ids) => this.flushBefore(ids))
    this.#recovery = new Recovery({
      back,
      office,
      shared: options.shared,
      clock,
      leaseMs: options.leaseMs,
      target: (left) => recoveryTarget({ office, log: back.log, clock, journal: left, commit }),
      goingOn: back,
      own: () => this.#tenure.owner,
      isGone: (by) => options.presence.isGone(by),
      onError,
    })
    this.leases = new HeldKeys({
      leases: back.leases,
      clock,
      flushed: (key) => (this.#buffer.has(key.id) ? this.flushBefore([key.id]) : undefined),
      allFlushed: () => (this.isIdle ? undefined : this.flushBefore([])),
    })
  }

  /** Whether there is anything to do before the tiers are closed. */
  get isUsed(): boolean {
    return !this.#buffer.isIdle || this.#tenure.owner !== undefined || this.#recovery.isRunning
  }

  /** Whether no acknowledged write waits to be flushed. */
  get isEmpty(): boolean {
    return this.#buffer.isEmpty
  }

  /** Whether nothing waits, neither to be acknowledged nor to be flushed. */
  get isIdle(): boolean {
    return this.#buffer.isIdle
  }

  /** Whether what is committed now meets nothing here, and overtakes nothing that has. */
  get isQuiet(): boolean {
    return this.#buffer.isIdle && this.#ordered.isEmpty
  }

  /** For who cannot wait for a flush. @throws TidemarkError BUSY */
  assertIdle(): void {
    if (this.isIdle) return
    const message = 'writes wait to be flushed, which takes a promise: await flush() before this'
    throw new TidemarkError('BUSY', message, { retryable: true })
  }

  /** What is acknowledged for the key and not flushed; undefined: nothing. */
  find(id: string): Found | undefined {
    const found = this.#buffer.get(id)
    if (found?.write === undefined) return undefined
    return toFound(found, this.#parts.clock.now(), 'write-behind')
  }

  /** Whether a write of the key waits to be flushed, acknowledged or not. */
  has(id: string): boolean {
    return this.#buffer.has(id)
  }

  /** See {@link WriteBuffer.flush}. */
  flush(): Promise<void> {
    return this.#buffer.isIdle ? Promise.resolve() : this.#buffer.flush()
  }

  /**
   * As {@link flush}, for a call that comes after what is buffered: what is refused for good concerns it only where it meets it.
   * `onError` is told of the rest, as of every flush.
   * @param ids of the keys that it is about
   */
  async flushBefore(ids: readonly string[]): Promise<void> {
    try {
      await this.flush()
    } catch (error) {
      if (!(error instanceof FlushFailure) || error.failures.some(({ keys }) => keys.some((id) => ids.includes(id))))
        throw error
    }
  }

  /** Flushes what others have left behind when they died. @param isRequired as the options say: see {@link Recovery.require} */
  recover(isRequired: boolean): Promise<void> {
    const { recoverWithinMs, unrecovered } = this.#parts.options
    return isRequired ? this.#recovery.require(recoverWithinMs, unrecovered === 'leave') : this.#recovery.run()
  }

  /**
   * Acknowledges a proposal before it is committed, if it only sets keys of users, whatever is there.
   * @returns undefined: it does more, or meets a commit or a lease under way, and is to be committed
   */
  accept(proposal: Proposal): Promise<Commit> | undefined {
    if (proposal.reads.length > 0 || proposal.lease || proposal.marks || proposal.notBefore) return undefined
    const writes = proposal.decide([])
    const at = this.#dates.now()
    const call = writes.length > 1 ? {} : undefined
    const buffered: BufferedWrite[] = []
    for (const write of writes) {
      if (write.op !== 'set' || !this.#isBufferable(write)) return undefined
      buffered.push(bufferedWrite(write, at, call))
    }
    return buffered.length === 0 ? undefined : this.#add(proposal, buffered)
  }

  /** Commits after everything that it meets in the buffer: see {@link OrderedCommits}. */
  async commit(proposal: Proposal, commit: CommitOrdered): Promise<Commit> {
    try {
      return await this.#ordered.commit(proposal, commit)
    } finally {
      if (proposal.lease !== undefined && proposal.keepLease !== true) this.leases.ended(proposal.lease)
    }
  }

  async checkpoint(name: string, state: unknown): Promise<void> {
    await this.#buffer.add([bufferedCheckpoint(name, Payload.encode(this.#parts.back.codec, state))])
  }

  async lastCheckpoint(name: string): Promise<unknown> {
    const { back } = this.#parts
    const buffered = this.#buffer.get(checkpointId(name))?.checkpoint?.state
    const state = buffered ?? (await back.marks.read([KEYS.checkpoint(name)]))[0]
    return state?.decode()
  }

  async *deadLetters(): AsyncGenerator<DeadLetter> {
    for await (const letter of deadLetters(this.#office)) {
      yield {
        ...letter,
        writes: letter.writes.flatMap(({ write }) => (write === undefined ? [] : [toDeadWrite(write)])),
      }
    }
  }

  /** Writes what a dead letter holds, whatever is there, and removes it, in one commit. @returns whether there was one */
  async redeem(id: string, commit: (proposal: Proposal) => Promise<Commit>): Promise<boolean> {
    const letter = await deadLetter(this.#office, id)
    if (letter === undefined) return false
    const writes = letter.writes.flatMap(({ write }) => (write === undefined ? [] : [write]))
    const { back } = this.#parts
    const key = KEYS.dead(id)
    const marks = [...checkpointMarks(KEYS, letter.writes), { key, value: undefined }]
    const grant = await back.leases.acquire(key, this.#parts.options.leaseMs)
    if (grant.lease === undefined) return false
    try {
      const [mark] = await back.marks.read([key])
      if (mark === undefined) return false
      await this.commit({ reads: [], decide: () => writes, marks, lease: grant.lease }, commit)
      return true
    } finally {
      await back.leases.release(grant.lease).catch(() => undefined)
    }
  }

  /** @returns whether there was one */
  async dropDeadLetter(id: string): Promise<boolean> {
    const { marks } = this.#parts.back
    const key = KEYS.dead(id)
    if ((await marks.read([key]))[0] === undefined) return false
    await marks.write([{ key, value: undefined }])
    return true
  }

  /** Instead of closing what was not used. */
  stop(): void {
    this.#recovery.stop()
  }

  async close(): Promise<void> {
    try {
      await this.#buffer.close()
      const { owner } = this.#tenure
      await this.#tenure.end()
      if (owner !== undefined) await this.#journal.end(owner)
    } catch (error) {
      await this.#tenure.leave()
      throw error
    } finally {
      await this.#recovery.close()
    }
  }

  async #add(proposal: Proposal, writes: readonly BufferedWrite[]): Promise<Commit> {
    await this.#buffer.add(writes)
    for (const { id } of writes) this.metrics.count('writes', id)
    const { origin } = this.#parts.back
    return {
      changes: writes.map((write) => toChange(write, origin)),
      asOf: 0,
      proposal,
      agreements: NO_AGREEMENTS,
      tiers: NO_TIERS,
    }
  }

  #isBufferable(write: SetWrite): boolean {
    const { key, source, stamped } = write
    if (source !== undefined || stamped === true || isReserved(key)) return false
    return !this.#ordered.meets(write) && !this.leases.has(key.id)
  }
}

function toDeadWrite({ key, payload, expiresAt }: SetWrite): DeadWrite {
  return {
    key: key.tuple,
    get value(): unknown {
      return payload.read()
    },
    expiresAt: expiresAt === undefined ? undefined : new Date(expiresAt),
  }
}

function journalOf(
  { acknowledge, shared }: ResolvedWriteBehind,
  office: DeadLetterOffice<Buffered>,
): Journal<Buffered> {
  if (acknowledge === 'memory') return memoryJournal
  const options = { ...office, back: office.back as Back }
  return acknowledge === 'front' ? frontJournal(shared!, options) : marksJournal(options)
}

const NO_AGREEMENTS: Commit['agreements'] = new Map()
const NO_TIERS: Commit['tiers'] = Object.freeze([])
