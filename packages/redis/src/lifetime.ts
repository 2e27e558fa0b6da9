import { type Clock, type Entry, isExpired } from '@tidemark/core'

export interface LifetimeOptions {
  readonly ttlMs: number
  readonly negativeTtlMs: number
  /** Largest fraction by which a lifetime is shortened, so that what was stored together does not vanish together. */
  readonly jitter: number
  readonly clock: Clock
  /** @returns 0 <= n < 1 */
  readonly random: () => number
}

export interface Lifetime {
  /** Whole milliseconds from now, at least 1. */
  readonly px: number
  /** The same as wall-clock ms. */
  readonly until: number
}

/**
 * How long a record may live: the configured time, shortened by jitter, and never past the end of the entry or of the
 * answer that it was made of. @returns undefined when that end has come.
 */
export function lifetimeOf(
  options: LifetimeOptions,
  entry: Pick<Entry, 'expiresAt'> | undefined,
  bound: number,
): Lifetime | undefined {
  const now = options.clock.now()
  if (bound <= now || (entry !== undefined && isExpired(entry, now))) return undefined
  const longest = entry === undefined ? options.negativeTtlMs : options.ttlMs
  const ttlMs = longest * (1 - options.jitter * options.random())
  const until = Math.min(now + Math.max(1, ttlMs), entry?.expiresAt ?? Infinity, bound)
  // Never up: Redis would keep the record past its end.
  const px = Math.max(1, Math.floor(until - now))
  return { px, until: Math.min(until, now + px) }
}
