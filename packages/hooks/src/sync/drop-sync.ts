import {
  type Back,
  type Clock,
  clockOption,
  type KeyRange,
  type Lease,
  type Mark,
  type StoreKey,
  TidemarkError,
} from '@tidemark/core'
import { scanMarks } from '../consumers/scan-marks.ts'
import { decodeCheckpoint } from './checkpoint.ts'
import { keepLease } from './lease-keeper.ts'
import { CHECKPOINTS, checkpointKey, deletedRange, STAMPS, writtenRange } from './sync-keys.ts'

const PAGE = 500
const LEASE_MS = 10_000

type Target = Pick<Back, 'commit' | 'leases' | 'marks'>

/**
 * Forgets a sync into this store: how far it has come, and what it has noted beside what it copied, which stays. Where it
 * still runs, it ends with SYNC_DROPPED. A sync that is begun under the name afterwards copies everything anew, and takes
 * what differs in the target by then for somebody else's. Stamps of keys are shared by all syncs into a store that go by
 * `lastWriter`: they go with the last of them.
 *
 * @returns whether there was one
 * @throws TidemarkError LEASE_LOST when this process stood still meanwhile: drop it again; as marks do
 */
export async function dropSync(
  to: Target,
  name: string,
  options: { readonly clock?: Clock | undefined } = {},
): Promise<boolean> {
  const clock = clockOption(options.clock)
  const key = checkpointKey(name)
  const [stored] = await to.marks.read([key])
  const lease = await takeOver(to, key)
  const stop = new AbortController()
  const onLost = (): void =>
    stop.abort(new TidemarkError('LEASE_LOST', 'another process has taken over', { retryable: true }))
  const forget = keepLease(to.leases, lease, { clock, leaseMs: LEASE_MS, onLost })
  try {
    for (const range of [writtenRange(name), deletedRange(name)]) await removeAll(to, range, lease, stop.signal)
    await removeAll(to, STAMPS, lease, stop.signal, async () => !(await isLastWriterLeft(to)))
  } finally {
    forget()
    await to.leases.release(lease).catch(() => undefined)
  }
  return stored !== undefined
}

/** Nobody works from here on, and nobody finds the place where it stood. */
async function takeOver(to: Target, key: StoreKey): Promise<Lease> {
  for (;;) {
    // To delete the key, though there is none, ends the lease of whoever works, in the transaction that takes the checkpoint.
    await to.commit({ reads: [], decide: () => [{ op: 'delete', key }], marks: [{ key, value: undefined }] })
    const { lease } = await to.leases.acquire(key, LEASE_MS)
    // Somebody who stood by was quicker, and has begun anew, perhaps.
    if (lease !== undefined) return lease
  }
}

/** @param isDue asked after a page was read: what was written by then is told of by its checkpoint, too */
async function removeAll(
  { marks }: Target,
  range: KeyRange,
  lease: Lease,
  signal: AbortSignal,
  isDue: () => Promise<boolean> = async () => true,
): Promise<void> {
  for (;;) {
    signal.throwIfAborted()
    const page = await marks.scan(range, { after: undefined, limit: PAGE })
    if (page.length === 0 || !(await isDue())) return
    await marks.write(page.map(removal), { lease })
    if (page.length < PAGE) return
  }
}

/** What somebody has written anew meanwhile stays. */
function removal({ key, value }: Mark): { key: StoreKey; value: undefined; expected: Mark['value'] } {
  return { key, value: undefined, expected: value }
}

async function isLastWriterLeft({ marks }: Target): Promise<boolean> {
  // An older release has not noted the policy: it may be.
  for await (const { key, value } of scanMarks(marks, CHECKPOINTS))
    if (decodeCheckpoint(key, value).scope?.policy !== 'version') return true
  return false
}
