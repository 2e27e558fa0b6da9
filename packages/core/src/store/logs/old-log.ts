import { TidemarkError } from '../../errors.ts'
import { prefixRange } from '../../keys/key-range.ts'
import type { Commit, ReadOptions } from '../../ports/back.ts'
import type { Entry } from '../../ports/entry.ts'
import { headIdOf } from '../parts/part-head.ts'
import { partsKey } from '../parts/part-key.ts'
import { deletion } from '../deletion.ts'
import type { PartStore } from '../parts/part-store.ts'

/** For a look at the last element, and the commit after it. */
const LEASE_MS = 60_000

/**
 * Deletes a log, if nothing was appended to it since `before`. Its head does not tell: an append does not write it. So the
 * last element is looked at under a lease, which any append ends.
 * @returns undefined: it stays
 */
export async function deleteOldLog<R extends ReadOptions, W extends object>(
  { back }: Pick<PartStore<R, W>, 'back'>,
  head: Entry,
  before: number,
  options: W | undefined,
): Promise<Commit | undefined> {
  const id = headIdOf(head)
  // Damaged: it names no parts, and nothing can be appended to it.
  if (id === undefined) return back.commit(deletion([head]), options)
  const key = partsKey('element', head.key, id)
  const { lease } = await back.leases.acquire(key, LEASE_MS)
  if (lease === undefined) return undefined
  try {
    const { keys } = await back.scanKeys(prefixRange(key.tuple), { after: undefined, limit: 1, reverse: true })
    const isOld = keys[0] === undefined || keys[0].writtenAt < before
    // The commit ends the lease, which would be in the way of who removes the elements then.
    if (isOld) return await back.commit({ ...deletion([head]), lease }, options)
  } catch (error) {
    if (error instanceof TidemarkError && error.code === 'LEASE_LOST') return undefined
    await back.leases.release(lease).catch(() => undefined)
    throw error
  }
  await back.leases.release(lease)
  return undefined
}
