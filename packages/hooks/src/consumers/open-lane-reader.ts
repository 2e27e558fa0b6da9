import { startAfterToken } from '../resume.ts'
import type { RowFilter } from '../change-filter.ts'
import { encodeToken } from '../token.ts'
import type { ConsumerParts } from './consumer-parts.ts'
import type { LaneMark } from './lane-mark.ts'
import { LaneReader } from './lane-reader.ts'

const MIN_PAGE = 500
const MAX_PAGE = 1_000

/** Reads on from the place of a lane, which is checked as a token is. @throws what `startAfterToken` throws */
export async function openLaneReader(
  { log, options }: Pick<ConsumerParts, 'log' | 'options'>,
  { epoch, seq, check }: LaneMark,
  isWanted: RowFilter,
): Promise<LaneReader> {
  // The look at the log is what meets a restore that was declared elsewhere.
  await log.head()
  const token = encodeToken({ id: log.identity.id, epoch, seq, check })
  const pageSize = Math.min(Math.max(options.batch, MIN_PAGE), MAX_PAGE)
  return new LaneReader({ log, pageSize, isWanted }, await startAfterToken(log, token, pageSize))
}
