import { type Codec, Payload } from '@tidemark/core'

/**
 * Arguments as they are now, again and again: neither their owner nor who gets them can change what is journaled.
 * @throws TidemarkError UNENCODABLE
 */
export function fixed(args: readonly unknown[], codec: Codec): () => readonly unknown[] {
  if (args.every(isPrimitive)) return () => args
  const payload = Payload.encode(codec, args)
  return () => payload.decode() as readonly unknown[]
}

function isPrimitive(arg: unknown): boolean {
  return arg === null || (typeof arg !== 'object' && typeof arg !== 'function' && typeof arg !== 'symbol')
}
