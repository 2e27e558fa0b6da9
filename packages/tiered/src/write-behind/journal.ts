import { type Back, type MarkWrite, Payload, type SharedJournal, TidemarkError } from '@tidemark/core'
import type { Dirty } from './batch.ts'
import type { JournalKeys } from './journal-keys.ts'
import type { Holding } from './tenure.ts'

/**
 * How safe a write is when it is acknowledged. `memory`: it is lost when the process dies before the flush, at most
 * `maxAgeMs` later · `front`: it lies in the shared front, and is lost when that loses it · `journal`: it is as durable as any
 * other write
 */
export type JournalLevel = 'memory' | 'front' | 'journal'

export const JOURNAL_LEVELS: readonly JournalLevel[] = ['memory', 'front', 'journal']

/** How writes become a row. */
export interface RowFormat<D extends Dirty> {
  /**
   * The envelope of a bundle, which carries the values of the writes.
   * @param areTogether whether one and the next one are to be written together @default all of them are
   */
  encode(writes: readonly D[], areTogether?: AreTogether): Uint8Array
  /** @param at wall-clock milliseconds that they are taken to be written at @throws CorruptError */
  decode(bytes: Uint8Array, at: number): readonly D[]
}

type AreTogether = (one: Dirty, next: Dirty) => boolean

/** Which rows a part of a flush leaves behind, and with what. */
interface Settling<D extends Dirty> {
  readonly from: number
  readonly to: number
  readonly left: readonly D[]
  readonly areTogether?: AreTogether | undefined
}

/** Where acknowledged writes lie until they are flushed. */
export interface Journal<D extends Dirty> {
  readonly level: JournalLevel
  /** `gather` is called at the last moment, and may be called again: the last call counts. */
  append(holding: Holding, row: number, gather: () => readonly D[]): Promise<void>
  /** Whether the row may stand in the journal although its append has failed. */
  mayStandIn(row: number): boolean
  /** What the commit of a flush writes beside its changes, so that the journal holds `left` of these rows, and no more. */
  settle(owner: string, settling: Settling<D>): readonly MarkWrite[]
  /** After that commit. Never rejects: what it does not get rid of is known to be settled. */
  settled(owner: string, to: number): void
  /** The lease is held again, after somebody else may have been about to recover the journal. */
  reopen(owner: string): Promise<void>
  /** Nothing is left in it. Never rejects. */
  end(owner: string): Promise<void>
}

/** In the memory of the process, that is to say nowhere. */
export const memoryJournal: Journal<Dirty> = {
  level: 'memory',
  append: async (_holding, _row, gather) => void gather(),
  mayStandIn: () => false,
  settle: () => [],
  settled: () => {},
  reopen: async () => {},
  end: async () => {},
}

export interface MarksJournalOptions<D extends Dirty> {
  readonly back: Pick<Back, 'commit' | 'codec'>
  readonly keys: JournalKeys
  readonly format: RowFormat<D>
}

/** In the back tier: one mark for all writes that are asked for in one turn, and so one sync of the disk. */
export function marksJournal<D extends Dirty>({ back, keys, format }: MarksJournalOptions<D>): Journal<D> {
  const mark = (owner: string, row: number, writes: readonly D[], areTogether?: AreTogether): MarkWrite => ({
    key: keys.row(owner, row),
    value: Payload.fromEnvelope(back.codec, format.encode(writes, areTogether)),
  })
  return {
    level: 'journal',
    async append({ owner, lease }, row, gather) {
      const marks = (): readonly MarkWrite[] => [mark(owner, row, gather(), isOneCall)]
      await back.commit({ reads: [], decide: () => [], lease, keepLease: true, marks })
    },
    // When the reply is lost, the lease is not: the flush of that row covers it.
    mayStandIn: () => false,
    settle(owner, { from, to, left, areTogether }) {
      const marks: MarkWrite[] = []
      for (let row = from; row <= to; row++) marks.push({ key: keys.row(owner, row), value: undefined })
      if (left.length > 0) marks.push(mark(owner, to, left, areTogether))
      return marks
    },
    settled: () => {},
    reopen: async () => {},
    end: async () => {},
  }
}

/**
 * In a shared front; what is left of a flush that was split is noted in the back tier, in the commit of its part. While the front
 * cannot be reached, rows lie in the back tier, each in its place: so writes keep their order, and are slower, and safer.
 *
 * A row whose call had no reply may lie in both. Of these two, the one in the back tier counts: it holds at least as much.
 */
export function frontJournal<D extends Dirty>(shared: SharedJournal, options: MarksJournalOptions<D>): Journal<D> {
  const { back, keys, format } = options
  const spare = marksJournal(options)
  /** Rows that lie in the back tier, or may. */
  const spared = new Set<number>()
  return {
    level: 'front',
    async append(holding, row, gather) {
      const { owner } = holding
      try {
        if (!spared.has(row)) {
          const value = Payload.fromEnvelope(back.codec, format.encode(gather(), isOneCall))
          const { bytes } = value.boundTo(back.codec, keys.row(owner, row), 0, 'mark')
          return await shared.append(owner, { row, bytes })
        }
      } catch (error) {
        if (!isUnreachable(error)) throw error
        spared.add(row)
      }
      await spare.append(holding, row, gather)
    },
    mayStandIn: (row) => spared.has(row),
    settle(owner, { to, left, areTogether }) {
      const value = left.length === 0 ? undefined : Payload.fromEnvelope(back.codec, format.encode(left, areTogether))
      const rows = [...spared].filter((row) => row < to)
      return [
        ...rows.map((row) => ({ key: keys.row(owner, row), value: undefined })),
        { key: keys.row(owner, to), value },
      ]
    },
    settled(owner, to) {
      for (const row of spared) if (row <= to) spared.delete(row)
      shared.trim(owner, to).catch(() => undefined)
    },
    // What cannot be reached takes no rows, either.
    reopen: (owner) =>
      shared.unseal(owner).catch((error: unknown) => {
        if (!isUnreachable(error)) throw error
      }),
    end: (owner) => shared.drop(owner).catch(() => undefined),
  }
}

/** What one call has asked for is to be written together. */
function isOneCall(one: Dirty, next: Dirty): boolean {
  return one.call !== undefined && one.call === next.call
}

function isUnreachable(error: unknown): boolean {
  return error instanceof TidemarkError && (error.code === 'FRONT_UNAVAILABLE' || error.code === 'TIMEOUT')
}
