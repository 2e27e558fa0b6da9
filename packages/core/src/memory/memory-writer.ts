import type { Clock } from '../clock.ts'
import type { Codec } from '../codec/codec.ts'
import { TidemarkError } from '../errors.ts'
import { keyAt } from '../keys/stamped-key.ts'
import type { KeyRange } from '../keys/key-range.ts'
import { wholeAtLeast } from '../options/checks.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Commit, DeleteWrite, Proposal, SetWrite, TierReport } from '../ports/back.ts'
import { isExpired } from '../ports/entry.ts'
import type { Compacted, CompactOptions } from '../ports/compaction.ts'
import type { LogChange } from '../ports/log.ts'
import type { Lease, LeaseGrant } from '../ports/leases.ts'
import type { MemoryAgreements } from './memory-agreements.ts'
import type { MemoryEntries } from './memory-entries.ts'
import type { MemoryLeases } from './memory-leases.ts'
import type { MemoryLog } from './memory-log.ts'
import type { MemoryMarks } from './memory-marks.ts'

const NO_TIERS: readonly TierReport[] = Object.freeze([])

interface ExpireWrite {
  readonly op: 'expire'
  readonly key: StoreKey
}

type Write = SetWrite | DeleteWrite | ExpireWrite

/** A write that changed something, and the version that it replaced. */
interface Effect {
  readonly write: Write
  readonly prevVersion: number
}

export interface MemoryWriterOptions {
  readonly codec: Codec
  readonly entries: MemoryEntries
  readonly log: MemoryLog
  readonly agreements: MemoryAgreements
  readonly leases: MemoryLeases
  readonly marks: MemoryMarks
  readonly clock: Clock
  readonly origin: string
  /** The name of the tier. */
  readonly name: string
}

/** Carries out commits, one after the other. Nothing can fail between the first and the last write of one. */
export class MemoryWriter {
  readonly #options: MemoryWriterOptions
  /** Decides what has expired: never `#at`, which a clock that was ahead once holds in the future. */
  #now = 0
  /** The date of the changes, which never decreases along the log. */
  #at = 0

  constructor(options: MemoryWriterOptions) {
    this.#options = options
  }

  /** Reads the clock for the commits that follow. Their date stays where it is when the clock went back. */
  begin(): void {
    const { clock, leases } = this.#options
    this.#now = Math.floor(clock.now())
    this.#at = Math.max(this.#now, this.#at)
    leases.begin(this.#now, clock.monotonic())
  }

  /** @throws what `decide` throws; nothing was written then. */
  propose(proposal: Proposal): Commit {
    const { entries, leases, marks, name } = this.#options
    const { lease, keepLease = false, notBefore = 0 } = proposal
    wholeAtLeast('notBefore', notBefore, 0)
    if (lease !== undefined && !leases.isHeld(lease)) throw leaseLost(lease, name)
    const writes = proposal.decide(proposal.reads.map((key) => entries.get(key.id, this.#now)))
    const changes = this.#changes(writes, notBefore)
    const marked = typeof proposal.marks === 'function' ? proposal.marks(changes) : (proposal.marks ?? [])
    // Keys are encoded when first asked for, which fails for one that is too long: before anything is written.
    for (const { key } of [...writes, ...marked]) void key.bytes
    if (lease !== undefined && !keepLease) leases.end(lease.key)
    marks.write(marked)
    return this.#commit(writes, changes, proposal)
  }

  expire(limit: number): Commit {
    const expired = this.#options.entries.expired(this.#now, limit)
    const writes = expired.map(({ key }): ExpireWrite => ({ op: 'expire', key }))
    return this.#commit(writes, this.#changes(writes, 0), undefined)
  }

  /** Keeps what entries are now, if it is asked to: of what was replaced since, nobody can need more than the log holds. */
  compact(options: CompactOptions): Compacted {
    const { log, entries } = this.#options
    return log.compact(
      options,
      // What expires may be replaced without being named as the predecessor.
      ({ key, seq, expiresAt }) => expiresAt === undefined && entries.get(key.id, -Infinity)?.version === seq,
    )
  }

  acquire(key: StoreKey, ttlMs: number): LeaseGrant {
    return this.#options.leases.acquire(key, ttlMs)
  }

  remaining(keys: readonly StoreKey[]): readonly number[] {
    return keys.map((key) => this.#options.leases.remaining(key))
  }

  renew(lease: Lease, ttlMs: number): boolean {
    return this.#options.leases.renew(lease, ttlMs)
  }

  release(lease: Lease): void {
    this.#options.leases.release(lease)
  }

  endLeases(range: KeyRange): void {
    this.#options.leases.endRange(range)
  }

  restored(): void {
    const { log, agreements, leases } = this.#options
    leases.endAll()
    agreements.startAnew()
    log.startEpoch()
  }

  /** Commits are complete: wakes who follows the log. */
  end(): void {
    this.#options.log.settle()
  }

  /** What the writes come to, one after the other. Nothing is written yet. */
  #changes(writes: readonly Write[], notBefore: number): readonly LogChange[] {
    const head = this.#options.log.last
    const effects: Effect[] = []
    /** After the earlier writes of these; not needed for one. */
    const versions = writes.length > 1 ? new Map<string, number>() : undefined
    for (const write of writes) {
      const { id } = write.key
      const prevVersion = versions?.get(id) ?? this.#version(write)
      if (write.op === 'delete' && prevVersion === 0) continue
      effects.push({ write, prevVersion })
      if (isStamped(write)) continue
      versions?.set(id, write.op === 'set' && !isExpired(write, this.#now) ? head + effects.length : 0)
    }
    const at = Math.max(this.#at, notBefore)
    return Object.freeze(effects.map((effect, i) => this.#change(effect, head + i + 1, head, effects.length, at)))
  }

  /** What a write finds; 0: nothing. */
  #version(write: Write): number {
    if (isStamped(write)) return 0
    const { op, key } = write
    // What expires is asked for beyond its time, at which it is still there.
    return this.#options.entries.get(key.id, op === 'expire' ? -Infinity : this.#now)?.version ?? 0
  }

  #commit(writes: readonly Write[], changes: readonly LogChange[], proposal: Proposal | undefined): Commit {
    const { entries, log, agreements, leases } = this.#options
    const kept = proposal?.keepLease === true ? proposal.lease?.key.id : undefined
    // Expiry says nothing about what a loader, who found nothing for that very reason, is about to store.
    for (const { op, key } of writes) if (op !== 'expire' && key.id !== kept) leases.end(key)
    for (const { op, key, seq: version, payload, at: writtenAt, expiresAt, meta } of changes) {
      if (op === 'set') entries.put(Object.freeze({ key, version, payload: payload!, writtenAt, expiresAt, meta }))
      else entries.remove(key)
      this.#at = writtenAt
    }
    log.append(changes)
    return { changes, asOf: log.last, proposal, agreements: agreements.current, tiers: NO_TIERS }
  }

  #change({ write, prevVersion }: Effect, seq: number, head: number, count: number, at: number): LogChange {
    const set = write.op === 'set' ? write : undefined
    const source = write.op === 'expire' ? undefined : write.source
    const key = set === undefined ? write.key : keyAt(set, seq)
    const { codec } = this.#options
    return Object.freeze({
      ...(set?.leftOut === true && { leftOut: true }),
      seq,
      first: head + 1,
      last: head + count,
      op: write.op,
      key,
      path: set?.path,
      prevVersion,
      payload: set?.payload.boundTo(codec, key, seq),
      expiresAt: set?.expiresAt,
      meta: set?.meta?.boundTo(codec, key, seq, 'meta'),
      at,
      origin: source?.origin ?? this.#options.origin,
      source: source && Object.freeze({ log: source.log, seq: source.seq, at: source.at }),
    })
  }
}

function isStamped(write: Write): boolean {
  return write.op === 'set' && write.stamped === true
}

function leaseLost({ key }: Lease, tier: string): TidemarkError {
  const message = `the lease of ${key.id} has ended: it was written meanwhile, or its time was up; read it again`
  return new TidemarkError('LEASE_LOST', message, { key: key.id, tier })
}
