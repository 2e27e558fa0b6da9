import { CompactedError, type Log, markOf, type TailMark } from '@tidemark/core'

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

/** Whether `seq` is a position in another history of this log. Never, as far as either of the two does not know. */
export async function isElsewhere(log: Log, seq: number, mark: TailMark): Promise<boolean> {
  const expected = mark === '' ? '' : await markAt(log, seq)
  return expected !== '' && expected !== mark
}
