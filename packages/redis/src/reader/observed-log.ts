import type {
  KeyHistory,
  KeyHistoryOptions,
  Log,
  LogChange,
  LogIdentity,
  LogPage,
  LogReadOptions,
  StoreKey,
} from '@tidemark/core'
import type { RedisStreamLog } from '../relay/redis-stream-log.ts'

/** A stream that tells which changes it has shown, before anybody sees them. */
export class ObservedLog implements Log {
  readonly sync = undefined
  readonly #log: RedisStreamLog
  readonly #observe: (changes: readonly LogChange[]) => void

  constructor(log: RedisStreamLog, observe: (changes: readonly LogChange[]) => void) {
    this.#log = log
    this.#observe = observe
  }

  get identity(): LogIdentity {
    return this.#log.identity
  }

  head(): Promise<number> {
    return this.#log.head()
  }

  floor(): Promise<number> {
    return this.#log.floor()
  }

  async read(options: LogReadOptions): Promise<LogPage> {
    const page = await this.#log.read(options)
    // Without values there is nothing that could be answered with; the next page of who follows has them.
    if (options.values ?? true) this.#observe(page.changes)
    return page
  }

  async at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
    const found = await this.#log.at(seqs)
    this.#observe(found.filter((change) => change !== undefined))
    return found
  }

  seqBefore(at: number): Promise<number | undefined> {
    return this.#log.seqBefore(at)
  }

  async changesOf(key: StoreKey, options: KeyHistoryOptions): Promise<KeyHistory> {
    const history = await this.#log.changesOf(key, options)
    this.#observe(history.changes)
    return history
  }

  wait(after: number, signal: AbortSignal): Promise<void> {
    return this.#log.wait(after, signal)
  }

  nudge(): void {
    this.#log.nudge()
  }
}
