import type { Codec, Entry, Proposal, SetWrite, StoreKey, Write } from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import { AgreementTable } from './agreement-table.ts'
import { ChangeWriter } from './change-writer.ts'
import type { Connection, RowStatement } from './connection.ts'
import { GroupPlan } from './group-plan.ts'
import type { Outcome, Request, Transaction } from './group-request.ts'
import type { KnownIdentity } from './known-identity.ts'
import { LeaseTable } from './lease-table.ts'
import type { MarkTable } from './mark-table.ts'
import { WriteSource } from './write-source.ts'

/** A group grows no further than this, so that a burst of large values is not held in memory twice. */
const MAX_BYTES = 16 * 1024 * 1024

export interface CommitGroupOptions {
  readonly codec: Codec
  readonly origin: string
  /** The name of the tier. */
  readonly name: string
  readonly identity: KnownIdentity
  readonly marks: MarkTable
  readonly maxGroup: number
  readonly now: () => number
}

type HeadRow = readonly [seq: number, at: number, epoch: number, terms: number | null, leaseEnd: number | null]

/** Commits several requests in one transaction. */
export class CommitGroup {
  readonly #connection: Connection
  readonly #options: CommitGroupOptions
  readonly #source: WriteSource
  readonly #writer: ChangeWriter
  readonly #agreements: AgreementTable
  readonly #leases: LeaseTable
  readonly #readHead: RowStatement<HeadRow>
  readonly #writeHead: Statement
  readonly #writeEpoch: Statement

  constructor(connection: Connection, options: CommitGroupOptions) {
    this.#connection = connection
    this.#options = options
    this.#source = new WriteSource(connection, options.codec)
    this.#writer = new ChangeWriter(connection)
    this.#agreements = new AgreementTable(connection)
    this.#leases = new LeaseTable(connection, options.name)
    // All in one statement: this is what a group costs that meets no agreement and no lease.
    this.#readHead = connection.prepareRows(
      `SELECT seq, at, epoch, (SELECT sum(term) FROM front_agreement), (SELECT min(until) FROM lease)
       FROM log_head WHERE id = 1`,
    )
    this.#writeHead = connection.prepare('UPDATE log_head SET seq = ?, at = ? WHERE id = 1')
    this.#writeEpoch = connection.prepare('UPDATE log_head SET epoch = ? WHERE id = 1')
  }

  /**
   * @returns outcomes of the first requests, in their order; fewer than there are requests when the group became large
   * @throws the driver's own errors; nothing was written then
   */
  run(requests: readonly Request[]): readonly Outcome[] {
    // What reads nothing can decide before the lock is taken.
    const decided = requests.map(decideBlind)
    const agreements = this.#agreements
    const leases = this.#leases
    const done = this.#connection.write(() => {
      const [head, lastAt, epoch, terms, leaseEnd] = this.#readHead.get()!
      const now = Math.floor(this.#options.now())
      const at = Math.max(now, lastAt)
      agreements.begin(epoch, terms)
      leases.begin(leaseEnd, now)
      const plan = new GroupPlan({
        codec: this.#options.codec,
        source: this.#source,
        agreements,
        leases,
        head,
        now,
        at,
        origin: this.#options.origin,
      })
      const transaction = new OpenTransaction(plan, agreements, leases, epoch, this.#writeEpoch)
      plan.prefetch(...keysOf(requests, decided))
      const outcomes: Outcome[] = []
      let bytes = 0
      for (const [i, request] of requests.entries()) {
        if (i > 0 && (plan.changes.length >= this.#options.maxGroup || bytes >= MAX_BYTES)) break
        const outcome = carryOut(plan, transaction, this.#options.marks, request, decided[i])
        outcomes.push(outcome)
        if ('commit' in outcome) for (const { payload } of outcome.commit.changes) bytes += payload?.byteLength ?? 0
      }
      if (plan.changes.length > 0) {
        this.#writer.append(plan.changes)
        this.#writer.store(plan.final.values())
        this.#writeHead.run(plan.head, plan.at)
      }
      return { outcomes, epoch: transaction.epoch }
    })
    this.#options.identity.saw(done.epoch)
    return done.outcomes
  }
}

/**
 * A class, since a literal with a getter gets a shape of its own in V8 each time: that lives until the next full
 * collection, and so would all that the getter sees, the whole group.
 */
class OpenTransaction implements Transaction {
  readonly agreements: AgreementTable
  readonly leases: LeaseTable
  /** Of the log, as this transaction leaves it. */
  epoch: number
  readonly #plan: GroupPlan
  readonly #writeEpoch: Statement

  constructor(plan: GroupPlan, agreements: AgreementTable, leases: LeaseTable, epoch: number, writeEpoch: Statement) {
    this.agreements = agreements
    this.leases = leases
    this.epoch = epoch
    this.#plan = plan
    this.#writeEpoch = writeEpoch
  }

  get head(): number {
    return this.#plan.head
  }

  startEpoch(): void {
    this.#writeEpoch.run(++this.epoch)
  }
}

/** What a proposal writes, or that its decision failed. */
type Decision = { readonly writes: readonly Write[] } | { readonly error: unknown }

function decide(proposal: Proposal, current: readonly (Entry | undefined)[]): Decision {
  try {
    const writes = proposal.decide(current)
    // Keys are encoded when first asked for, which fails for one that is too long: here it fails this proposal alone.
    for (const write of writes) {
      void write.key.bytes
      // The same for what is copied from where it is bound, and cannot be read there.
      if (write.op === 'set') assertReadable(write)
    }
    return { writes }
  } catch (error) {
    return { error }
  }
}

/** @throws CorruptError */
function assertReadable({ payload, meta }: SetWrite): void {
  if (payload.isBound) void payload.envelope
  if (meta?.isBound === true) void meta.envelope
}

function decideBlind(request: Request): Decision | undefined {
  return request.kind === 'proposal' && request.proposal.reads.length === 0 ? decide(request.proposal, []) : undefined
}

function carryOut(
  plan: GroupPlan,
  transaction: Transaction,
  marks: MarkTable,
  request: Request,
  blind: Decision | undefined,
): Outcome {
  if (request.kind === 'task') return { result: request.task(transaction) }
  if (request.kind === 'expire') return { commit: plan.expire(request.limit) }
  const { proposal } = request
  const error = proposal.lease && transaction.leases.refusal(proposal.lease)
  if (error !== undefined) return { error }
  const decision = blind ?? decide(proposal, plan.current(proposal.reads))
  if ('error' in decision) return decision
  const commit = plan.take(decision.writes, proposal)
  if (proposal.marks !== undefined) {
    marks.write(typeof proposal.marks === 'function' ? proposal.marks(commit.changes) : proposal.marks)
  }
  return { commit }
}

function keysOf(
  requests: readonly Request[],
  decided: readonly (Decision | undefined)[],
): [reads: Map<string, StoreKey>, writes: Map<string, StoreKey>] {
  const reads = new Map<string, StoreKey>()
  const writes = new Map<string, StoreKey>()
  for (const [i, request] of requests.entries()) {
    if (request.kind === 'proposal') for (const key of request.proposal.reads) reads.set(key.id, key)
    const blind = decided[i]
    if (blind === undefined || !('writes' in blind)) continue
    for (const write of blind.writes)
      if (write.op === 'delete' || write.stamped !== true) writes.set(write.key.id, write.key)
  }
  return [reads, writes]
}
