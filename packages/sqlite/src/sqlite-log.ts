import {
  type KeyHistory,
  type KeyHistoryOptions,
  type Log,
  type LogChange,
  type LogIdentity,
  type LogPage,
  type LogReadOptions,
  type StoreKey,
  type SyncLog,
  wholeAtLeast,
} from '@tidemark/core'
import type { HeadWatch } from './head-watch.ts'
import type { KnownIdentity } from './known-identity.ts'
import type { LogReader } from './log-reader.ts'
import type { LogSearch } from './log-search.ts'

export interface SqliteLogOptions {
  readonly identity: KnownIdentity
  readonly reader: LogReader
  readonly search: LogSearch
  readonly watch: HeadWatch
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

/** The log port over one database. Every answer is at hand; the promises are the port's. */
export class SqliteLog implements Log {
  readonly sync: SyncLog
  readonly #options: SqliteLogOptions

  constructor(options: SqliteLogOptions) {
    this.#options = options
    this.sync = Object.freeze({
      head: () => this.#head(),
      read: (page: LogReadOptions) => this.#read(page),
    })
  }

  get identity(): LogIdentity {
    return this.#options.identity.current
  }

  async head(): Promise<number> {
    return this.#head()
  }

  async floor(): Promise<number> {
    this.#options.assertOpen()
    return this.#options.reader.floor()
  }

  async read(page: LogReadOptions): Promise<LogPage> {
    return this.#read(page)
  }

  async at(seqs: readonly number[]): Promise<readonly (LogChange | undefined)[]> {
    this.#options.assertOpen()
    return this.#options.search.at(seqs)
  }

  async seqBefore(at: number): Promise<number | undefined> {
    this.#options.assertOpen()
    return this.#options.search.seqBefore(at)
  }

  async changesOf(key: StoreKey, options: KeyHistoryOptions): Promise<KeyHistory> {
    this.#options.assertOpen()
    wholeAtLeast('limit', options.limit, 1)
    return this.#options.search.changesOf(key, options)
  }

  async wait(after: number, signal: AbortSignal): Promise<void> {
    this.#options.assertOpen()
    await this.#options.watch.wait(wholeAtLeast('after', after, 0), signal)
  }

  /** Harmless after `close()`, which a nudge from another process may well race with. */
  nudge(): void {
    this.#options.watch.look()
  }

  #head(): number {
    this.#options.assertOpen()
    return this.#options.watch.head()
  }

  #read(page: LogReadOptions): LogPage {
    this.#options.assertOpen()
    wholeAtLeast('after', page.after, 0)
    wholeAtLeast('limit', page.limit, 1)
    return this.#options.reader.read(page)
  }
}
