import type { BindingCodec, Codec, EnvelopeCodec, JudgingCodec, ReadingCodec } from './codec.ts'

/** The codec with this id, among these and what they also read. */
export function codecById(codecs: Codec | readonly Codec[], id: number): Codec | undefined {
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
