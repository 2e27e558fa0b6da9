import type { FrontLook } from '@tidemark/core'
import type { Sample } from './samples.ts'

/** Further behind than this, a front is started anew: to replay the log takes longer than to fill it again. */
const MAX_BEHIND = 200_000

/**
 * Why a front has to be started anew. `lost`: its meta is gone, flushed or evicted · `other-epoch`: it came back from before
 * the epoch that was agreed on · `ahead`, `diverged`: it followed, or took changes of, another history of the log, before a
 * restore · `behind`, `compacted`: the log does not lead from where it stands to the head, or only by a long way.
 */
export type StartReason = 'lost' | 'other-epoch' | 'ahead' | 'diverged' | 'behind' | 'compacted'

/**
 * What a look says, taken together with what the back tier said before and after it. Only what held throughout counts:
 * another process may be at work at the same time.
 */
export function diagnose(look: FrontLook, before: Sample, after: Sample): StartReason | undefined {
  const { session, watermark, highest } = look
  if (session.epoch === undefined || watermark === undefined) return 'lost'
  if (before.agreement.term === after.agreement.term && session.epoch !== after.agreement.epoch) return 'other-epoch'
  // What is executed there was committed before, and the head was read after the look.
  if (Math.max(watermark, highest?.seq ?? 0) > after.head) return 'ahead'
  if (after.head - watermark > MAX_BEHIND) return 'behind'
  return undefined
}
