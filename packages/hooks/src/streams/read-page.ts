import type { Log, LogChange, LogPage, LogReadOptions } from '@tidemark/core'

/** Of a log that has pages at hand which were read before. */
export const READ_SOME: unique symbol = Symbol('readSome')

export const AT_ONCE: unique symbol = Symbol('atOnce')

export interface HeldLog {
  /**
   * As {@link Log.read}, but perhaps less than was asked for, where more takes a read; and perhaps as of an earlier look at
   * the log, where a look takes a round trip. Never nothing where there is something.
   */
  [READ_SOME](options: LogReadOptions): Promise<LogPage>
  /** The change of this seq, if it is at hand; also one that the log has let go of meanwhile, which is what it was. */
  [AT_ONCE](seq: number): LogChange | undefined
}

/** As {@link Log.at}, for one who also takes what the log no longer holds. */
export async function changesAt(
  log: Log & Partial<HeldLog>,
  seqs: readonly number[],
): Promise<readonly (LogChange | undefined)[]> {
  const held = seqs.map((seq) => log[AT_ONCE]?.(seq))
  const missing = seqs.filter((_, i) => held[i] === undefined)
  const read = missing.length === 0 ? [] : await log.at(missing)
  let next = 0
  return held.map((change) => change ?? read[next++])
}

/** The next page for one who goes on until there is nothing more, and then waits. */
export function readPage(log: Log & Partial<HeldLog>, options: LogReadOptions): Promise<LogPage> {
  return log[READ_SOME]?.(options) ?? log.read(options)
}
