import { CorruptError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Entry, Found } from '../ports/entry.ts'
import { notesOf } from './entry-notes.ts'
import { epochsOf, tagKey } from './tags.ts'

/**
 * What readers make of an entry that is there. All times in wall-clock milliseconds.
 * `seen`: it is read · `invalidated`: absent, one of its tags was invalidated after it was written, at `seq` · `stale`:
 * absent, but for `getOrSet`, which may serve it where loading fails · `known-absent`: absent, a loader found nothing, and
 * `getOrSet` loads nothing until that ends · `damaged`: what the store noted beside it cannot be read
 */
export type StandingWithReaders =
  | { readonly state: 'seen'; readonly until: number | undefined }
  | { readonly state: 'invalidated'; readonly tag: string; readonly seq: number }
  | { readonly state: 'stale'; readonly since: number; readonly until: number | undefined }
  | { readonly state: 'known-absent'; readonly until: number | undefined }
  | { readonly state: 'damaged'; readonly error: CorruptError }

/** @param read asks the tier whose entry it is, which has what it says of tags too */
export async function standingWithReaders(
  entry: Entry,
  now: number,
  read: (keys: readonly StoreKey[]) => Promise<readonly Found[]>,
): Promise<StandingWithReaders> {
  try {
    const { tags = [], isAbsence = false, freshUntil } = notesOf(entry)
    const until = entry.expiresAt
    // After the entry itself, as reads do.
    for (const [tag, seq] of tags.length === 0 ? [] : epochsOf(tags, await read(tags.map(tagKey)))) {
      if (seq >= entry.version) return { state: 'invalidated', tag, seq }
    }
    if (isAbsence) return { state: 'known-absent', until }
    if (freshUntil !== undefined && freshUntil <= now) return { state: 'stale', since: freshUntil, until }
    return { state: 'seen', until: freshUntil ?? until }
  } catch (error) {
    if (error instanceof CorruptError) return { state: 'damaged', error }
    throw error
  }
}
