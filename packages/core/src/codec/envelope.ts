import { CorruptError, TidemarkError } from '../errors.ts'
import { BUNDLE, envelopesIn } from './bundle.ts'
import type { Codec } from './codec.ts'
import { isEnvelopeCodec, isJudging, readWith } from './codec-lookup.ts'

/**
 * The first byte of every stored value. Version 1: `[1][codec id][payload]`. Version 2, where something is noted beside
 * the value: `[2][codec id][length of the notes, uint16 big-endian][notes][payload]`, in which an empty payload stands for
 * undefined. Version 3, where a codec binds what it writes to its place: `[3][codec id]`, and what that codec makes of an envelope
 * of another version. Version 4: several of these, as `bundleOf` puts them together. A later version may say other things;
 * readers of this release refuse it instead of guessing.
 */
const VERSION = 1
const WITH_NOTES = 2
export const BOUND = 3
const HEADER_BYTES = 2
const NOTES_AT = 4

/** As many as the length has room for. */
const MAX_NOTES_BYTES = 0xffff

/**
 * Encodes a value and says in front of it how. The result is the caller's.
 *
 * @throws TidemarkError UNENCODABLE when the codec cannot encode the value; RangeError when its id is not 0..255.
 */
export function sealValue(codec: Codec, value: unknown): Uint8Array {
  checkId(codec)
  return seal(codec, Uint8Array.of(VERSION, codec.id), value)
}

/** As {@link sealValue}, with notes beside the value; the value undefined: there are only the notes. */
export function sealWithNotes(codec: Codec, notes: Uint8Array, value: unknown): Uint8Array {
  checkId(codec)
  const header = headerWithNotes(codec.id, notes)
  return value === undefined ? header : seal(codec, header, value)
}

/**
 * The same value with other notes, or without any. Decodes nothing.
 * @returns undefined: neither a value nor notes are left
 */
export function withNotes(sealed: Uint8Array, notes: Uint8Array | undefined): Uint8Array | undefined {
  const had = notesOf(sealed)
  const payload = sealed.subarray(had === undefined ? HEADER_BYTES : NOTES_AT + had.length)
  const isEmpty = had !== undefined && payload.length === 0
  if (notes === undefined && isEmpty) return undefined
  return concat(notes === undefined ? Uint8Array.of(VERSION, sealed[1]!) : headerWithNotes(sealed[1]!, notes), payload)
}

/** What is noted beside the value that stands in `bytes` from `start` on; shares their memory. undefined: nothing. */
export function notesOf(bytes: Uint8Array, start = 0): Uint8Array | undefined {
  if (bytes[start] !== WITH_NOTES) return undefined
  return bytes.subarray(start + NOTES_AT, payloadAfterNotes(bytes, start))
}

function payloadAfterNotes(bytes: Uint8Array, start: number): number {
  const at = start + NOTES_AT + ((bytes[start + 2] ?? 0) << 8) + (bytes[start + 3] ?? 0)
  if (at > bytes.length) throw new CorruptError('the notes beside a stored value are truncated')
  return at
}

function headerWithNotes(codecId: number, notes: Uint8Array): Uint8Array {
  const { length } = notes
  if (length > MAX_NOTES_BYTES) throw new RangeError(`at most ${MAX_NOTES_BYTES} bytes can be noted, not ${length}`)
  return concat(Uint8Array.of(WITH_NOTES, codecId, length >>> 8, length & 0xff), notes)
}

function checkId({ id }: Codec): void {
  if ((id & 0xff) !== id) throw new RangeError(`the id of a codec is an integer from 0 to 255, not ${id}`)
}

function seal(codec: Codec, header: Uint8Array, value: unknown): Uint8Array {
  const sealed = encodeWith(codec, header, value)
  if (sealed.length > header.length) return sealed
  throw new TidemarkError(
    'UNENCODABLE',
    `codec ${codec.id} has encoded the value to no bytes, which stand for no value`,
  )
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array {
  const both = new Uint8Array(first.length + second.length)
  both.set(first)
  both.set(second, first.length)
  return both
}

/**
 * Decodes what `sealValue` or `sealWithNotes` produced and what stands in `bytes` from `start` on, with whichever of
 * `codecs` wrote it.
 *
 * @throws CorruptError when the envelope is truncated, of an unknown version or by an unknown codec, or when its payload
 * is damaged.
 */
export function openValue(codecs: Codec | readonly Codec[], bytes: Uint8Array, start = 0): unknown {
  const length = bytes.length - start
  if (length < HEADER_BYTES) throw new CorruptError(`a stored value of ${length} bytes is truncated`)
  const version = bytes[start]
  if (version === BUNDLE) return openOwn(codecs, envelopesIn(bytes.subarray(start))[0]!)
  if (version !== VERSION && version !== WITH_NOTES) throw unopenable(version!, bytes[start + 1]!)
  const id = bytes[start + 1]!
  const at = version === VERSION ? start + HEADER_BYTES : payloadAfterNotes(bytes, start)
  return readWith(codecs, id, (codec) => {
    if (version === WITH_NOTES && at === bytes.length) return undefined
    return decodeWith(codec, at, bytes)
  })
}

/** Of a bundle, whose own value is never one. */
function openOwn(codecs: Codec | readonly Codec[], envelope: Uint8Array): unknown {
  if (envelope[0] === BUNDLE) throw new CorruptError('not a stored value: a bundle in place of its own value')
  return openValue(codecs, envelope)
}

/** Whether the codec would write the value of this envelope in the same way today. */
export function isCurrent(codec: Codec, envelope: Uint8Array): boolean {
  if (envelope[1] !== codec.id) return false
  if (!isJudging(codec)) return true
  const at = envelope[0] === VERSION ? HEADER_BYTES : payloadAfterNotes(envelope, 0)
  return at === envelope.length || codec.isCurrent(envelope.subarray(at))
}

function unopenable(version: number, id: number): CorruptError {
  return new CorruptError(
    version === BOUND
      ? `a stored value is encrypted, or otherwise bound to its place, by codec ${id}, which is not configured`
      : `a stored value is of format version ${version}; this release reads 1 to 4`,
    // None was ever 0, as bytes are that were never written.
    { mayBeWhole: version > 0 },
  )
}

/** A codec of the application, or one within ours, may fail in its own ways; callers rely on ours. */
function encodeWith(codec: Codec, header: Uint8Array, value: unknown): Uint8Array {
  try {
    return isEnvelopeCodec(codec) ? codec.encodeAfter(header, value) : concat(header, codec.encode(value))
  } catch (cause) {
    if (cause instanceof TidemarkError) throw cause
    throw new TidemarkError('UNENCODABLE', `codec ${codec.id} could not encode the value; see the cause`, { cause })
  }
}

function decodeWith(codec: Codec, at: number, bytes: Uint8Array): unknown {
  try {
    return isEnvelopeCodec(codec)
      ? codec.decodeAfter(at, bytes)
      : codec.decode(new Uint8Array(bytes.buffer, bytes.byteOffset + at, bytes.length - at))
  } catch (cause) {
    if (cause instanceof CorruptError) throw cause
    // An error of ours is about something else than these bytes, such as a store that the codec asks.
    const mayBeWhole = cause instanceof TidemarkError
    throw new CorruptError(`codec ${codec.id} could not decode a stored value; see the cause`, { cause, mayBeWhole })
  }
}
