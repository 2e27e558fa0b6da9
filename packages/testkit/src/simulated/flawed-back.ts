import {
  type Found,
  type Lease,
  type LeaseGrant,
  type Leases,
  type Proposal,
  type StoreKey,
  tagOfKey,
} from '@tidemark/core'
import type { BackFlaw } from './flaws.ts'

/** How much longer than asked for leases last that live on. */
const LIVES = 20

/** The leases, less the rules that are broken. */
export function flawedLeases(leases: Leases, flaws: readonly BackFlaw[]): Leases {
  const lastingMs = (ttlMs: number): number => (flaws.includes('leases-live-on') ? ttlMs * LIVES : ttlMs)
  const lent = new Map<string, Lease>()
  return {
    async acquire(key: StoreKey, ttlMs: number): Promise<LeaseGrant> {
      const earlier = lent.get(key.id)
      if (flaws.includes('leases-for-everybody') && earlier !== undefined) await leases.release(earlier)
      const grant = await leases.acquire(key, lastingMs(ttlMs))
      if (grant.lease !== undefined) lent.set(key.id, grant.lease)
      return grant
    },
    remaining: (keys) => leases.remaining(keys),
    renew: (lease, ttlMs) => leases.renew(lease, lastingMs(ttlMs)),
    release: (lease) => leases.release(lease),
    endRange: (range) => leases.endRange(range),
  }
}

/** What is proposed, less what the broken rules would have it depend on. */
export function flawedProposal({ lease, ...proposal }: Proposal, flaws: readonly BackFlaw[]): Proposal {
  return {
    ...proposal,
    reads: lease !== undefined && flaws.includes('loads-ignore-tags') ? [] : proposal.reads,
    ...(lease === undefined || flaws.includes('loads-unfenced') ? {} : { lease }),
  }
}

export function flawedAnswers(
  keys: readonly StoreKey[],
  found: readonly Found[],
  flaws: readonly BackFlaw[],
): readonly Found[] {
  if (!flaws.includes('tags-untold')) return found
  return found.map((each, i) => (tagOfKey(keys[i]!) === undefined ? each : { ...each, entry: undefined }))
}
