import { check, type Figures } from '../../src/chaos/check/check.ts'
import type { Evidence } from '../../src/chaos/check/evidence.ts'
import type { FaultWindow } from '../../src/chaos/check/describe.ts'
import { Findings, type ViolationKind, VIOLATIONS } from '../../src/chaos/check/findings.ts'
import type { Logged } from '../../src/chaos/check/logged.ts'
import type { FailureEvent, LoadEvent, ReadEvent, WriteEvent } from '../../src/chaos/history/events.ts'

export interface Told extends Figures {
  /** The violations that were found; kinds without any are left out. */
  readonly violations: Partial<Record<ViolationKind, number>>
  readonly kinds: readonly ViolationKind[]
  readonly findings: Findings
}

/** A history made by hand. Times are in milliseconds; a key is `k` where none is given. */
export class Story {
  readonly log: Logged[] = []
  readonly reads: ReadEvent[] = []
  readonly writes: WriteEvent[] = []
  readonly loads: LoadEvent[] = []
  readonly failures: FailureEvent[] = []
  readonly faults: FaultWindow[] = []

  /** A change of the log, without anybody who has made it. */
  commit(id: string | undefined, more: Partial<Logged> = {}): number {
    const seq = (this.log.at(-1)?.seq ?? 0) + 1
    const hash = id === undefined ? undefined : `hash of ${id}`
    this.log.push({ seq, key: 'k', op: id === undefined ? 'delete' : 'set', id, hash, count: 0, tags: [], ...more })
    return seq
  }

  /** A write that was called and, unless it is open, acknowledged; nothing gets into the log. */
  call(session: string, id: string, from: number, to: number | undefined, more: CallDetails = {}): void {
    const { key = 'k', op = 'set', version = 0, changed = true, applied = true, replaced } = more
    const ack = to === undefined ? undefined : { return: to * 1e3, version, changed, applied, replaced }
    this.writes.push({ kind: 'write', session, key, op, id, invoke: from * 1e3, ack })
  }

  set(session: string, id: string, from: number, to: number | undefined, more: CallDetails = {}): number {
    const version = this.commit(id, { key: more.key ?? 'k', tags: more.tags ?? [] })
    this.call(session, id, from, to, { version, ...more })
    return version
  }

  delete(session: string, from: number, to: number | undefined, more: CallDetails = {}): number {
    const version = this.commit(undefined, { key: more.key ?? 'k' })
    this.call(session, `${session}-delete-${version}`, from, to, { op: 'delete', version, ...more })
    return version
  }

  invalidate(session: string, tag: string, from: number, to: number | undefined, more: CallDetails = {}): number {
    const key = `#${tag}`
    const version = this.commit(undefined, { key, op: 'invalidate' })
    this.call(session, `${session}-invalidate-${version}`, from, to, { key, op: 'invalidate', version, ...more })
    return version
  }

  /** A loader was called; what it brought gets into the log by {@link commit}, if at all. */
  load(session: string, id: string, from: number, more: Partial<LoadEvent> = {}): void {
    const what = { key: 'k', outcome: 'value', hash: `hash of ${id}`, returned: undefined } as const
    this.loads.push({ kind: 'load', session, id, startedAt: from * 1e3, ...what, ...more })
  }

  increment(
    session: string,
    id: string,
    count: number,
    from: number,
    to: number | undefined,
    replaced?: string,
  ): number {
    const version = this.commit(id, { count })
    this.call(session, id, from, to, { op: 'increment', version, replaced })
    return version
  }

  /** `id` undefined: the key was absent. */
  read(session: string, id: string | undefined, from: number, to: number, more: Partial<ReadEvent> = {}): void {
    const hash = id === undefined ? undefined : `hash of ${id}`
    const times = { invoke: from * 1e3, return: to * 1e3 }
    const what = { key: 'k', via: 'get', id, hash, version: undefined, tier: undefined } as const
    this.reads.push({ kind: 'read', session, ...times, ...what, ...more })
  }

  fault(from: number, to: number, rollsBack = true): void {
    this.faults.push({ kind: 'split-brain', rollsBack, from: from * 1e3, to: to * 1e3, note: '' })
  }

  told(more: Partial<Evidence> = {}): Told {
    const { log, reads, writes, loads, failures, faults } = this
    const findings = new Findings()
    const history = { reads, writes, loads, failures }
    const figures = check(
      { log, history, faults, start: 0, ack: 'bounded', boundMs: 300, aftermathMs: 600, ...more },
      findings,
    )
    const kinds = VIOLATIONS.filter((kind) => findings.count(kind) > 0)
    const violations = Object.fromEntries(kinds.map((kind) => [kind, findings.count(kind)]))
    return { ...figures, findings, kinds, violations }
  }
}

interface CallDetails {
  readonly tags?: readonly string[]
  readonly key?: string
  readonly op?: WriteEvent['op']
  readonly version?: number
  readonly changed?: boolean
  readonly applied?: boolean
  readonly replaced?: string | undefined
}
