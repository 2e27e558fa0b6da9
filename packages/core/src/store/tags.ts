import { Payload } from '../codec/payload.ts'
import type { Codec } from '../codec/codec.ts'
import { type KeyRange, prefixRange } from '../keys/key-range.ts'
import { reservedKey, reservedParts } from '../keys/reserved.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { SetWrite } from '../ports/back.ts'
import { type Entry, type Found, isAnswer } from '../ports/entry.ts'
import { notesOf } from './entry-notes.ts'

/** The longest name of a tag, in UTF-16 code units. */
const MAX_TAG_LENGTH = 256
const MAX_TAGS = 64

/** What stands behind the reserved part in the key of a tag. Stored: never change it. */
const TAG = 'tag'

/**
 * The key that stands for a tag. Its version is the tag's epoch: the seq of its last invalidation. It is never deleted,
 * so that no entry can outlive it.
 */
export function tagKey(tag: string): StoreKey {
  return reservedKey(TAG, tag)
}

/** Where the keys of all tags lie. */
export const TAG_KEYS: KeyRange = prefixRange(reservedKey(TAG).tuple)

/** The tag that a change of this key invalidates; undefined when it is not the key of a tag. */
export function tagOfKey(key: StoreKey): string | undefined {
  const parts = reservedParts(key)
  return parts !== undefined && parts[0] === TAG ? (parts[1] as string) : undefined
}

/** The tags of one entry. @throws TypeError or RangeError naming what is wrong. @returns each tag once */
export function checkTags(tags: readonly string[]): readonly string[] {
  const unique = checkTagNames(tags)
  if (unique.length > MAX_TAGS) throw new RangeError(`an entry has at most ${MAX_TAGS} tags, not ${unique.length}`)
  return unique
}

/** As {@link checkTags}, of any number. */
export function checkTagNames(tags: readonly string[]): readonly string[] {
  if (!Array.isArray(tags)) throw new TypeError(`tags must be an array of strings, not ${String(tags)}`)
  for (const tag of tags as readonly unknown[]) {
    if (typeof tag !== 'string') throw new TypeError(`a tag is a string, not ${String(tag)}`)
    if (tag === '' || tag.length > MAX_TAG_LENGTH) {
      throw new RangeError(`a tag has 1 to ${MAX_TAG_LENGTH} characters, not ${tag.length}`)
    }
    if (!tag.isWellFormed()) throw new TypeError('a tag is a well-formed string; this one has a lone surrogate')
  }
  return Object.freeze([...new Set(tags as readonly string[])])
}

/** The write that invalidates a tag. */
export function invalidation(codec: Codec, tag: string): SetWrite {
  return {
    op: 'set',
    key: tagKey(tag),
    payload: Payload.encode(codec, null),
    expiresAt: undefined,
    meta: undefined,
    path: undefined,
  }
}

/** The epoch of each tag, by its name; a tag that is not there is one of which nothing is known. */
export type TagEpochs = ReadonlyMap<string, number>

/** Epochs as a tier answered for the keys of these tags. What no tier holds is not known. */
export function epochsOf(tags: readonly string[], found: readonly Found[]): TagEpochs {
  const epochs = new Map<string, number>()
  for (const [i, tag] of tags.entries()) {
    const answer = found[i]!
    if (isAnswer(answer)) epochs.set(tag, answer.entry?.version ?? 0)
  }
  return epochs
}

/** Epochs as the back tier told them for the keys of these tags inside of a transaction. */
export function epochsOfEntries(tags: readonly string[], entries: readonly (Entry | undefined)[]): TagEpochs {
  return new Map(tags.map((tag, i) => [tag, entries[i]?.version ?? 0]))
}

/**
 * Whether no tag of the entry was invalidated after it was written; of a value that was loaded, its commit has found none
 * invalidated since the load began. Unknown epochs count as invalidated.
 */
export function hasValidTags(entry: Entry, epochs: TagEpochs): boolean {
  const { tags = [] } = notesOf(entry)
  // Not committed yet: it will come after everything that is.
  if (entry.version === 0) return true
  return tags.every((tag) => (epochs.get(tag) ?? Infinity) < entry.version)
}
