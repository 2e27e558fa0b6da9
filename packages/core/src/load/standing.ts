import { CorruptError } from '../errors.ts'
import type { Entry } from '../ports/entry.ts'
import { notesOf } from '../store/entry-notes.ts'
import { wrongType } from '../store/parts/wrong-type.ts'
import { hasValidTags, type TagEpochs } from '../store/tags.ts'

/** What an entry is worth to who would otherwise load its key. */
export type Standing =
  | { readonly state: 'fresh'; readonly entry: Entry }
  /** Its time is up, its grace is not. */
  | { readonly state: 'stale'; readonly entry: Entry }
  /** A loader found nothing, and that is remembered. */
  | { readonly state: 'known-absent'; readonly entry: Entry }
  | { readonly state: 'unknown'; readonly entry: undefined }

const UNKNOWN: Standing = Object.freeze({ state: 'unknown', entry: undefined })

/**
 * An entry with damaged notes is worth nothing: a load replaces it.
 * @throws TidemarkError WRONG_TYPE for a log or a blob
 */
export function standingOf(entry: Entry | undefined, epochs: TagEpochs, now: number): Standing {
  try {
    return entry === undefined ? UNKNOWN : standingOfReadable(entry, epochs, now)
  } catch (error) {
    if (error instanceof CorruptError) return UNKNOWN
    throw error
  }
}

function standingOfReadable(entry: Entry, epochs: TagEpochs, now: number): Standing {
  const { isAbsence = false, freshUntil = Infinity, type = 'value' } = notesOf(entry)
  if (!hasValidTags(entry, epochs)) return UNKNOWN
  if (type !== 'value') throw wrongType(entry.key, type, 'value')
  if (isAbsence) return { state: 'known-absent', entry }
  return { state: freshUntil > now ? 'fresh' : 'stale', entry }
}

/** When a value ceases to be fresh; Infinity: never. */
export function endOf(entry: Entry): number {
  return notesOf(entry).freshUntil ?? entry.expiresAt ?? Infinity
}
