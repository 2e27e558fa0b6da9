import type { Log, LogPage, LogReadOptions } from '@tidemark/core'

/** Of a log that has pages at hand which were read before. */
export const READ_SOME: unique symbol = Symbol('readSome')

export interface HeldLog {
  /**
   * As {@link Log.read}, but perhaps less than was asked for, where more takes a read; and perhaps as of an earlier look at
   * the log, where a look takes a round trip. Never nothing where there is something.
   */
  [READ_SOME](options: LogReadOptions): Promise<LogPage>
}

/** The next page for one who goes on until there is nothing more, and then waits. */
export function readPage(log: Log & Partial<HeldLog>, options: LogReadOptions): Promise<LogPage> {
  return log[READ_SOME]?.(options) ?? log.read(options)
}
