import { type Back, type MarkWrite, Payload } from '@tidemark/core'
import type { Buffered } from './buffered-write.ts'
import { rowKey } from './journal-keys.ts'
import { encodeRow } from './journal-row.ts'
import type { Holding } from './tenure.ts'

/**
 * How safe a write is when it is acknowledged. `memory`: it is lost when the process dies before the flush, at most
 * `maxAgeMs` later · `front`: it lies in the shared front, and is lost when that loses it · `journal`: it is as durable as any
 * other write
 */
export type JournalLevel = 'memory' | 'front' | 'journal'

export const JOURNAL_LEVELS: readonly JournalLevel[] = ['memory', 'front', 'journal']

/** Which rows a part of a flush leaves behind, and with what. */
export interface Settling {
  readonly from: number
  readonly to: number
  readonly left: readonly Buffered[]
}

/** Where acknowledged writes lie until they are flushed. */
export interface Journal {
  readonly level: JournalLevel
  /** `gather` is called at the last moment, and may be called again: the last call counts. */
  append(holding: Holding, row: number, gather: () => readonly Buffered[]): Promise<void>
  /** What the commit of a flush writes beside its changes, so that the journal holds `left` of these rows, and no more. */
  settle(owner: string, settling: Settling): readonly MarkWrite[]
  /** After that commit. Never rejects: what it does not get rid of is known to be settled. */
  settled(owner: string, to: number): void
}

/** In the memory of the process, that is to say nowhere. */
export const memoryJournal: Journal = {
  level: 'memory',
  append: async (_holding, _row, gather) => void gather(),
  settle: () => [],
  settled: () => {},
}

/** In the back tier: one mark for all writes that are asked for in one turn, and so one sync of the disk. */
export function marksJournal(back: Pick<Back, 'commit' | 'codec'>): Journal {
  return {
    level: 'journal',
    async append({ owner, lease }, row, gather) {
      const marks = (): readonly MarkWrite[] => [rowMark(back, owner, row, gather())]
      await back.commit({ reads: [], decide: () => [], lease, keepLease: true, marks })
    },
    settle(owner, { from, to, left }) {
      const marks: MarkWrite[] = []
      for (let row = from; row <= to; row++) marks.push({ key: rowKey(owner, row), value: undefined })
      if (left.length > 0) marks.push(rowMark(back, owner, to, left))
      return marks
    },
    settled: () => {},
  }
}

export function rowMark(
  { codec }: Pick<Back, 'codec'>,
  owner: string,
  row: number,
  writes: readonly Buffered[],
): MarkWrite {
  return { key: rowKey(owner, row), value: Payload.encode(codec, encodeRow(writes)) }
}
