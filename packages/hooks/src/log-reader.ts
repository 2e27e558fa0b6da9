import { keepAlive, type Log, type LogPage, TidemarkError } from '@tidemark/core'
import { assertEpoch, inEpoch } from './resume.ts'
import { readPage } from './streams/read-page.ts'

/** Where a reader begins: right after change `seq` of an epoch of the log. */
export interface ReaderStart {
  readonly seq: number
  readonly epoch: number
  /** What was read from there on already. */
  readonly page?: LogPage | undefined
}

/**
 * Reads one log forwards, page by page, and vouches for it: what it hands out continues exactly where the last page
 * ended. It knows no subscriber and no filter, since a filtered stream can no longer show a gap.
 */
export class LogReader {
  readonly #log: Log
  readonly #limit: number
  readonly #epoch: number
  #position: number
  #seed: LogPage | undefined
  /** The log ended here when it was read last: there is nothing to read before it has grown. */
  #atHead = false

  constructor(log: Log, limit: number, { seq, epoch, page }: ReaderStart) {
    this.#log = log
    this.#limit = limit
    this.#epoch = epoch
    this.#position = seq
    // A log may bound its pages in other ways too: an empty rest of a page says nothing about what follows.
    this.#seed = page?.changes.length === 0 ? undefined : page
  }

  /** The seq up to which changes were handed out. */
  get position(): number {
    return this.#position
  }

  /**
   * The next page, never empty; waits for one at the end of the log, and keeps the process alive meanwhile. Not to be
   * called again before it has settled.
   *
   * @throws TidemarkError LOG_GAP when the log has lost, repeated or torn something, LOG_EPOCH_CHANGED when it was restored;
   * what the log throws; the reason of
   * `signal` when it aborts during the wait.
   * @param limit how many changes to read at most, beside the rest of their commit
   */
  async next(signal: AbortSignal, limit: number = this.#limit): Promise<LogPage> {
    for (;;) {
      signal.throwIfAborted()
      if (this.#atHead) await this.#grown(signal)
      const page = this.#seed ?? (await this.#read(Math.min(limit, this.#limit)))
      this.#seed = undefined
      const end = endOf(page, this.#position)
      // A wake-up may be spurious: only the next read says whether there is more.
      this.#atHead = end >= page.head
      if (end > this.#position) {
        this.#position = end
        return page
      }
    }
  }

  async #grown(signal: AbortSignal): Promise<void> {
    const grown = keepAlive(() => this.#log.wait(this.#position, signal))
    try {
      // The wait may be what met a restore, and then waits for the log to grow in its new epoch.
      assertEpoch(this.#log, this.#epoch)
    } catch (error) {
      // The stream ends with this, and its signal ends the wait.
      grown.catch(() => undefined)
      throw error
    }
    await grown
  }

  #read(limit: number): Promise<LogPage> {
    return inEpoch(this.#log, this.#epoch, () => readPage(this.#log, { after: this.#position, limit }))
  }
}

/** The last seq of a page that was read after `after`; `after` itself when the page is empty at the end of the log. */
function endOf(page: LogPage, after: number): number {
  let end = after
  for (const { seq } of page.changes) {
    if (seq !== end + 1) throw gap(`change ${seq} came after ${end}`)
    end = seq
  }
  const { last } = page.changes.at(-1) ?? { last: after }
  if (last !== end) throw gap(`the commit that ends with change ${last} was torn after ${end}`)
  if (end === after && page.head > after) throw gap(`nothing came after ${after}, but its head is ${page.head}`)
  return end
}

function gap(what: string): TidemarkError {
  return new TidemarkError('LOG_GAP', `the log is not dense: ${what}; nothing after the gap was delivered`)
}
