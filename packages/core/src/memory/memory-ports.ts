import { between, wholeAtLeast } from '../options/checks.ts'
import type { Proposal } from '../ports/back.ts'
import type { Compaction } from '../ports/compaction.ts'
import type { SyncFrontAgreements, AgreementSample } from '../ports/front-agreement.ts'
import type { Leases } from '../ports/leases.ts'
import type { Marks } from '../ports/marks.ts'
import type { MemoryAgreements } from './memory-agreements.ts'
import type { MemoryLog } from './memory-log.ts'
import type { MemoryMarks } from './memory-marks.ts'
import type { MemoryWriter } from './memory-writer.ts'

/** A day: longer than anyone should wait for a process that is gone. */
const MAX_LEASE_MS = 86_400_000

/** Runs a task in its place among the commits. Rejects with ClosedError once the store is closing. */
export type Perform = <T>(task: (writer: MemoryWriter) => T) => Promise<T>

export interface AgreementsPortOptions {
  readonly agreements: MemoryAgreements
  readonly log: MemoryLog
  readonly perform: Perform
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

export function agreementsPort({ agreements, log, perform, assertOpen }: AgreementsPortOptions): SyncFrontAgreements {
  const sample = (front: string): AgreementSample => ({ head: log.last, agreement: agreements.of(front) })
  return {
    sample: (front) => {
      assertOpen()
      return sample(front)
    },
    change: (front, term, next) =>
      perform(() => {
        agreements.change(front, term, next)
        return sample(front)
      }),
  }
}

export function leasesPort(perform: Perform): Leases {
  return {
    acquire: async (key, ttlMs) => {
      const ttl = wholeMs(ttlMs)
      // Fails for a key that is too long, here and not when a range is asked for.
      void key.bytes
      return perform((writer) => writer.acquire(key, ttl))
    },
    remaining: (keys) => perform((writer) => writer.remaining(keys)),
    renew: async (lease, ttlMs) => {
      const ttl = wholeMs(ttlMs)
      return perform((writer) => writer.renew(lease, ttl))
    },
    release: (lease) => perform((writer) => writer.release(lease)),
    endRange: (range) => perform((writer) => writer.endLeases(range)),
  }
}

export interface MarksPortOptions {
  readonly marks: MemoryMarks
  readonly commit: (proposal: Proposal) => Promise<unknown>
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

export function marksPort({ marks, commit, assertOpen }: MarksPortOptions): Marks {
  return {
    read: async (keys) => {
      assertOpen()
      return keys.map((key) => marks.get(key))
    },
    scan: async (range, options) => {
      assertOpen()
      wholeAtLeast('limit', options.limit, 1)
      return marks.scan(range, options)
    },
    write: async (writes, options) => {
      await commit({ reads: [], decide: () => [], marks: writes, lease: options?.lease, keepLease: true })
    },
  }
}

export interface CompactionPortOptions {
  readonly log: MemoryLog
  readonly perform: Perform
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

export function compactionPort({ log, perform, assertOpen }: CompactionPortOptions): Compaction {
  return {
    compact: async (options) => {
      wholeAtLeast('upTo', options.upTo, 0)
      wholeAtLeast('limit', options.limit, 1)
      return perform((writer) => writer.compact(options))
    },
    sizeOf: async (after, upTo) => {
      assertOpen()
      return log.sizeOf(wholeAtLeast('after', after, 0), wholeAtLeast('upTo', upTo, 0))
    },
    // What is let go of in memory is free at once.
    reclaim: async (bytes) => {
      assertOpen()
      between('bytes', bytes, 1, Number.MAX_SAFE_INTEGER)
      return false
    },
  }
}

function wholeMs(ttlMs: number): number {
  return Math.ceil(between('ttlMs', ttlMs, 1, MAX_LEASE_MS))
}
