import { type Compacted, type Compaction, type CompactOptions, between, wholeAtLeast } from '@tidemark/core'
import type { GroupCommitter } from './group-committer.ts'
import type { LogCompactor } from './log-compactor.ts'

export interface SqliteCompactionOptions {
  readonly compactor: LogCompactor
  readonly committer: GroupCommitter
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
  /** @throws ClosedError; TidemarkError READ_ONLY */
  readonly assertWritable: () => void
}

/** The port of compaction over one database. Each step takes its place among the commits. */
export class SqliteCompaction implements Compaction {
  readonly #options: SqliteCompactionOptions

  constructor(options: SqliteCompactionOptions) {
    this.#options = options
  }

  async compact(options: CompactOptions): Promise<Compacted> {
    const { compactor, committer } = this.#options
    this.#options.assertWritable()
    wholeAtLeast('upTo', options.upTo, 0)
    wholeAtLeast('limit', options.limit, 1)
    return committer.perform(() => compactor.compact(options))
  }

  async sizeOf(after: number, upTo: number): Promise<number> {
    this.#options.assertOpen()
    return this.#options.compactor.sizeOf(wholeAtLeast('after', after, 0), wholeAtLeast('upTo', upTo, 0))
  }

  async reclaim(bytes: number): Promise<boolean> {
    const { compactor, committer } = this.#options
    this.#options.assertWritable()
    between('bytes', bytes, 1, Number.MAX_SAFE_INTEGER)
    return committer.perform(() => compactor.reclaim(bytes))
  }
}
