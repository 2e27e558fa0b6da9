import { NO_CHECK } from '../check.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LanePosition } from './lane-mark.ts'
import { startFrom } from './registration.ts'

/** Where a lane that stood still goes on; a number: wall-clock milliseconds. */
export type ResumeFrom = 'mark' | 'start' | 'now' | number

/**
 * The log may be in another epoch by now: whether it still is the one of the mark, its check tells.
 * @throws CompactedError for a time of which the log may have lost something
 */
export async function resumePlace(
  { log }: Pick<ConsumerParts, 'log'>,
  mark: LanePosition,
  from: ResumeFrom,
): Promise<LanePosition> {
  await log.head()
  const { epoch } = log.identity
  if (from === 'mark') return { epoch, seq: mark.seq, check: mark.check }
  if (from !== 'start') {
    const { seq, check } = await startFrom(log, from)
    return { epoch, seq, check }
  }
  return { epoch, seq: await log.floor(), check: NO_CHECK }
}

/**
 * Refuses to hand out again what is committed as done, since its effects are committed with it. A lane whose place the
 * log has lost may go on from the start: that is further on, then.
 * @throws TypeError
 */
export async function assertNotBack(
  parts: Pick<ConsumerParts, 'log' | 'name' | 'options'>,
  lane: number,
  mark: LanePosition,
  from: ResumeFrom,
): Promise<void> {
  const { seq } = await resumePlace(parts, mark, from)
  // Of a log that ends before the mark, there is nothing between its head and the mark to hand out again.
  const done = Math.min(mark.seq, await parts.log.head())
  if (!parts.options.transaction || seq >= done) return
  throw new TypeError(
    `lane ${lane} of consumer ${parts.name} has committed what its handler wrote for the changes up to ${done}: from ` +
      `change ${seq + 1} on, it would be written a second time; resume from 'mark' or from later, or undo what was ` +
      'written, drop the consumer with dropConsumer, and register it anew',
  )
}
