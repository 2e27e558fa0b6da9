import {
  type Codec,
  type Commit,
  type DeleteWrite,
  type Entry,
  keyAt,
  type LogChange,
  type Proposal,
  type SetWrite,
  type StoreKey,
  type Write,
} from '@tidemark/core'
import type { AgreementTable } from './agreement-table.ts'
import type { LeaseTable } from './lease-table.ts'
import type { WriteSource } from './write-source.ts'

interface ExpireWrite {
  readonly op: 'expire'
  readonly key: StoreKey
}

type PlannedWrite = SetWrite | DeleteWrite | ExpireWrite

/** A write that changes something, and the version that it replaces. */
interface Effect {
  readonly write: PlannedWrite
  readonly prevVersion: number
}

/** What is known of a key within the transaction. `entry` is left out where only the version was fetched. */
interface Known {
  readonly version: number
  readonly entry: Entry | undefined
}

const ABSENT: Known = Object.freeze({ version: 0, entry: undefined })

export interface GroupPlanOptions {
  readonly codec: Codec
  readonly source: WriteSource
  readonly agreements: AgreementTable
  readonly leases: LeaseTable
  /** The head of the log before the transaction. */
  readonly head: number
  /** The time that decides what has expired: never `at`, which one writer with a clock ahead moves for all. */
  readonly now: number
  /** The date of the changes, which never decreases along the log; a proposal may ask for a later one. */
  readonly at: number
  readonly origin: string
}

/**
 * Decides the proposals of one transaction, one after the other, each on top of what the earlier ones wrote. Collects
 * what the transaction then has to store.
 */
export class GroupPlan {
  /** Every change, in seq order. */
  readonly changes: LogChange[] = []
  /** The last change of each key that has one. */
  readonly final: Map<string, LogChange> = new Map()
  readonly #options: GroupPlanOptions
  readonly #known = new Map<string, Known>()
  /** The date of the last change. */
  at: number

  constructor(options: GroupPlanOptions) {
    this.#options = options
    this.at = options.at
  }

  get head(): number {
    return this.#options.head + this.changes.length
  }

  /** Fetches at once what the group is known to need: entries to decide on, versions to replace. */
  prefetch(reads: ReadonlyMap<string, StoreKey>, writes: ReadonlyMap<string, StoreKey>): void {
    const { source, now } = this.#options
    const readKeys = [...reads.values()]
    for (const [i, entry] of source.entries(readKeys, now).entries())
      this.#learn(readKeys[i]!, entry?.version ?? 0, entry)
    const writeKeys = [...writes.values()].filter((key) => !this.#known.has(key.id))
    for (const [i, version] of source.versions(writeKeys, now).entries()) this.#learn(writeKeys[i]!, version, undefined)
  }

  /** The entries of keys that were prefetched to be read, as the proposals until now left them. */
  current(reads: readonly StoreKey[]): readonly (Entry | undefined)[] {
    return reads.map((key) => this.#known.get(key.id)?.entry)
  }

  /** Takes in what a proposal decided as one commit. */
  take(writes: readonly Write[], proposal: Proposal): Commit {
    this.#fetchMissing(writes)
    const { leases } = this.#options
    if (proposal.lease !== undefined && proposal.keepLease !== true) leases.end(proposal.lease.key)
    // Also for what deletes nothing: whoever loads that key has seen a state that somebody has just decided about.
    const kept = proposal.keepLease === true ? proposal.lease?.key.id : undefined
    leases.endEach(writes, kept)
    return this.#commit(writes.length === 1 ? this.#effect(writes[0]!) : this.#effects(writes), proposal)
  }

  /** Takes in the removal of up to `limit` entries whose time has come as one commit. */
  expire(limit: number): Commit {
    const { source, now } = this.#options
    const effects: Effect[] = []
    for (const { key, version } of source.expired(now, limit)) {
      // Written again by an earlier proposal of this group.
      if (this.final.has(key.id)) continue
      // Its lease stays: expiry says nothing about what a loader, who found nothing for that very reason, is to store.
      effects.push({ write: { op: 'expire', key }, prevVersion: version })
    }
    return this.#commit(effects, undefined)
  }

  #learn(key: StoreKey, version: number, entry: Entry | undefined): void {
    this.#known.set(key.id, version === 0 ? ABSENT : { version, entry })
  }

  #fetchMissing(writes: readonly Write[]): void {
    let missing: StoreKey[] | undefined
    for (const write of writes)
      if (!isStamped(write) && !this.#known.has(write.key.id)) (missing ??= []).push(write.key)
    if (missing === undefined) return
    const versions = this.#options.source.versions(missing, this.#options.now)
    for (const [i, version] of versions.entries()) this.#learn(missing[i]!, version, undefined)
  }

  #effect(write: Write): readonly Effect[] {
    if (isStamped(write)) return [{ write, prevVersion: 0 }]
    const { version } = this.#known.get(write.key.id)!
    return write.op === 'delete' && version === 0 ? [] : [{ write, prevVersion: version }]
  }

  #effects(writes: readonly Write[]): readonly Effect[] {
    const effects: Effect[] = []
    /** Versions after the earlier writes of this proposal. */
    const versions = new Map<string, number>()
    for (const write of writes) {
      if (isStamped(write)) {
        effects.push({ write, prevVersion: 0 })
        continue
      }
      const { id } = write.key
      const prevVersion = versions.get(id) ?? this.#known.get(id)!.version
      if (write.op === 'delete' && prevVersion === 0) continue
      effects.push({ write, prevVersion })
      versions.set(id, this.#isLive(write) ? this.head + effects.length : 0)
    }
    return effects
  }

  #commit(effects: readonly Effect[], proposal: Proposal | undefined): Commit {
    const first = this.head + 1
    const last = this.head + effects.length
    if (effects.length > 0) this.at = Math.max(this.at, proposal?.notBefore ?? 0)
    const changes = effects.map((effect, i) => this.#change(effect, first + i, first, last))
    for (const change of changes) {
      const { id } = change.key
      this.changes.push(change)
      this.final.set(id, change)
      this.#known.set(id, this.#isLive(change) ? { version: change.seq, entry: toEntry(change) } : ABSENT)
    }
    return { changes, asOf: last, proposal, agreements: this.#options.agreements.current, tiers: [] }
  }

  #change({ write, prevVersion }: Effect, seq: number, first: number, last: number): LogChange {
    const { at } = this
    const { op, key } = write
    const from = op === 'expire' ? undefined : write.source
    const origin = from?.origin ?? this.#options.origin
    const source = from && { log: from.log, seq: from.seq, at: from.at }
    if (op !== 'set') {
      const nothing = { path: undefined, payload: undefined, expiresAt: undefined, meta: undefined }
      return { seq, first, last, op, key, prevVersion, at, origin, source, ...nothing }
    }
    const { path, expiresAt } = write
    const stored = keyAt(write, seq)
    const { codec } = this.#options
    const change: LogChange = {
      seq,
      first,
      last,
      op,
      key: stored,
      path,
      prevVersion,
      payload: write.payload.boundTo(codec, stored, seq),
      expiresAt,
      meta: write.meta?.boundTo(codec, stored, seq, 'meta'),
      at,
      origin,
      source,
    }
    return write.leftOut === true ? { ...change, leftOut: true } : change
  }

  #isLive(write: PlannedWrite | LogChange): boolean {
    if (write.op !== 'set') return false
    const { expiresAt } = write as SetWrite
    return expiresAt === undefined || expiresAt > this.#options.now
  }
}

function isStamped(write: PlannedWrite): boolean {
  return write.op === 'set' && write.stamped === true
}

function toEntry({ key, seq, payload, at, expiresAt, meta }: LogChange): Entry | undefined {
  return payload && { key, version: seq, payload, writtenAt: at, expiresAt, meta }
}
