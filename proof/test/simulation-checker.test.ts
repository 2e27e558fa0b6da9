import { describe, expect, it } from 'vitest'
import { checkHistory } from '../src/simulation/checker/check.ts'
import type { Invariant } from '../src/simulation/checker/violation.ts'
import {
  type CommitEvent,
  History,
  type HistoryEvent,
  type ReadEvent,
  type WriteEvent,
} from '../src/simulation/history.ts'
import { planOf } from '../src/simulation/plan.ts'

const process = { ...planOf(1).processes[0]!, nearMaxStaleMs: undefined, slowBackRate: 0 }
const PLAN = { ...planOf(1), maxStaleMs: 100, processes: [process] }

describe('the checker of the simulation', () => {
  it('finds nothing in a history in which nothing is wrong', () => {
    expect(
      found(
        commit(1, 10, 'a'),
        wrote(1, 9, 12, 'a'),
        read(20, 1, 'a'),
        commit(2, 30, 'b'),
        read(29, 1, 'a'),
        read(40, 2, 'b'),
      ),
    ).toEqual([])
  })

  it('accepts what is outdated within the bound, from the shared front, before the write is acknowledged', () => {
    const history = [commit(1, 10, 'a'), commit(2, 20, 'b')]
    expect(found(...history, read(119, 1, 'a'))).toEqual([])
    expect(found(...history, read(121, 1, 'a'))).toEqual(['stale-beyond-bound'])
    expect(found(...history, read(119, 1, 'a', { linearizable: true }))).toEqual(['stale-beyond-bound'])
    expect(found(...history, read(119, 1, 'a', { tier: 'memory' }))).toEqual(['stale-beyond-bound'])
    expect(found(...history, read(119, 1, 'a', { tier: 'near', nearMaxStaleMs: 100 }))).toEqual([])
  })

  it('accepts nothing from the shared front that is outdated beyond the bound when it comes', () => {
    const history = [commit(1, 10, 'a'), commit(2, 20, 'b')]
    const late = (returnedAt: number, more: Partial<ReadEvent> = {}): readonly Invariant[] =>
      found(...history, read(50, 1, 'a', { process: 'p0', returnedAt, ...more }))
    expect(late(125)).toEqual([])
    expect(late(127)).toEqual(['stale-on-arrival'])
    expect(late(127, { tier: 'memory', nearMaxStaleMs: 100 })).toEqual([])
    expect(late(127, { maxStaleMs: 300 })).toEqual([])
    const stood: HistoryEvent = { type: 'fault', at: 60, what: '', forgets: false, halts: { process: 'p0', until: 90 } }
    expect(found(...history, stood, read(50, 1, 'a', { process: 'p0', returnedAt: 127 }))).toEqual([])
  })

  it('accepts nothing that is outdated once the write was acknowledged, on its terms', () => {
    const history = (more: Partial<WriteEvent>): readonly HistoryEvent[] => [
      commit(1, 10, 'a'),
      commit(2, 20, 'b'),
      { ...wrote(2, 19, 25, 'b'), process: 'p9', ...more },
    ]
    for (const ack of ['strict', 'bounded'] as const) {
      expect(found(...history({ ack, applied: true }), read(26, 1, 'a'))).toEqual(['stale-after-ack'])
      expect(found(...history({ ack, applied: true }), read(24, 1, 'a'))).toEqual([])
    }
    expect(found(...history({ ack: 'bounded', applied: false }), read(26, 1, 'a'))).toEqual([])
    expect(found(...history({ ack: 'strict', applied: false }), read(26, 1, 'a'))).toEqual(['stale-after-ack'])
    // What was told can be forgotten, but not what was promised.
    const rollback: HistoryEvent = { type: 'fault', at: 15, what: 'old-snapshot', forgets: true, halts: undefined }
    expect(found(rollback, ...history({ ack: 'bounded', applied: true }), read(26, 1, 'a'))).toEqual([])
    expect(found(rollback, ...history({ ack: 'strict', applied: true }), read(26, 1, 'a'))).toEqual(['stale-after-ack'])
  })

  it('knows what a process has written and read', () => {
    const history = [commit(1, 10, 'a'), commit(2, 20, 'b')]
    const written = wrote(2, 19, 25, 'b', { applied: false })
    expect(found(...history, written, read(26, 1, 'a'))).toEqual(['read-your-writes'])
    expect(found(...history, written, read(26, 1, 'a', { process: 'p9' }))).toEqual([])
    expect(found(...history, read(21, 2, 'b'), read(30, 1, 'a'))).toEqual(['monotonic-reads'])
    // At the same time, in either order.
    expect(found(...history, read(21, 2, 'b', { returnedAt: 40 }), read(30, 1, 'a'))).toEqual([])
    expect(found(...history, read(30, 1, 'a', { minVersion: 2 }))).toEqual(['min-version'])
  })

  it('takes an absence for an answer like any other', () => {
    const history = [commit(1, 10, 'a'), commit(2, 20, undefined), commit(3, 30, 'c')]
    expect(found(...history, absent(25, 2))).toEqual([])
    expect(found(...history, absent(5, 0))).toEqual([])
    // There was a value at 1, and at 3.
    expect(found(...history, absent(25, 1))).toEqual(['integrity'])
    expect(found(...history, absent(40, 3))).toEqual(['integrity'])
    expect(found(...history, absent(131, 2))).toEqual(['stale-beyond-bound'])
    // Undone: the value that was deleted is read again.
    expect(found(...history, absent(25, 2), read(29, 1, 'a'))).toEqual(['monotonic-reads'])
  })

  it('takes nothing for a value that was never written', () => {
    expect(found(commit(1, 10, 'a'), read(20, 1, 'x'))).toEqual(['integrity'])
    expect(found(commit(1, 10, 'a'), read(20, 2, 'a'))).toEqual(['integrity'])
  })

  it('looks for every acknowledged write in the log, where it belongs', () => {
    expect(found(wrote(1, 5, 15, 'a'))).toEqual(['durability'])
    expect(found(commit(1, 10, 'b'), wrote(1, 5, 15, 'a'))).toEqual(['durability'])
    expect(found(commit(1, 10, 'a'), wrote(1, 11, 15, 'a'))).toEqual(['log-order'])
    expect(found(commit(1, 10, 'a'), commit(3, 11, 'a'))).toEqual(['log-order'])
  })

  it('counts increments', () => {
    const counted = (seq: number, value: number): CommitEvent => ({ ...commit(seq, seq, value), key: 'counter0' })
    expect(found(counted(1, 1), counted(2, 2))).toEqual([])
    expect(found(counted(1, 1), counted(2, 1))).toEqual(['lost-update'])
  })

  it('reports failed calls, and what did not come back', () => {
    const trouble: HistoryEvent = { type: 'trouble', process: 'p', what: 'failed', invokedAt: 1, returnedAt: 2 }
    expect(found(trouble)).toEqual(['availability'])
    const { violations } = checkHistory(new History(false), PLAN, ['the front holds 1'])
    expect(violations.map(({ invariant }) => invariant)).toEqual(['convergence'])
  })

  it('accepts no answers to one read that were never true at once', () => {
    const other = { key: 'other' }
    const history = [
      commit(1, 10, 'a'),
      { ...commit(2, 11, 'x'), ...other },
      commit(3, 20, 'b'),
      { ...commit(4, 21, 'y'), ...other },
    ]
    const pair = (mine: ReadEvent, its: ReadEvent): readonly Invariant[] =>
      found(...history, { ...mine, together: 1 }, { ...its, together: 1 })
    const of = (version: number, value: unknown): ReadEvent => read(22, version, value, version % 2 === 0 ? other : {})
    expect(pair(of(1, 'a'), of(2, 'x'))).toEqual([])
    expect(pair(of(3, 'b'), of(2, 'x'))).toEqual([])
    expect(pair(of(3, 'b'), of(4, 'y'))).toEqual([])
    expect(pair(of(1, 'a'), of(4, 'y'))).toEqual(['one-moment'])
    expect(pair(of(4, 'y'), of(1, 'a'))).toEqual(['one-moment'])
    expect(found(...history, of(1, 'a'), of(4, 'y'))).toEqual([])
    expect(pair(absent(22, 0), of(2, 'x'))).toEqual(['one-moment'])
    expect(pair(absent(22, 0), { ...absent(22, 0), ...other })).toEqual([])
  })
})

function found(...events: readonly HistoryEvent[]): readonly Invariant[] {
  const history = new History(false)
  for (const event of events) history.add(event)
  return checkHistory(history, PLAN, []).violations.map(({ invariant }) => invariant)
}

function commit(seq: number, at: number, value: unknown): CommitEvent {
  return { type: 'commit', process: 'p9', at, key: 'key', seq, prevVersion: 0, value }
}

function wrote(
  version: number,
  invokedAt: number,
  returnedAt: number,
  value: unknown,
  more: Partial<WriteEvent> = {},
): WriteEvent {
  const base = { type: 'write', process: 'p', key: 'key', ack: 'bounded', applied: true } as const
  return { ...base, invokedAt, returnedAt, version, value, ...more }
}

function read(invokedAt: number, version: number, value: unknown, more: Partial<ReadEvent> = {}): ReadEvent {
  return {
    type: 'read',
    process: 'p',
    key: 'key',
    invokedAt,
    returnedAt: invokedAt + 1,
    version,
    asOf: version,
    value,
    tier: 'front',
    minVersion: 0,
    linearizable: false,
    maxStaleMs: PLAN.maxStaleMs,
    nearMaxStaleMs: 0,
    isSeen: false,
    ...more,
  }
}

function absent(invokedAt: number, asOf: number): ReadEvent {
  return { ...read(invokedAt, 0, undefined), version: undefined, asOf }
}
