import { CorruptError } from '../errors.ts'
import { sumOfBytes } from './checksum.ts'

/**
 * The first byte of an envelope that holds others, a value of its own first: `[4][checksum of what follows]` and then, for each of
 * them, `[length][envelope]`; checksum and lengths are uint32, big-endian. Stored: never change it.
 */
export const BUNDLE = 4
const SUM_AT = 1
const FIRST_AT = 5
const LENGTH_BYTES = 4

/** @param envelopes one at least: that of the value, and then what it carries. Not kept */
export function bundleOf(envelopes: readonly Uint8Array[]): Uint8Array {
  let size = FIRST_AT
  for (const { length } of envelopes) size += LENGTH_BYTES + length
  const bytes = new Uint8Array(size)
  const view = new DataView(bytes.buffer)
  bytes[0] = BUNDLE
  let at = FIRST_AT
  for (const envelope of envelopes) {
    view.setUint32(at, envelope.length)
    bytes.set(envelope, at + LENGTH_BYTES)
    at += LENGTH_BYTES + envelope.length
  }
  view.setUint32(SUM_AT, sumOfBytes(bytes.subarray(FIRST_AT)))
  return bytes
}

/** What {@link bundleOf} was given; shares the memory. @throws CorruptError unless it is that, whole */
export function envelopesIn(bundle: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(bundle.buffer, bundle.byteOffset, bundle.byteLength)
  if (bundle.length < FIRST_AT + LENGTH_BYTES || view.getUint32(SUM_AT) !== sumOfBytes(bundle.subarray(FIRST_AT))) {
    throw new CorruptError('what is stored with others in it is damaged: its checksum differs')
  }
  const envelopes: Uint8Array[] = []
  let at = FIRST_AT
  while (at < bundle.length) {
    const start = at + LENGTH_BYTES
    at = start > bundle.length ? Infinity : start + view.getUint32(at)
    if (at > bundle.length) throw new CorruptError('what is stored with others in it is truncated')
    envelopes.push(bundle.subarray(start, at))
  }
  return envelopes
}

export function isBundle(envelope: Uint8Array): boolean {
  return envelope[0] === BUNDLE
}
