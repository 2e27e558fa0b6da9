import { CorruptError } from '../errors.ts'
import { bundleOf, envelopesIn, isBundle } from './bundle.ts'
import type { Codec } from './codec.ts'
import { BOUND, isCurrent, notesOf, openValue, sealValue, sealWithNotes } from './envelope.ts'

/** As many bundles within one another as anybody makes, and some more. */
const MAX_DEPTH = 8

/**
 * The same value, and whatever it carries, as `codec` writes them today; the same bytes: they are written so. What is written so
 * is not decoded.
 * @param readers what reads it as it is
 * @throws CorruptError for what cannot be read; TidemarkError UNENCODABLE for what `codec` does not write
 */
export function renewed(
  readers: Codec | readonly Codec[],
  codec: Codec,
  envelope: Uint8Array,
  depth: number = 0,
): Uint8Array {
  if (isBundle(envelope)) {
    if (depth > MAX_DEPTH) throw new CorruptError('not a stored value: it is nested too deeply')
    const carried = envelopesIn(envelope)
    const anew = carried.map((each) => renewed(readers, codec, readable(each), depth + 1))
    return anew.every((each, i) => each === carried[i]) ? envelope : bundleOf(anew)
  }
  if (isCurrent(codec, envelope)) return envelope
  const notes = notesOf(envelope)
  const value = openValue(readers, envelope)
  return notes === undefined ? sealValue(codec, value) : sealWithNotes(codec, notes, value)
}

/** Whoever carries something as it was bound could not read it. */
function readable(carried: Uint8Array): Uint8Array {
  if (carried[0] !== BOUND) return carried
  throw new CorruptError('it carries what was encrypted for another place, and could not be read there')
}
