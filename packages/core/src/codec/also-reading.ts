import type { Codec, EnvelopeCodec, JudgingCodec, ReadingCodec } from './codec.ts'
import { isBinding, isEnvelopeCodec, isJudging } from './codec-lookup.ts'
import { codecPort } from '../options/ports.ts'

/**
 * A codec that writes as `codec` does, and reads what any of `others` has written, too: for a store whose settings have
 * changed. Where several have the same id, each reads what the one before it lacks a key, a class or a codec for.
 * @throws TypeError or RangeError for what is no codec, and for a first one that binds what it writes: it names what it reads
 * itself
 */
export function alsoReading(codec: Codec, ...others: readonly Codec[]): Codec {
  for (const each of [codec, ...others]) codecPort('each codec', each)
  if (isBinding(codec)) {
    throw new TypeError('give the others to the codec inside: encrypted(alsoReading(codec, …), …)')
  }
  const already = 'alsoReads' in codec ? (codec as ReadingCodec).alsoReads : []
  const reading: ReadingCodec & Partial<JudgingCodec> = {
    ...(isJudging(codec) && { isCurrent: (bytes: Uint8Array) => codec.isCurrent(bytes) }),
    id: codec.id,
    alsoReads: [...already, ...others],
    encode: (value) => codec.encode(value),
    decode: (bytes) => codec.decode(bytes),
  }
  if (!isEnvelopeCodec(codec)) return reading
  const envelope: EnvelopeCodec & ReadingCodec = {
    ...reading,
    encodeAfter: (prefix, value) => codec.encodeAfter(prefix, value),
    decodeAfter: (prefixLength, bytes) => codec.decodeAfter(prefixLength, bytes),
  }
  return envelope
}
