import type { Clock } from '../clock.ts'
import { TidemarkError } from '../errors.ts'
import type { KeyRange } from '../keys/key-range.ts'
import { wholeAtLeast } from '../options/checks.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Commit, DeleteWrite, Proposal, SetWrite, TierReport } from '../ports/back.ts'
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
    this.#now = Math.floor(this.#options.clock.now())
    this.#at = Math.max(this.#now, this.#at)
    this.#options.leases.purge(this.#now)
  }

  /** @throws what `decide` throws; nothing was written then. */
  propose(proposal: Proposal): Commit {
    const { entries, leases, marks, name } = this.#options
    const { lease, keepLease = false, notBefore = 0 } = proposal
    wholeAtLeast('notBefore', notBefore, 0)
    if (lease !== undefined && !leases.isHeld(lease)) throw leaseLost(lease, name)
    const writes = proposal.decide(proposal.reads.map((key) => entries.get(key.id, this.#now)))
    // Keys are encoded when first asked for, which fails for one that is too long: before anything is written.
    const fixed = typeof proposal.marks === 'function' ? [] : (proposal.marks ?? [])
    for (const { key } of [...writes, ...fixed]) void key.bytes
    if (lease !== undefined && !keepLease) leases.end(lease.key)
    const commit = this.#commit(writes, proposal)
    marks.write(typeof proposal.marks === 'function' ? proposal.marks(commit.changes) : fixed)
    return commit
  }

  expire(limit: number): Commit {
    const expired = this.#options.entries.expired(this.#now, limit)
    return this.#commit(
      expired.map(({ key }) => ({ op: 'expire', key })),
      undefined,
    )
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
    return this.#options.leases.acquire(key, ttlMs, this.#now)
  }

  remaining(keys: readonly StoreKey[]): readonly number[] {
    return keys.map((key) => this.#options.leases.remaining(key, this.#now))
  }

  renew(lease: Lease, ttlMs: number): boolean {
    return this.#options.leases.renew(lease, ttlMs, this.#now)
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

  #commit(writes: readonly Write[], proposal: Proposal | undefined): Commit {
    const { entries, log, agreements, leases } = this.#options
    const head = log.last
    const kept = proposal?.keepLease === true ? proposal.lease?.key.id : undefined
    const isMore = writes.some((write) => write.op !== 'delete' || entries.get(write.key.id, this.#now) !== undefined)
    if (isMore) this.#at = Math.max(this.#at, proposal?.notBefore ?? 0)
    const effects: Effect[] = []
    for (const write of writes) {
      // Expiry says nothing about what a loader, who found nothing for that very reason, is about to store.
      if (write.op !== 'expire' && write.key.id !== kept) leases.end(write.key)
      const prevVersion = this.#store(write, head + effects.length + 1)
      if (prevVersion !== undefined) effects.push({ write, prevVersion })
    }
    const changes = Object.freeze(effects.map((effect, i) => this.#change(effect, head + i + 1, head, effects.length)))
    log.append(changes)
    return { changes, asOf: log.last, proposal, agreements: agreements.current, tiers: NO_TIERS }
  }

  /** @returns the version that was replaced; undefined: there was nothing to delete */
  #store(write: Write, seq: number): number | undefined {
    const { entries } = this.#options
    const { key } = write
    if (write.op === 'expire') {
      // Asked for beyond its time, at which it is still there.
      const { version } = entries.get(key.id, -Infinity)!
      entries.remove(key)
      return version
    }
    const prevVersion = entries.get(key.id, this.#now)?.version ?? 0
    if (write.op === 'set') {
      const { payload, expiresAt, meta } = write
      entries.put(Object.freeze({ key, version: seq, payload, writtenAt: this.#at, expiresAt, meta }))
      return prevVersion
    }
    if (prevVersion === 0) return undefined
    entries.remove(key)
    return prevVersion
  }

  #change({ write, prevVersion }: Effect, seq: number, head: number, count: number): LogChange {
    const set = write.op === 'set' ? write : undefined
    const source = write.op === 'expire' ? undefined : write.source
    return Object.freeze({
      seq,
      first: head + 1,
      last: head + count,
      op: write.op,
      key: write.key,
      path: set?.path,
      prevVersion,
      payload: set?.payload,
      expiresAt: set?.expiresAt,
      meta: set?.meta,
      at: this.#at,
      origin: source?.origin ?? this.#options.origin,
      source: source && Object.freeze({ log: source.log, seq: source.seq, at: source.at }),
    })
  }
}

function leaseLost({ key }: Lease, tier: string): TidemarkError {
  const message = `the lease of ${key.id} has ended: it was written meanwhile, or its time was up; read it again`
  return new TidemarkError('LEASE_LOST', message, { key: key.id, tier })
}
