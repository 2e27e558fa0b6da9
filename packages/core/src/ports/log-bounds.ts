import { CompactedError, TidemarkError } from '../errors.ts'

export interface LogBounds {
  readonly floor: number
  readonly head: number
}

/**
 * Whether a log can be read on from `after`.
 * @param otherwise how it may have come to end earlier, if it is not another log
 * @throws CompactedError, TidemarkError LOG_AHEAD
 */
export function assertInLog(
  after: number,
  { floor, head }: LogBounds,
  otherwise = 'or was restored from a backup',
): void {
  if (after < floor) throw new CompactedError(after, floor, head)
  if (after <= head) return
  throw new TidemarkError(
    'LOG_AHEAD',
    `the log ends at ${head}, before ${after}: it is another log, ${otherwise}; take a snapshot and follow from ${head}`,
  )
}
