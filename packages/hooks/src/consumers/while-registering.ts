import type { Back, Clock, Lease } from '@tidemark/core'
import { registrationKey } from './consumer-keys.ts'

/** Long enough for a few statements; a process that dies during them keeps nobody waiting for longer. */
export const REGISTERING_MS = 5_000
const POLL_MS = 20

/** Does what nobody else may do to the registration meanwhile. */
export async function whileRegistering<T>(
  { leases }: Pick<Back, 'leases'>,
  name: string,
  clock: Clock,
  work: (lease: Lease) => Promise<T>,
): Promise<T> {
  for (;;) {
    const grant = await leases.acquire(registrationKey(name), REGISTERING_MS)
    if (grant.lease === undefined) {
      await clock.sleep(Math.min(POLL_MS, grant.remainingMs))
      continue
    }
    try {
      return await work(grant.lease)
    } finally {
      await leases.release(grant.lease)
    }
  }
}
