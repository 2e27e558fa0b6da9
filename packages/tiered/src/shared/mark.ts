import { CompactedError, type Log, type LogChange, type TailMark } from '@tidemark/core'

/** Commit times are never equal in two histories that a backup has split, unless within a millisecond of one writer. */
export function markOf({ at, origin }: LogChange): TailMark {
  return `${at}.${origin}`
}

/** The mark of the change at `seq`; empty where the log does not have it any more. */
export async function markAt(log: Log, seq: number): Promise<TailMark> {
  if (seq === 0) return ''
  try {
    const { changes } = await log.read({ after: seq - 1, limit: 1, values: false })
    const change = changes[0]
    return change === undefined ? '' : markOf(change)
  } catch (error) {
    if (error instanceof CompactedError) return ''
    throw error
  }
}
