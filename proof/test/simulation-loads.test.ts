import { describe, expect, it } from 'vitest'
import { checkHistory } from '../src/simulation/checker/check.ts'
import type { Invariant } from '../src/simulation/checker/violation.ts'
import {
  type CommitEvent,
  type FaultEvent,
  History,
  type HistoryEvent,
  type LoadEvent,
  type LoaderEvent,
  type ReadEvent,
  type WriteEvent,
} from '../src/simulation/history.ts'
import { LoaderFailure } from '../src/simulation/loader-failure.ts'
import { planOf } from '../src/simulation/plan.ts'

const [process] = planOf(1).processes
const PLAN = { ...planOf(1), maxStaleMs: 100, leaseMs: 1_000, processes: [{ ...process!, slowBackRate: 0 }] }

describe('the checker of the simulation, of loads and tags', () => {
  it('finds nothing where a value is loaded once, and served to who has waited', () => {
    const [a, b] = [loaded(10, 40, 'value 1 t'), commit(1, 41, 'value 1 t')]
    expect(found(a, b, call(5, 45, 'value 1 t'), call(12, 44, 'value 1 t'), see(50, 1, 'value 1 t'))).toEqual([])
  })

  it('lets nothing come after what was written, deleted or invalidated while it was loaded', () => {
    const run = loaded(10, 40, 'value 1 t')
    const stored = commit(2, 41, 'value 1 t')
    expect(found(run, commit(1, 5, 'value 9'), stored)).toEqual([])
    expect(found(run, commit(1, 20, 'value 9'), stored)).toEqual(['load-overtaken'])
    expect(found(run, commit(1, 20, undefined), stored)).toEqual(['load-overtaken'])
    expect(found(run, commit(1, 20, null, '#t'), stored)).toEqual(['load-overtaken'])
    expect(found(run, commit(1, 20, null, '#other'), stored)).toEqual([])
  })

  it('hands out what was not stored to nobody who came after the loader was called', () => {
    expect(found(loaded(10, 40, 'value 1'), call(5, 45, 'value 1'))).toEqual([])
    expect(found(loaded(10, 40, 'value 1'), call(12, 45, 'value 1'))).toEqual(['load-overtaken'])
    expect(found(loaded(10, 40, 'value 1', { process: 'p1' }), call(5, 45, 'value 1'))).toEqual(['load-overtaken'])
    // Nothing is there; or somebody has said so.
    const there = commit(1, 1, 'value 9')
    expect(found(loaded(10, 40, undefined), call(5, 45, undefined))).toEqual([])
    expect(found(there, loaded(510, 540, undefined), call(505, 545, undefined))).toEqual([])
    expect(found(there, loaded(510, 540, undefined), call(512, 545, undefined))).toEqual(['load-overtaken'])
  })

  it('knows when two may load at once', () => {
    const two = [loaded(10, 400, 'value 1'), loaded(20, 400, 'value 2', { run: 2, process: 'p1' })]
    const lost = (...events: readonly HistoryEvent[]): readonly Invariant[] => found(...two, ...events)
    expect(lost()).toEqual(['load-alone'])
    expect(lost(commit(1, 15, 'value 9'))).toEqual([])
    expect(lost(commit(1, 25, 'value 9'))).toEqual(['load-alone'])
    expect(lost(wrote(undefined, 12, 15, undefined, 'key'))).toEqual([])
    expect(lost(halt('p0', 12, 30))).toEqual([])
    expect(lost(halt('p2', 12, 30))).toEqual(['load-alone'])
    expect(found(two[0]!, { ...two[1]!, startedAt: 401 } as LoaderEvent)).toEqual([])
  })

  it('wants somebody to take over when the lease has ended', () => {
    const dead = loaded(10, Infinity, 'value 1', { process: 'p1' })
    const crash = halt('p1', 20, Infinity)
    const next = (at: number): readonly Invariant[] =>
      found(dead, crash, loaded(at, at + 5, undefined, { run: 2 }), call(5, at + 9, undefined))
    expect(next(1_100)).toEqual([])
    expect(next(4_100)).toEqual(['load-takeover'])
    // It lives, and loads.
    expect(found(loaded(10, 8_000, undefined), call(5, 8_009, undefined))).toEqual([])
  })

  it('wants the very error, of the very loader', () => {
    const failed = { ...loaded(10, 40, undefined), fails: true }
    const rejected = (error: unknown): LoadEvent => ({ ...call(5, 45, undefined), outcome: 'failed', error })
    expect(found(failed, rejected(new LoaderFailure(1)))).toEqual([])
    expect(found(failed, rejected(new LoaderFailure(2)))).toEqual(['load-error'])
    expect(found(failed, rejected(new Error('some', { cause: new LoaderFailure(1) })))).toEqual(['load-error'])
    expect(found({ ...failed, process: 'p1' }, rejected(new LoaderFailure(1)))).toEqual(['load-error'])
  })

  it('lets nobody see what carries an invalidated tag: within the bound, and never after it was acknowledged', () => {
    const history = [commit(1, 10, 'value 1 t u'), commit(2, 20, null, '#t')]
    expect(found(...history, see(119, 1, 'value 1 t u'))).toEqual([])
    expect(found(...history, see(121, 1, 'value 1 t u'))).toEqual(['stale-beyond-bound'])
    expect(found(...history, { ...see(121, 1, 'value 1 t u'), isSeen: false })).toEqual([])
    expect(found(commit(1, 10, null, '#t'), commit(2, 20, 'value 1 t'), see(500, 2, 'value 1 t'))).toEqual([])
    const told = wrote(2, 19, 25, null, '#t')
    expect(found(...history, { ...told, process: 'p1' }, see(30, 1, 'value 1 t u'))).toEqual(['stale-after-ack'])
    expect(found(...history, { ...told, applied: false }, see(30, 1, 'value 1 t u'))).toEqual(['read-your-writes'])
    expect(found(...history, { ...told, process: 'p1', applied: false }, see(30, 1, 'value 1 t u'))).toEqual([])
  })

  it('lets nobody see nothing where there was something throughout', () => {
    const history = [commit(1, 10, 'value 1 t')]
    expect(found(...history, see(109, undefined, undefined))).toEqual([])
    expect(found(...history, see(111, undefined, undefined))).toEqual(['stale-beyond-bound'])
    expect(found(...history, commit(2, 60, null, '#t'), see(211, undefined, undefined))).toEqual([])
    expect(found(...history, wrote(1, 9, 12, 'value 1 t', 'key'), see(20, undefined, undefined))).toEqual([
      'stale-after-ack',
      'read-your-writes',
    ])
    expect(found(...history, see(20, 1, 'value 1 t'), see(30, undefined, undefined))).toEqual(['monotonic-reads'])
    // What a loader left that found nothing.
    expect(found(commit(1, 10, null), see(500, undefined, undefined))).toEqual([])
  })
})

function found(...events: readonly HistoryEvent[]): readonly Invariant[] {
  const history = new History(false)
  for (const event of events) history.add(event)
  return checkHistory(history, PLAN, []).violations.map(({ invariant }) => invariant)
}

function commit(seq: number, at: number, value: unknown, key = 'key'): CommitEvent {
  return { type: 'commit', process: 'p2', at, key, seq, prevVersion: 0, value }
}

function loaded(
  startedAt: number,
  endedAt: number,
  value: string | undefined,
  more: Partial<LoaderEvent> = {},
): LoaderEvent {
  return { type: 'loader', process: 'p0', key: 'key', run: 1, startedAt, endedAt, value, fails: false, ...more }
}

function call(invokedAt: number, returnedAt: number, value: unknown): LoadEvent {
  const outcome = value === undefined ? 'absent' : 'found'
  const base = {
    type: 'load',
    process: 'p0',
    key: 'key',
    error: undefined,
    maxStaleMs: 100,
    nearMaxStaleMs: 0,
  } as const
  return { ...base, invokedAt, returnedAt, outcome, value }
}

function wrote(
  version: number | undefined,
  invokedAt: number,
  returnedAt: number,
  value: unknown,
  key: string,
): WriteEvent {
  return { type: 'write', process: 'p0', key, invokedAt, returnedAt, version, value, ack: 'bounded', applied: true }
}

function halt(process: string, at: number, until: number): FaultEvent {
  return { type: 'fault', at, what: 'stop', forgets: false, halts: { process, until } }
}

function see(invokedAt: number, version: number | undefined, value: unknown): ReadEvent {
  const base = {
    type: 'read',
    process: 'p0',
    key: 'key',
    minVersion: 0,
    linearizable: false,
    maxStaleMs: 100,
    nearMaxStaleMs: 0,
  } as const
  const answer = { version, value, asOf: version ?? 0, tier: 'any', isSeen: true }
  return { ...base, ...answer, invokedAt, returnedAt: invokedAt + 1 }
}
