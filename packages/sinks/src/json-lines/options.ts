import { assertKnown, callback, type Clock, clockOption, flag, wholeAtLeast } from '@tidemark/core'

/** When a file is full or old, and what becomes of it then. */
export interface RotateOptions {
  /** A file that holds anything takes no batch that would make it larger. @default any size */
  readonly maxBytes?: number | undefined
  /**
   * A file belongs to one stretch of this many milliseconds, counted in UTC from the epoch: 86_400_000 begins a new one
   * with the first batch after midnight.
   * @default any age
   */
  readonly everyMs?: number | undefined
  /** Whether rotated files are compressed, in the background. @default false */
  readonly gzip?: boolean | undefined
  /** How many rotated files stay; older ones are deleted. @default all */
  readonly keep?: number | undefined
}

export interface JsonLinesOptions {
  /** Whether a batch is on the disk, not with the operating system only, before it counts as done. @default true */
  readonly sync?: boolean | undefined
  /** @default one file, for ever */
  readonly rotate?: RotateOptions | undefined
  /**
   * Gets what compressing or deleting rotated files fails with; it is tried again with the next rotation.
   * @default `close()` rejects with the last one
   */
  readonly onError?: ((error: unknown) => void) | undefined
  readonly clock?: Clock | undefined
}

export interface ResolvedJsonLinesOptions {
  readonly sync: boolean
  readonly maxBytes: number
  readonly everyMs: number
  readonly gzip: boolean
  readonly keep: number
  readonly onError: ((error: unknown) => void) | undefined
  readonly clock: Clock
}

/** @throws TypeError or RangeError, naming the option and what is allowed. */
export function resolveJsonLinesOptions(options: JsonLinesOptions): ResolvedJsonLinesOptions {
  assertKnown(options, ['sync', 'rotate', 'onError', 'clock'], 'jsonLines')
  const { sync = true, rotate = {}, onError, clock } = options
  assertKnown(rotate, ['maxBytes', 'everyMs', 'gzip', 'keep'], 'rotate')
  const { maxBytes, everyMs, gzip = false, keep } = rotate
  const atLeastOne = (name: string, value: number | undefined): number =>
    value === undefined ? Infinity : wholeAtLeast(`option rotate.${name}`, value, 1)
  return Object.freeze({
    sync: flag('option sync', sync),
    maxBytes: atLeastOne('maxBytes', maxBytes),
    everyMs: atLeastOne('everyMs', everyMs),
    gzip: flag('option rotate.gzip', gzip),
    keep: atLeastOne('keep', keep),
    onError: onError && callback('option onError', onError),
    clock: clockOption(clock),
  })
}
