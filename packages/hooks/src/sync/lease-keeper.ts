import { type Clock, ClosedError, type Lease, type Leases } from '@tidemark/core'

/** Renews a lease until it is stopped, three times in its time; tells when it is lost. */
export function keepLease(
  leases: Leases,
  lease: Lease,
  { clock, leaseMs, onLost }: { readonly clock: Clock; readonly leaseMs: number; readonly onLost: () => void },
): () => void {
  let isStopped = false
  let cancel = schedule()
  function schedule(): () => void {
    return clock.schedule(leaseMs / 3, () => void renew())
  }
  async function renew(): Promise<void> {
    let isHeld = true
    try {
      isHeld = await leases.renew(lease, leaseMs)
    } catch (error) {
      // A target that is busy now may have time for the next renewal; every commit checks the lease all the same.
      isHeld = !(error instanceof ClosedError)
    }
    if (isStopped) return
    if (isHeld) cancel = schedule()
    else onLost()
  }
  return () => {
    isStopped = true
    cancel()
  }
}
