import type { Codec } from '../codec/codec.ts'
import { Payload } from '../codec/payload.ts'
import { CorruptError } from '../errors.ts'
import type { Entry } from '../ports/entry.ts'

/** What is kept at a key: a value, an append log, or a blob. */
export type EntryType = 'value' | 'log' | 'blob'

/**
 * What the store itself notes beside an entry. It stands in the entry's `meta`, in front of what the writer attached,
 * which reads as if there were no notes; an entry of which there is nothing to note has none.
 */
export interface EntryNotes {
  /** The value is not one of a user: it says where the parts of a log or blob are. @default 'value' */
  readonly type?: EntryType | undefined
  /** Wall-clock milliseconds from which the value is stale: kept for `getOrSet`, absent for every other read. */
  readonly freshUntil?: number | undefined
  /** The entry is the knowledge that a loader found nothing: absent for every read. */
  readonly isAbsence?: boolean | undefined
  /** @default none */
  readonly tags?: readonly string[] | undefined
}

/*
 * Layout 1, big-endian: layout (1 byte), flags (1 byte), then what the flags say is there, in this order: freshUntil
 * (float64), the number of tags (1 byte) and of each its length (uint16) and UTF-8, the type (1 byte).
 */
const LAYOUT = 1
const FRESH_UNTIL = 1
const ABSENCE = 2
const TAGS = 4
const TYPE = 8
const KNOWN_FLAGS = FRESH_UNTIL | ABSENCE | TAGS | TYPE

/** By the number that stands for each. Stored: never renumber them. */
const TYPES: readonly EntryType[] = ['value', 'log', 'blob']

const NONE: EntryNotes = Object.freeze({})
const utf8 = new TextEncoder()
const fromUtf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Near memory hands out the same payload again and again. */
const decoded = new WeakMap<Payload, EntryNotes>()

/** What the store noted. @throws CorruptError that names the key. */
export function notesOf({ meta, key, version }: Pick<Entry, 'meta' | 'key' | 'version'>): EntryNotes {
  if (meta === undefined) return NONE
  try {
    return readNotes(meta)
  } catch (cause) {
    if (!(cause instanceof CorruptError)) throw cause
    const text = `what is noted beside ${key.id} at version ${version} is damaged: ${cause.message}`
    throw new CorruptError(text, { key: key.id, cause })
  }
}

/** As {@link notesOf}, of a `meta` alone. @throws CorruptError, without the key. */
function readNotes(meta: Payload): EntryNotes {
  const bytes = meta.notes
  if (bytes === undefined) return NONE
  const known = decoded.get(meta)
  if (known !== undefined) return known
  const notes = Object.freeze(decodeNotes(bytes))
  decoded.set(meta, notes)
  return notes
}

/** Whether a change with this meta is one that says that a loader found nothing. What is damaged says nothing. */
export function noteOfAbsence(meta: Payload | undefined): boolean {
  try {
    return meta !== undefined && readNotes(meta).isAbsence === true
  } catch {
    return false
  }
}

/** As {@link notesOf}, of the type alone. What is damaged reads as a value, whose reader is told of the damage. */
export function typeOf({ meta }: Pick<Entry, 'meta'>): EntryType {
  try {
    return (meta && readNotes(meta).type) ?? 'value'
  } catch {
    return 'value'
  }
}

/** What an entry's `meta` is to be. @param meta undefined: the writer attached nothing */
export function metaOf(codec: Codec, meta: unknown, notes: EntryNotes | undefined): Payload | undefined {
  const bytes = notes && encodeNotes(notes)
  if (bytes !== undefined) return Payload.encodeWithNotes(codec, bytes, meta)
  return meta === undefined ? undefined : Payload.encode(codec, meta)
}

/** What the writer of `meta` attached, with other notes beside it. */
export function metaWithNotes(codec: Codec, meta: Payload | undefined, notes: EntryNotes): Payload | undefined {
  return meta === undefined ? metaOf(codec, undefined, notes) : meta.withNotes(encodeNotes(notes))
}

/** @returns undefined: there is nothing to note */
function encodeNotes({ freshUntil, isAbsence, tags = [], type = 'value' }: EntryNotes): Uint8Array | undefined {
  const flags =
    (freshUntil === undefined ? 0 : FRESH_UNTIL) |
    (isAbsence === true ? ABSENCE : 0) |
    (tags.length > 0 ? TAGS : 0) |
    (type === 'value' ? 0 : TYPE)
  if (flags === 0) return undefined
  const texts = tags.map((tag) => utf8.encode(tag))
  const size = texts.reduce((sum, { length }) => sum + 2 + length, texts.length > 0 ? 1 : 0)
  const bytes = new Uint8Array(2 + (freshUntil === undefined ? 0 : 8) + size + (type === 'value' ? 0 : 1))
  const view = new DataView(bytes.buffer)
  bytes.set([LAYOUT, flags])
  let at = 2
  if (freshUntil !== undefined) {
    view.setFloat64(at, freshUntil)
    at += 8
  }
  if (texts.length > 0) bytes[at++] = texts.length
  for (const text of texts) {
    view.setUint16(at, text.length)
    bytes.set(text, at + 2)
    at += 2 + text.length
  }
  if (type !== 'value') bytes[at] = TYPES.indexOf(type)
  return bytes
}

function decodeNotes(bytes: Uint8Array): EntryNotes {
  const [layout, flags = 0] = bytes
  if (layout !== LAYOUT) throw new CorruptError(`notes are of layout ${layout}; this release reads layout ${LAYOUT}`)
  if ((flags & ~KNOWN_FLAGS) !== 0) throw new CorruptError(`notes have unknown flags, ${flags}`)
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let at = 2
  const number = (): number => view.getFloat64((at += 8) - 8)
  const text = (): string => {
    const start = at + 2
    const end = start + view.getUint16(at)
    if (end > bytes.length) throw new RangeError('a tag is truncated')
    at = end
    return fromUtf8.decode(bytes.subarray(start, end))
  }
  try {
    const freshUntil = flags & FRESH_UNTIL ? number() : undefined
    const tags = flags & TAGS ? Array.from({ length: view.getUint8(at++) }, text) : undefined
    const type = flags & TYPE ? TYPES[view.getUint8(at++)] : 'value'
    if (type === undefined) throw new RangeError('the type is unknown')
    if (at !== bytes.length) throw new RangeError('they are longer than they say')
    return { freshUntil, isAbsence: (flags & ABSENCE) !== 0, tags, type }
  } catch (cause) {
    throw new CorruptError('notes cannot be decoded', { cause })
  }
}
