import type { Back, Clock, Lease, Payload, SharedJournal } from '@tidemark/core'
import { Batch, type Dirty, type Failure } from './batch.ts'
import { damagedMark, type DeadLetterOffice } from './dead-letters.ts'
import { type Destination, flushBatch } from './flush-batch.ts'
import { flushFailure } from './flush-failure.ts'
import { heldBack } from './held-back.ts'
import { type LeftJournal, leftRows } from './left-rows.ts'
import type { RecoveredJournal } from './recovered-journal.ts'

export interface FlushLeftOptions<D extends Dirty> {
  readonly back: Pick<Back, 'codec' | 'marks'>
  readonly office: DeadLetterOffice<D>
  readonly clock: Clock
  /** Where a journal is flushed to that somebody has left behind. */
  readonly target: (journal: RecoveredJournal) => Destination<D>
  /** The names of the destinations that it is flushed to, one after the other. @default there is one */
  readonly lanes?: (() => readonly string[]) | undefined
  /** Where rows lie that are not in the back tier; undefined: nowhere. */
  readonly shared?: SharedJournal | undefined
  readonly onError: (error: unknown) => void
  /** The store, where others go on without what cannot be recovered; undefined: they do not. */
  readonly goingOn?: Pick<Back, 'codec' | 'log' | 'marks'> | undefined
}

/**
 * Flushes a journal that somebody has left behind, under the lease of it. What of it is damaged or refused for good is set
 * aside, and told.
 * @throws what it cannot be read with, or flushed: all that is not flushed is there
 */
export async function flushLeft<D extends Dirty>(
  options: FlushLeftOptions<D>,
  left: LeftJournal,
  lease: Lease,
): Promise<void> {
  const { owner, level } = left
  const { back, goingOn, office, clock, target, lanes = () => [''], shared, onError } = options
  const { keys } = office
  const { rows, damaged } = await leftRows({ back, office, shared, at: clock.now() }, left)
  const letters = damaged.map(({ bytes, error }) => damagedMark(office, bytes, error, clock.now()))
  const since = goingOn && (await heldBack(goingOn, keys, owner))
  const [noted] = await back.marks.read([keys.flushing(owner)])
  const failures: Failure<D>[] = []
  for (const [at, lane, all] of lanes().map((each, i, { length }) => [i, each, length] as const)) {
    const isLastLane = at === all - 1
    // What its owner was about to flush comes first, by itself, so that who has it already can tell.
    const { from, to } = begunIn(noted, lane)
    const begun = rows.filter(({ row }) => row <= to)
    const parts = [begun, rows.slice(begun.length)].filter((part) => part.length > 0)
    for (const [i, part] of (parts.length === 0 ? [rows] : parts).entries()) {
      const batch = new Batch<D>(0, (part === begun ? from : undefined) ?? part[0]?.row ?? 0)
      for (const { row, writes } of part) for (const together of byCall(writes)) batch.add(together, row)
      const isLast = isLastLane && i >= parts.length - 1
      const gone = isLast ? damaged : []
      if (part === begun) batch.to = to
      // What lies elsewhere is not read again, damaged or not.
      else batch.to = Math.max(batch.to, ...gone.map(({ row }) => row))
      const used = [keys.flushed(owner), keys.flushing(owner), ...[...part, ...gone].flatMap(({ key }) => key ?? [])]
      const journal = { owner, level, lease, used, letters: isLast ? letters : [], heldBack: since }
      await flushBatch(batch, target({ ...journal, lane, isLastLane, isLast }))
      failures.push(...batch.failures)
    }
  }
  if (level !== 'journal') await shared?.drop(owner).catch(() => undefined)
  if (damaged.length > 0) for (const { error } of damaged) queueMicrotask(() => onError(error))
  if (failures.length > 0) queueMicrotask(() => onError(flushFailure(failures)))
}

/** What was asked for together, in order. */
function byCall<D extends Dirty>(writes: readonly D[]): readonly (readonly D[])[] {
  const calls: D[][] = []
  for (const write of writes) {
    const last = calls.at(-1)
    if (last !== undefined && last[0]!.call === write.call) last.push(write)
    else calls.push([write])
  }
  return calls
}

/** Which rows a flush to a destination was about to write. */
function begunIn(noted: Payload | undefined, lane: string): { readonly from: number | undefined; readonly to: number } {
  // Of a release that flushed to all of them at once: those rows.
  const { from, to, lanes } = (noted?.decode() ?? {}) as {
    readonly from?: number
    readonly to?: number
    readonly lanes?: Readonly<Record<string, readonly [from: number, to: number]>>
  }
  const [first, last] = lanes?.[lane] ?? [from, to]
  return { from: first, to: last ?? -1 }
}
