import type { LogChange } from './log.ts'

/**
 * Identifies a change at its seq, so that a seq which is a position in another history of the log, after a restore, is
 * recognised. Empty: not known.
 */
export type TailMark = string

/** Commit times are never equal in two histories that a backup has split, unless within a millisecond of one writer. */
export function markOf({ at, origin }: Pick<LogChange, 'at' | 'origin'>): TailMark {
  return `${at}.${origin}`
}
