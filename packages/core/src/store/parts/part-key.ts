import { type KeyRange, prefixRange, rangeWithout } from '../../keys/key-range.ts'
import { MAX_KEY_BYTES } from '../../keys/key.ts'
import { isReserved, reservedKey, reservedParts } from '../../keys/reserved.ts'
import { StoreKey } from '../../keys/store-key.ts'
import { compareBytes } from '../../keys/tuple-order.ts'
import { Uuid } from '../../keys/uuid.ts'

/** What a part is of: elements make a log, chunks a blob. Stored, behind the reserved part of the key: never change them. */
export type PartKind = 'element' | 'chunk'

export const PART_KINDS: readonly PartKind[] = ['element', 'chunk']

/** A part may be that of the one who began it last, and nobody else's: random, so that nobody has to be asked. */
export function newId(): Uuid {
  return Uuid.parse(crypto.randomUUID())
}

/** What the key of a part says. */
export interface PartOf {
  readonly kind: PartKind
  /** Where the log or blob stands. */
  readonly owner: StoreKey
  /** Which log or blob that stood there: each has an id of its own. */
  readonly id: Uuid
}

/** What all parts of one log or blob are under. No entry has this key itself: leases have. */
export function partsKey(kind: PartKind, owner: StoreKey, id: Uuid): StoreKey {
  return reservedKey(kind, ...owner.tuple, id)
}

const APART = PART_KINDS.map((kind) => prefixRange(reservedKey(kind).tuple))

/** What the key of a part takes beside that of its owner: the longer kind, an id, and a number. */
const PART_BYTES = Math.max(...PART_KINDS.map((kind) => reservedKey(kind, 0, newId()).bytes.length))

/** Whether a key is short enough to be that of a log or blob: a longer one never has parts. */
export function hasRoomForParts({ bytes }: StoreKey): boolean {
  return bytes.length + PART_BYTES <= MAX_KEY_BYTES
}

/** @throws RangeError when there is no room for parts behind the key of a log or blob */
export function assertRoomForParts(key: StoreKey): void {
  if (hasRoomForParts(key)) return
  const { id, bytes } = key
  throw new RangeError(
    `the key of a log or a blob may take at most ${MAX_KEY_BYTES - PART_BYTES} bytes when encoded, not ${bytes.length}: ${id.slice(0, 40)}…`,
  )
}

/** What of a range lies outside of all parts. They are many, and large, and read by who knows their log or blob. */
export function rangesWithoutParts(range: KeyRange): readonly KeyRange[] {
  return APART.reduce<readonly KeyRange[]>(
    (ranges, parts) => ranges.flatMap((each) => rangeWithout(each, parts)),
    [range],
  )
}

/** Whether a range holds nothing but parts. */
export function holdsPartsAlone(range: KeyRange): boolean {
  return APART.some(
    ({ start, end }) =>
      compareBytes(range.start, start) >= 0 && range.end !== undefined && compareBytes(range.end, end!) <= 0,
  )
}

/** As the ids of all parts of a kind begin. */
const ID_PREFIXES = PART_KINDS.map((kind) => `${reservedKey(kind).id}:`)

/** Whether it is the key of a part, for who need not know of what. Costs two comparisons of texts, and makes nothing. */
export function isPart({ id }: StoreKey): boolean {
  return ID_PREFIXES.some((prefix) => id.startsWith(prefix))
}

const known = new WeakMap<StoreKey, PartOf>()

/** undefined: the key is not one of a part. Costs a comparison of two texts where it is one of a user. */
export function partOf(key: StoreKey): PartOf | undefined {
  if (!isReserved(key)) return undefined
  const seen = known.get(key)
  if (seen !== undefined) return seen
  const parts = reservedParts(key)!
  const kind = PART_KINDS.find((each) => each === parts[0])
  const id = parts.at(-2)
  if (kind === undefined || parts.length < 4 || !(id instanceof Uuid)) return undefined
  const part = Object.freeze({ kind, owner: StoreKey.of(parts.slice(1, -2)), id })
  known.set(key, part)
  return part
}

/** The key that users know a change or an entry by: of a part, that of its log or blob. */
export function subjectOf(key: StoreKey): StoreKey {
  return partOf(key)?.owner ?? key
}
