import { type Back, type Commit, type Lease, StoreKey, type Write } from '@tidemark/core'
import { expect } from 'vitest'

export const HOUR = 3_600_000

/** What a commit under a lost lease of `k` rejects with. */
export const LOST = { code: 'LEASE_LOST', key: 'k', retryable: false }

/** Takes the lease of a key, which nobody holds, for an hour. */
export async function granted(back: Back, key: string): Promise<Lease> {
  const { lease } = await back.leases.acquire(StoreKey.of(key), HOUR)
  expect(lease).toBeDefined()
  return lease!
}

/** Commits these writes as one, if the lease is still held. */
export function under(back: Back, lease: Lease, ...writes: readonly Write[]): Promise<Commit> {
  return back.commit({ reads: [], lease, decide: () => writes })
}
