import { between, duration, wholeAtLeast } from '@tidemark/core'

/** How much a buffer holds, and for how long. */
export interface BufferLimits {
  /** A flush begins when so many keys wait for it. It is one commit, which takes the thread some microseconds per key. @default 4_000 */
  readonly maxDirty?: number | undefined
  /** A flush begins when what waits for it, or the journal of it, takes so many bytes. @default 8 MiB */
  readonly maxBytes?: number | undefined
  /** A flush begins when something has waited for so long, in milliseconds. @default 1_000 */
  readonly maxAgeMs?: number | undefined
  /**
   * How many times `maxDirty` and `maxBytes` the buffer holds at most, while flushes are slow or fail. From 80 % of that on
   * a write waits for the next flush; when it is full, writes are refused. 1 or more.
   * @default 4
   */
  readonly capacity?: number | undefined
}

export const BUFFER_LIMITS: readonly (keyof BufferLimits)[] = ['maxDirty', 'maxBytes', 'maxAgeMs', 'capacity']

export type ResolvedLimits = { readonly [name in keyof BufferLimits]-?: number }

const DEFAULT_BYTES = 8 * 1024 * 1024

/** @throws TypeError or RangeError that names the option. */
export function resolveLimits(limits: BufferLimits): ResolvedLimits {
  return {
    maxDirty: wholeAtLeast('option maxDirty', limits.maxDirty ?? 4_000, 1),
    maxBytes: wholeAtLeast('option maxBytes', limits.maxBytes ?? DEFAULT_BYTES, 1),
    maxAgeMs: duration('option maxAgeMs', limits.maxAgeMs ?? 1_000),
    capacity: between('option capacity', limits.capacity ?? 4, 1, Number.MAX_SAFE_INTEGER),
  }
}
