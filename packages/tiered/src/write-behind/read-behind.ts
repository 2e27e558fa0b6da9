import type { Found, ReadBounds, StoreKey } from '@tidemark/core'
import type { TieredReadOptions } from '../options.ts'
import type { ReadPath } from '../read-path.ts'
import type { WriteBehind } from './write-behind.ts'

// Reads meet what this process has acknowledged before anything else, whatever their policy: it is newer than any version that
// they can ask for. A linearizable one is answered by the back tier, and so after what it would not find there.

/** Of a read of several keys, which is to be of one moment while some of them are written and flushed. */
const ATTEMPTS = 3

export function readBehind(
  behind: WriteBehind,
  reads: ReadPath,
  key: StoreKey,
  options: TieredReadOptions | undefined,
): Found | Promise<Found> {
  if (options?.consistency === 'linearizable') {
    if (!behind.has(key.id)) return reads.readOne(key, options)
    return behind.flushBefore([key.id]).then(() => reads.readOne(key, options))
  }
  return behind.find(key.id) ?? reads.readOne(key, options)
}

export async function readManyBehind(
  behind: WriteBehind,
  reads: ReadPath,
  keys: readonly StoreKey[],
  options: (TieredReadOptions & ReadBounds) | undefined,
): Promise<readonly Found[]> {
  if (options?.consistency === 'linearizable') {
    if (keys.some(({ id }) => behind.has(id))) await behind.flushBefore(keys.map(({ id }) => id))
    return reads.read(keys, options)
  }
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const found = keys.map(({ id }) => behind.find(id))
    const missing = keys.filter((_, i) => found[i] === undefined)
    if (missing.length === 0) return found as readonly Found[]
    const below = (await reads.read(missing, options)).values()
    // Still not committed: what comes from below, of one moment too, is of before that. Otherwise it may be of after it.
    const isOfNow = found.every((answer, i) => answer === undefined || isSame(answer, behind.find(keys[i]!.id)))
    if (isOfNow) return found.map((answer) => answer ?? (below.next().value as Found))
  }
  // Written too often to be met between two writes.
  await behind.flushBefore(keys.map(({ id }) => id))
  return reads.read(keys, options)
}

/** Whether both are of one write. */
function isSame(one: Found, other: Found | undefined): boolean {
  return other !== undefined && other.entry?.payload === one.entry?.payload
}
