import {
  type KeyRange,
  type Mark,
  type MarkScanOptions,
  type Marks,
  type MarkWrite,
  type MarkWriteOptions,
  type Payload,
  type Proposal,
  type StoreKey,
  wholeAtLeast,
} from '@tidemark/core'
import type { MarkTable } from './mark-table.ts'

export interface SqliteMarksOptions {
  readonly table: MarkTable
  readonly commit: (proposal: Proposal) => Promise<unknown>
  /** @throws ClosedError once the store is closing */
  readonly assertOpen: () => void
}

/** The port of marks over one database. */
export class SqliteMarks implements Marks {
  readonly #options: SqliteMarksOptions

  constructor(options: SqliteMarksOptions) {
    this.#options = options
  }

  async read(keys: readonly StoreKey[]): Promise<readonly (Payload | undefined)[]> {
    this.#options.assertOpen()
    return this.#options.table.read(keys)
  }

  async scan(range: KeyRange, options: MarkScanOptions): Promise<readonly Mark[]> {
    this.#options.assertOpen()
    wholeAtLeast('limit', options.limit, 1)
    return this.#options.table.scan(range, options)
  }

  async write(writes: readonly MarkWrite[], options: MarkWriteOptions = {}): Promise<void> {
    // A commit of nothing else: so it waits its turn, and shares a transaction, as any other.
    await this.#options.commit({ reads: [], decide: () => [], marks: writes, lease: options.lease, keepLease: true })
  }
}
