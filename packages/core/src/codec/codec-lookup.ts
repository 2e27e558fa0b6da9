import { CorruptError } from '../errors.ts'
import type { BindingCodec, Codec, EnvelopeCodec, JudgingCodec, Place, ReadingCodec } from './codec.ts'

/**
 * What `read` makes of something with the codec of this id, among these and what they also read. Where that one lacks something, a
 * key say, or a class: with the next one of the same id, if there is any.
 * @throws what the first one throws; CorruptError: there is none
 */
export function readWith<T>(codecs: Codec | readonly Codec[], id: number, read: (codec: Codec) => T): T {
  const first = codecById(codecs, id)
  if (first === undefined)
    throw new CorruptError(`a stored value was written by codec ${id}, which is not configured`, { mayBeWhole: true })
  try {
    return read(first)
  } catch (error) {
    if (!lacks(error)) throw error
    for (const other of allById(codecs, id)) {
      if (other === first) continue
      try {
        return read(other)
      } catch (another) {
        if (!lacks(another)) throw another
      }
    }
    throw error
  }
}

/** The codec that has bound these bytes, as far as can be told: of several with its id, one that reads them there. */
export function binderOf(codecs: Codec | readonly Codec[], bound: Uint8Array, place: Place): BindingCodec | undefined {
  const binders = allById(codecs, bound[1]!).filter(isBinding)
  const reader = binders.length > 1 ? binders.find((codec) => reads(codec, bound, place)) : undefined
  return reader ?? binders[0]
}

function reads(codec: BindingCodec, bound: Uint8Array, place: Place): boolean {
  try {
    codec.unbind(bound, place)
    return true
  } catch {
    // Whatever it is: who reads the payload, and nobody else who is served with him, is told by the first codec.
    return false
  }
}

/** Whether it says that another codec may be able to read it. */
function lacks(error: unknown): boolean {
  return error instanceof CorruptError && error.mayBeWhole
}

/** In the order in which they are asked. */
function allById(codecs: Codec | readonly Codec[], id: number, found: Codec[] = []): Codec[] {
  if (!('id' in codecs)) {
    for (const codec of codecs) allById(codec, id, found)
    return found
  }
  if (codecs.id === id && !found.includes(codecs)) found.push(codecs)
  return isReading(codecs) ? allById(codecs.alsoReads, id, found) : found
}

/** The first codec with this id, among these and what they also read. */
function codecById(codecs: Codec | readonly Codec[], id: number): Codec | undefined {
  if (!('id' in codecs)) {
    for (const codec of codecs) {
      const found = codecById(codec, id)
      if (found !== undefined) return found
    }
    return undefined
  }
  if (codecs.id === id) return codecs
  return isReading(codecs) ? codecById(codecs.alsoReads, id) : undefined
}

export function isBinding(codec: Codec | readonly Codec[]): codec is BindingCodec {
  return 'bind' in codec
}

export function isEnvelopeCodec(codec: Codec): codec is EnvelopeCodec {
  return 'encodeAfter' in codec && 'decodeAfter' in codec
}

/** Whether each reads what the other writes. Of those that consist of several parts that is known only of one and the same. */
export function areInterchangeable(one: Codec, other: Codec): boolean {
  return one === other || (one.id === other.id && !isReading(one) && !isReading(other))
}

export function isJudging(codec: Codec): codec is JudgingCodec {
  return 'isCurrent' in codec
}

function isReading(codec: Codec): codec is ReadingCodec {
  return 'alsoReads' in codec
}
