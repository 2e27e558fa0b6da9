import { type Codec, Payload } from '@tidemark/core'

/** Arguments as they are now. */
interface FixedArguments {
  /** Again and again: neither their owner nor who gets them can change what is journaled. */
  read(): readonly unknown[]
  /** About as many as they take in the journal. */
  readonly byteLength: number
}

/** @throws TidemarkError UNENCODABLE */
export function fixed(args: readonly unknown[], codec: Codec): FixedArguments {
  if (args.every(isPrimitive)) return { read: () => args, byteLength: lengthOf(args) }
  // Within as much as a record has around them: what is nested too deeply for that is refused here, alone.
  const payload = Payload.encode(codec, [[[args]]])
  const read = (): readonly unknown[] => (payload.decode() as readonly unknown[][][])[0]![0]![0] as readonly unknown[]
  return { read, byteLength: payload.byteLength }
}

function isPrimitive(arg: unknown): boolean {
  return arg === null || (typeof arg !== 'object' && typeof arg !== 'function' && typeof arg !== 'symbol')
}

function lengthOf(primitives: readonly unknown[]): number {
  let length = 0
  for (const each of primitives) length += typeof each === 'string' ? each.length : 9
  return length
}
