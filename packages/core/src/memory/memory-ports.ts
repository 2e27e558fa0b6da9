import { between } from '../options/checks.ts'
import type { SyncFrontAgreements, AgreementSample } from '../ports/front-agreement.ts'
import type { Leases } from '../ports/leases.ts'
import type { MemoryAgreements } from './memory-agreements.ts'
import type { MemoryLog } from './memory-log.ts'
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

function wholeMs(ttlMs: number): number {
  return Math.ceil(between('ttlMs', ttlMs, 1, MAX_LEASE_MS))
}
