import type { LogChange } from '@tidemark/core'
import { hash32 } from './hash.ts'

/** The check of a position whose change is not known: the beginning of the log, or a change that was compacted away. */
export const NO_CHECK = 0

// Part of stored tokens: never renumber.
const OPS = { set: 1, delete: 2, expire: 3 } as const

const utf8 = new TextEncoder()

/**
 * A short id of one change of the log, 1..2^32-1: a hash of its seq, time, op, origin and key. It tells whether the log
 * still holds the change that a token was made after; a restored backup restores id and epoch, but not what followed.
 */
export function checkOf(change: Pick<LogChange, 'seq' | 'at' | 'origin' | 'op' | 'key'>): number {
  const head = new DataView(new ArrayBuffer(17))
  head.setFloat64(0, change.seq)
  head.setFloat64(8, change.at)
  head.setUint8(16, OPS[change.op])
  const origin = utf8.encode(change.origin)
  // The length keeps origin and key apart.
  const length = new Uint8Array([origin.length >>> 8, origin.length])
  const hash = [length, origin, change.key.bytes].reduce(
    (seed, bytes) => hash32(bytes, seed),
    hash32(new Uint8Array(head.buffer)),
  )
  return hash === NO_CHECK ? 1 : hash
}
