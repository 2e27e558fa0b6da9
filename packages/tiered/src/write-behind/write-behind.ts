import {
  type Back,
  type Clock,
  type Commit,
  type Found,
  Payload,
  type Proposal,
  type SetWrite,
  tagOfKey,
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
import { type DeadLetter, deadLetter, type DeadLetterOffice, deadLetters, type DeadWrite } from './dead-letters.ts'
import { FlushFailure } from './flush-failure.ts'
import { HeldKeys } from './held-keys.ts'
import { JournalKeys, STORE_SCOPE } from './journal-keys.ts'
import { rowFormat } from './journal-row.ts'
import { frontJournal, type Journal, marksJournal, memoryJournal } from './journal.ts'
import { MetricCounters } from './metrics.ts'
import { Overtaken } from './overtaken.ts'
import { Recovery } from './recovery.ts'
import { recoveryTarget } from './recovery-target.ts'
import { isReserved } from './reserved.ts'
import { type CommitFlush, StoreTarget } from './store-target.ts'
import { Tenure } from './tenure.ts'
import type { ResolvedWriteBehind } from './write-behind-options.ts'
import { WriteBuffer } from './write-buffer.ts'

const KEYS = new JournalKeys(STORE_SCOPE)

/** Commits a proposal, which may be refused with what its decision throws. */
type CommitGuarded = (guarded: Proposal) => Promise<Commit>

/** A proposal met writes that wait to be flushed, which come before it. */
class NotFlushed extends Error {
  /** Of all keys that the proposal is about. */
  readonly ids: readonly string[]

  constructor(ids: readonly string[]) {
    super()
    this.ids = ids
  }
}

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
  /** Keys that a commit under way reads or writes: what is written to them meanwhile comes after it, and is not buffered. */
  readonly #guarded = new Map<string, number>()
  /** The latest date of a write. */
  #latest = 0

  constructor(parts: WriteBehindParts) {
    this.#parts = parts
    const { back, clock, random, onError, options, commit } = parts
    const office = { back, keys: KEYS, format: rowFormat(back.codec) }
    this.#office = office
    const journal = journalOf(options, office)
    this.#journal = journal
    const isRecoverable = journal.level !== 'memory'
    const overtaken = isRecoverable
      ? undefined
      : new Overtaken<Buffered>({ back, isDirty: (id) => this.#buffer.has(id), isIdle: () => this.#buffer.isIdle })
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
    const target = new StoreTarget({ office, clock, journal, tenure: this.#tenure, overtaken, commit })
    this.#buffer = new WriteBuffer({
      name: 'the write-behind buffer',
      target,
      limits: options.limits,
      clock,
      random,
      onError,
      onFlushed: (ids) => this.metrics.flushed(ids),
    })
    this.#recovery = new Recovery({
      back,
      office,
      shared: options.shared,
      clock,
      leaseMs: options.leaseMs,
      target: (left) => recoveryTarget({ office, clock, journal: left, commit }),
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

  /** Flushes what others have left behind when they died. */
  recover(): Promise<void> {
    return this.#recovery.run()
  }

  /**
   * Acknowledges a proposal before it is committed, if it only sets keys of users, whatever is there.
   * @returns undefined: it does more, or meets a commit or a lease under way, and is to be committed
   */
  accept(proposal: Proposal, commit: CommitGuarded): Promise<Commit> | undefined {
    if (proposal.reads.length > 0 || proposal.lease || proposal.marks || proposal.notBefore) return undefined
    const writes = proposal.decide([])
    // As dates of commits, it never decreases: what this process has committed or acknowledged before is not later.
    const at = (this.#latest = Math.max(this.#latest, Math.floor(this.#parts.clock.now())))
    const buffered: BufferedWrite[] = []
    for (const write of writes) {
      if (write.op !== 'set' || !this.#isBufferable(write)) return undefined
      buffered.push(bufferedWrite(write, at))
    }
    return buffered.length === 0 ? undefined : this.#add(proposal, buffered, commit)
  }

  /** Commits after everything that it meets in the buffer. */
  async commit(proposal: Proposal, commit: CommitGuarded): Promise<Commit> {
    const keys = new Set(proposal.reads.map(({ id }) => id))
    if (proposal.reads.length === 0) for (const { key } of proposal.decide([])) keys.add(key.id)
    for (const id of keys) this.#guarded.set(id, (this.#guarded.get(id) ?? 0) + 1)
    const guarded: Proposal = {
      ...proposal,
      decide: (current) => {
        const writes = proposal.decide(current)
        // What invalidates a tag comes after everything that may carry it.
        for (const { key } of writes)
          if (this.#buffer.has(key.id) || (tagOfKey(key) !== undefined && !this.#buffer.isIdle))
            throw new NotFlushed([...keys, ...writes.map(({ key: { id } }) => id)])
        return writes
      },
    }
    try {
      for (;;) {
        if ([...keys].some((id) => this.#buffer.has(id))) await this.flushBefore([...keys])
        try {
          return await commit(guarded)
        } catch (error) {
          if (!(error instanceof NotFlushed)) throw error
          await this.flushBefore(error.ids)
        }
      }
    } finally {
      for (const id of keys) {
        const count = this.#guarded.get(id)! - 1
        if (count === 0) this.#guarded.delete(id)
        else this.#guarded.set(id, count)
      }
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

  async #add(proposal: Proposal, writes: readonly BufferedWrite[], commit: CommitGuarded): Promise<Commit> {
    try {
      await this.#buffer.add(writes)
    } catch (error) {
      // Without the server that keeps the journal, writes are slower, and as safe as others.
      if (this.#journal.level === 'front' && isUnreachable(error)) return this.commit(proposal, commit)
      throw error
    }
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

  #isBufferable({ key, source, stamped }: SetWrite): boolean {
    if (source !== undefined || stamped === true || isReserved(key)) return false
    return !this.#guarded.has(key.id) && !this.leases.has(key.id)
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

function isUnreachable(error: unknown): boolean {
  return error instanceof TidemarkError && (error.code === 'FRONT_UNAVAILABLE' || error.code === 'TIMEOUT')
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
