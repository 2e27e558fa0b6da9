import type { Back, KeyRange, Lease } from '@tidemark/core'
import { lanesOf, membersOf, parkedOf, requestsOf } from './consumer-keys.ts'
import { REGISTERING_MS } from './while-registering.ts'

const PAGE = 500

type MarkedBack = Pick<Back, 'leases' | 'marks'>

/**
 * Removes what is stored of a consumer beside its registration, which is not there at this time.
 * @param lease of the registration: whoever has lost it removes nothing of what was registered anew
 * @throws TidemarkError LEASE_LOST; what the back tier throws
 */
export async function removeRemains(back: MarkedBack, name: string, lease: Lease): Promise<void> {
  // Whoever has a lane still would store its place once more.
  await back.leases.endRange(lanesOf(name))
  for (const range of [lanesOf(name), parkedOf(name), requestsOf(name), membersOf(name)])
    await removeAll(back, range, lease)
}

async function removeAll({ marks, leases }: MarkedBack, range: KeyRange, lease: Lease): Promise<void> {
  for (;;) {
    const page = await marks.scan(range, { after: undefined, limit: PAGE })
    if (page.length === 0) return
    // There may be more of it than one lease is long.
    await leases.renew(lease, REGISTERING_MS)
    await marks.write(
      page.map(({ key }) => ({ key, value: undefined })),
      { lease },
    )
    if (page.length < PAGE) return
  }
}
