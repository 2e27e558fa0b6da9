import type { Clock } from '../clock.ts'
import { CorruptError } from '../errors.ts'
import type { StoreKey } from '../keys/store-key.ts'
import type { Back, ReadBounds, ReadOptions } from '../ports/back.ts'
import { type Entry, type Found, isAnswer, versionOf } from '../ports/entry.ts'
import { type EntryNotes, notesOf } from './entry-notes.ts'
import { epochsAt } from './past-epochs.ts'
import { epochsOf, hasValidTags, tagKey, tagOfKey, type TagEpochs } from './tags.ts'

/** What is asked for entries and tags. */
type ReadBack<R extends ReadOptions> = Pick<Back<R>, 'read' | 'name' | 'log'>

/** What a read of keys rejects with of which the tiers cannot say whether they exist. */
export type NotHeld = (keys: readonly StoreKey[]) => Error

/** Of reads of entries with their tags, while what replaces them carries others each time. Then the back tier is asked. */
const ATTEMPTS = 3

/**
 * What of the entries in the tiers a reader sees: one that is stale, that is the knowledge of an absence, or that carries
 * an invalidated tag, is absent for everybody but `getOrSet`.
 */
export class Visibility<R extends ReadOptions = ReadOptions> {
  readonly #back: ReadBack<R>
  readonly #clock: Clock
  readonly #notHeld: NotHeld | undefined

  /** @param notHeld without it, what no tier knows is absent */
  constructor(back: ReadBack<R>, clock: Clock, notHeld?: NotHeld) {
    this.#back = back
    this.#clock = clock
    this.#notHeld = notHeld
  }

  /** As {@link see}, of what the tiers answered for the key. @throws what `notHeld` says, where that was no answer */
  seeFound(key: StoreKey, found: Found, options: R | undefined): Entry | undefined | Promise<Entry | undefined> {
    if (found.entry !== undefined) return this.see(found.entry, options)
    if (!isAnswer(found)) this.#refuse([key])
    return undefined
  }

  /**
   * As {@link seeAll}, of what the tiers answered for the keys; of one moment, as those answers are.
   * @throws as {@link seeFound}, once for all of them
   */
  async seeAllFound(
    keys: readonly StoreKey[],
    found: readonly Found[],
    options: R | undefined,
  ): Promise<readonly (Entry | undefined)[]> {
    const unknown = keys.filter((_, i) => !isAnswer(found[i]!))
    const seen = await this.#seeTogether(keys, found, options, unknown)
    this.#refuse(unknown)
    return seen
  }

  /** The entry, if a reader sees it. Without a promise, unless it has tags. `options`: as it was read. */
  see(entry: Entry | undefined, options: R | undefined): Entry | undefined | Promise<Entry | undefined> {
    // Most entries have no meta at all: this is what a hit pays.
    if (entry?.meta === undefined) return entry
    if (!isFresh(entry, this.#clock.now())) return undefined
    return tagsOf(entry).length === 0 ? entry : this.#seeTagged(entry, options)
  }

  /** As {@link see}, for many, whose tags are read together. */
  async seeAll(
    entries: readonly (Entry | undefined)[],
    options: R | undefined,
  ): Promise<readonly (Entry | undefined)[]> {
    const unknown: StoreKey[] = []
    const seen = await this.#seeEach(entries, options, unknown)
    this.#refuse(unknown)
    return seen
  }

  /** The epochs of the tags of these entries. */
  async epochs(entries: readonly (Entry | undefined)[], options: (R & ReadBounds) | undefined): Promise<TagEpochs> {
    return readEpochs(this.#back, entries, options)
  }

  /** `unknown` gets the keys of those of which it cannot be said whether they exist. */
  async #seeEach(
    entries: readonly (Entry | undefined)[],
    options: R | undefined,
    unknown: StoreKey[],
  ): Promise<readonly (Entry | undefined)[]> {
    if (entries.every((entry) => entry?.meta === undefined)) return entries
    const now = this.#clock.now()
    const fresh = entries.map((entry) => (entry !== undefined && isFresh(entry, now) ? entry : undefined))
    const epochs = await this.epochs(fresh, options)
    return Promise.all(
      fresh.map(async (entry) =>
        entry === undefined || isValid(entry, epochs) ? entry : this.#seeAnew(entry, epochs, options, unknown),
      ),
    )
  }

  /**
   * As {@link Visibility.#seeEach}. Where a tag makes one of them absent, it may have been invalidated after they were read,
   * and what has taken its place may be half of a commit: then all of them are read again, together with their tags.
   */
  async #seeTogether(
    keys: readonly StoreKey[],
    found: readonly Found[],
    options: R | undefined,
    unknown: StoreKey[],
  ): Promise<readonly (Entry | undefined)[]> {
    let entries = found.map(({ entry }) => entry)
    if (entries.every((entry) => entry?.meta === undefined)) return entries
    entries = this.#freshOf(found)
    // All of them stood when the latest of them was written, and a tag that is valid later was valid then: epochs only grow.
    const including = found.reduce((latest, each) => Math.max(latest, versionOf(each)), 0)
    const { log } = this.#back
    const { epoch } = log.identity
    let epochs = await this.epochs(entries, bounded(options, including))
    // Of a log that was restored meanwhile, the same seqs are other changes.
    let areLater = log.identity.epoch === epoch
    const tags = new Set<string>()
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      if (areLater && entries.every((entry) => entry === undefined || isValid(entry, epochs))) return entries
      for (const tag of entries.flatMap((entry) => (entry === undefined ? [] : tagsOf(entry)))) tags.add(tag)
      const asked = [...tags]
      const answers = await this.#back.read([...keys, ...asked.map(tagKey)], options)
      const together = epochsOf(asked, answers.slice(keys.length))
      epochs = together
      areLater = true
      entries = this.#freshOf(answers.slice(0, keys.length))
      // What has replaced one of them carries another tag, which was not asked for.
      if (entries.some((entry) => entry !== undefined && !tagsOf(entry).every((tag) => tags.has(tag)))) continue
      const isKnown = (entry: Entry | undefined, i: number): boolean =>
        entry === undefined ? isAnswer(answers[i]!) : isValid(entry, together) || isInvalidated(entry, together)
      unknown.splice(0, unknown.length, ...keys.filter((_, i) => !isKnown(entries[i], i)))
      return entries.map((entry) => (entry !== undefined && isValid(entry, together) ? entry : undefined))
    }
    unknown.length = 0
    return this.#seeInSnapshot(keys, options, unknown)
  }

  /**
   * As one snapshot of the back tier has them: the tags are read after it, and of those that were invalidated meanwhile the
   * log tells what they were. Takes three reads, however often the entries are replaced. Where the back tier may not be asked,
   * each of them by itself: what was replaced twice while it was looked for is absent, or not known.
   */
  async #seeInSnapshot(
    keys: readonly StoreKey[],
    options: R | undefined,
    unknown: StoreKey[],
  ): Promise<readonly (Entry | undefined)[]> {
    const ofBackTier = bounded(options, Infinity)
    const found = await this.#back.read(keys, ofBackTier)
    const entries = this.#freshOf(found)
    let epochs = await this.epochs(entries, ofBackTier)
    const asOf = found.find(({ tier }) => tier === this.#back.name)?.asOf
    if (this.#notHeld === undefined && asOf !== undefined) epochs = await epochsAt(this.#back.log, asOf, epochs)
    return entries.map((entry, i) => {
      if (entry !== undefined && isValid(entry, epochs)) return entry
      if (entry !== undefined || !isAnswer(found[i]!)) unknown.push(keys[i]!)
      return undefined
    })
  }

  /** Those that have not ended for their readers, whatever their tags are. */
  #freshOf(found: readonly Found[]): (Entry | undefined)[] {
    const now = this.#clock.now()
    return found.map(({ entry }) => (entry !== undefined && isFresh(entry, now) ? entry : undefined))
  }

  async #seeTagged(entry: Entry, options: R | undefined): Promise<Entry | undefined> {
    // After the entry itself: an invalidation in between hides it, never the other way round.
    const epochs = await this.epochs([entry], options)
    if (isValid(entry, epochs)) return entry
    const unknown: StoreKey[] = []
    const seen = await this.#seeAnew(entry, epochs, options, unknown)
    this.#refuse(unknown)
    return seen
  }

  /**
   * What took the place of an entry that one of its tags makes absent, if anything did. It may have been replaced before that
   * tag was invalidated, and between the two reads, by one that does not carry it: then nothing was ever absent.
   */
  async #seeAnew(
    hidden: Entry,
    epochs: TagEpochs,
    options: R | undefined,
    unknown: StoreKey[],
    attempt = 1,
  ): Promise<Entry | undefined> {
    const { key, version } = hidden
    const [found] = await this.#back.read([key], options)
    const entry = found?.entry
    if (entry !== undefined && entry.version > version) {
      if (!isFresh(entry, this.#clock.now())) return undefined
      if (attempt === ATTEMPTS) return (await this.#seeInSnapshot([key], options, unknown))[0]
      const later = await this.epochs([entry], options)
      return isValid(entry, later) ? entry : this.#seeAnew(entry, later, options, unknown, attempt + 1)
    }
    // Still that one: absent if a tag is known to be invalidated, and otherwise a tag is not known.
    const isKnown = entry === undefined ? found === undefined || isAnswer(found) : isInvalidated(hidden, epochs)
    if (!isKnown) unknown.push(key)
    return undefined
  }

  #refuse(unknown: readonly StoreKey[]): void {
    if (unknown.length > 0 && this.#notHeld !== undefined) throw this.#notHeld(unknown)
  }
}

const NO_EPOCHS: TagEpochs = new Map()
const NO_TAGS: readonly string[] = Object.freeze([])

/** The epochs of the tags of these entries. */
export async function readEpochs<R extends ReadOptions>(
  back: Pick<Back<R>, 'read'>,
  entries: readonly (Entry | undefined)[],
  options: (R & ReadBounds) | undefined,
): Promise<TagEpochs> {
  const tags = [...new Set(entries.flatMap((entry) => (entry === undefined ? [] : tagsOf(entry))))]
  return tags.length === 0 ? NO_EPOCHS : epochsOf(tags, await back.read(tags.map(tagKey), options))
}

/** As the caller asks, and of answers that include so much. */
function bounded<R extends ReadOptions>(options: R | undefined, including: number): R & ReadBounds {
  return { ...options, including } as R & ReadBounds
}

/** The entry, if it is seen by who knows the epochs of its tags. */
export function seenWith(entry: Entry | undefined, epochs: TagEpochs, now: number): Entry | undefined {
  return entry !== undefined && isFresh(entry, now) && isValid(entry, epochs) ? entry : undefined
}

/** As {@link seenWith}, for who asks only what is held already: of a tag that is not held, nothing is known. */
export function seeHeld(entry: Entry, now: number, held: (id: string) => Found | undefined): Entry | undefined {
  if (tagOfKey(entry.key) !== undefined) return undefined
  if (entry.meta === undefined) return entry
  const epochs = new Map<string, number>()
  for (const tag of tagsOf(entry)) {
    const found = held(tagKey(tag).id)
    if (found !== undefined) epochs.set(tag, found.entry?.version ?? 0)
  }
  return seenWith(entry, epochs, now)
}

export function tagsOf(entry: Entry): readonly string[] {
  return readable(entry)?.tags ?? NO_TAGS
}

function isFresh(entry: Entry, now: number): boolean {
  const notes = readable(entry)
  return notes === undefined || (notes.isAbsence !== true && (notes.freshUntil ?? Infinity) > now)
}

function isInvalidated(entry: Entry, epochs: TagEpochs): boolean {
  return tagsOf(entry).some((tag) => (epochs.get(tag) ?? -1) >= entry.version)
}

function isValid(entry: Entry, epochs: TagEpochs): boolean {
  return readable(entry) === undefined || hasValidTags(entry, epochs)
}

/**
 * An entry with damaged notes is seen, so that whoever reads its value is told, as with a damaged value; it stops none of
 * its neighbours. Nobody gets the value: reading it reads the notes first.
 */
function readable(entry: Entry): EntryNotes | undefined {
  try {
    return notesOf(entry)
  } catch (error) {
    if (error instanceof CorruptError) return undefined
    throw error
  }
}
