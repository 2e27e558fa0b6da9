import { type Back, type MarkWrite, Payload } from '@tidemark/core'
import { deadLetterMark, type DeadLetterOffice } from '../write-behind/dead-letters.ts'
import type { Journal } from '../write-behind/journal.ts'
import { type RecoveredJournal, settleRecovered } from '../write-behind/recovered-journal.ts'
import type { FlushPart, FlushTarget, Verdict } from '../write-behind/target.ts'
import { type Holding, isLeaseLost, type Tenure } from '../write-behind/tenure.ts'
import type { Connector, ConnectorWrite, FlushContext } from './connector.ts'
import type { Kept } from './kept-write.ts'

/** Writes a part of a batch to every connector that does not have it yet. */
export class ConnectorWriter<A> {
  readonly #connectors: () => readonly Connector<A>[]
  /** Which connectors have taken a write that not every one has: also when it comes again with fewer others. */
  readonly #takers = new WeakMap<Kept, Set<string>>()

  constructor(connectors: () => readonly Connector<A>[]) {
    this.#connectors = connectors
  }

  /** @throws what a connector refuses it with; where that may pass, before what it is refused with for good */
  async write(part: FlushPart<Kept>, owner: string, fence: number | undefined): Promise<void> {
    const context = contextOf(part, owner, fence)
    const writes = part.writes.flatMap((write): readonly ConnectorWrite<A>[] => {
      if (write.key === undefined) return []
      const { key, args, payload } = write
      return [{ key: key.tuple, args: (args === undefined ? key.tuple : args.read()) as A, value: payload?.read() }]
    })
    if (writes.length === 0 && context.checkpoint === undefined) return
    const errors: unknown[] = []
    for (const connector of this.#connectors()) {
      if (part.writes.every((write) => this.#takers.get(write)?.has(connector.id))) continue
      try {
        await connector.write(writes, context)
        for (const write of part.writes) this.#takersOf(write).add(connector.id)
      } catch (error) {
        errors.push(error)
      }
    }
    if (errors.length > 0) throw errors.find((error) => verdictOf(error) === 'retry') ?? errors[0]
  }

  #takersOf(write: Kept): Set<string> {
    const known = this.#takers.get(write)
    if (known !== undefined) return known
    const takers = new Set<string>()
    this.#takers.set(write, takers)
    return takers
  }
}

function contextOf(
  { writes, left, from, to }: FlushPart<Kept>,
  owner: string,
  fence: number | undefined,
): FlushContext {
  const isWhole = left.length === 0
  const checkpoint = writes.find((write) => write.checkpoint !== undefined)?.checkpoint
  return {
    token: `${owner}:${from}-${to}${isWhole ? '' : `:${writes[0]!.id}+${writes.length}`}`,
    fence,
    checkpoint: checkpoint && { state: checkpoint.read() },
  }
}

function verdictOf(error: unknown): Verdict {
  const isRefused = typeof error === 'object' && error !== null && 'retryable' in error && error.retryable === false
  return isRefused ? 'split' : 'retry'
}

/** What a journaled buffer works with. */
export interface JournaledParts<A> {
  readonly writer: ConnectorWriter<A>
  readonly back: Pick<Back, 'commit' | 'codec' | 'marks'>
  readonly office: DeadLetterOffice<Kept>
  readonly journal: Journal<Kept>
  readonly tenure: Pick<Tenure, 'held' | 'reclaim'>
  readonly now: () => number
}

/**
 * Connectors as the target of a buffer that is journaled. What a flush is about to write is noted first: after a crash the same
 * writes come again under the same token.
 */
export class JournaledConnectors<A> implements FlushTarget<Kept> {
  readonly #parts: JournaledParts<A>

  constructor(parts: JournaledParts<A>) {
    this.#parts = parts
  }

  async append(row: number, gather: () => readonly Kept[]): Promise<void> {
    await this.#held(undefined, (holding) => this.#parts.journal.append(holding, row, gather))
  }

  async write(part: FlushPart<Kept>): Promise<void> {
    const { writer, office } = this.#parts
    await this.#held(part, async (holding) => {
      const { owner, lease } = holding
      const { from, to } = part
      // Also tells whether the lease is still held, before anything is done that no transaction can take back.
      await this.#commit(holding, [
        { key: office.keys.flushing(owner), value: Payload.encode(office.back.codec, { v: 1, from, to }) },
      ])
      await writer.write(part, owner, lease.token)
      part.onWritten()
      await this.#settle(holding, part, [])
    })
  }

  verdict(error: unknown): Verdict {
    return verdictOf(error)
  }

  async bury(part: FlushPart<Kept>, error: unknown): Promise<void> {
    const { office, now } = this.#parts
    await this.#held(part, (holding) =>
      this.#settle(holding, part, [deadLetterMark(office, part.writes, error, now())]),
    )
  }

  async #settle(holding: Holding, part: FlushPart<Kept>, marks: readonly MarkWrite[]): Promise<void> {
    const { office, journal } = this.#parts
    const noted = { key: office.keys.flushing(holding.owner), value: undefined }
    await this.#commit(holding, [...marks, ...journal.settle(holding.owner, part), noted])
  }

  async #commit({ lease }: Holding, marks: readonly MarkWrite[]): Promise<void> {
    await this.#parts.back.commit({ reads: [], decide: () => [], lease, keepLease: true, marks })
  }

  /** @param flush what somebody who has taken the journal over writes */
  async #held(flush: FlushPart<Kept> | undefined, work: (holding: Holding) => Promise<void>): Promise<void> {
    const { tenure } = this.#parts
    for (;;) {
      const holding = await tenure.held()
      // It may have waited for the lease of the journal that was begun after that.
      if (flush?.isLost() === true) return
      try {
        return await work(holding)
      } catch (error) {
        if (!isLeaseLost(error)) throw error
        if ((await tenure.reclaim(holding)) === 'lost' && flush !== undefined) return
      }
    }
  }
}

/** Connectors as the target of the journal of a buffer that is gone. */
export function recoveredConnectors<A>(
  { writer, back, office, now }: Omit<JournaledParts<A>, 'journal' | 'tenure'>,
  journal: RecoveredJournal,
): FlushTarget<Kept> {
  const settle = async (part: FlushPart<Kept>, marks: readonly MarkWrite[]): Promise<void> => {
    const { lease, isLast } = journal
    const keepLease = part.left.length > 0 || !isLast
    const all = [...marks, ...settleRecovered(office, journal, part)]
    await back.commit({ reads: [], decide: () => [], lease, keepLease, marks: all })
  }
  return {
    append: () => Promise.reject(new TypeError('nothing is added to the journal of somebody else')),
    async write(part) {
      await writer.write(part, journal.owner, journal.lease.token)
      await settle(part, [])
    },
    verdict: verdictOf,
    bury: (part, error) => settle(part, [deadLetterMark(office, part.writes, error, now())]),
  }
}

/** Connectors as the target of a buffer in memory. */
export function plainConnectors<A>(
  writer: ConnectorWriter<A>,
  owner: string,
  onDead: (writes: readonly Kept[], error: unknown) => void,
): FlushTarget<Kept> {
  return {
    append: async (_row, gather) => void gather(),
    write: (part) => writer.write(part, owner, undefined),
    verdict: verdictOf,
    bury: async ({ writes }, error) => onDead(writes, error),
  }
}
