import {
  type Codec,
  compareBytes,
  type KeyRange,
  type Mark,
  type MarkScanOptions,
  type MarkWrite,
  type Payload,
  type StoreKey,
} from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'
import { toKey, toPayload } from './entry-rows.ts'
import { NO_END } from './no-end.ts'

/** The marks, read on their own, and written within write transactions. */
export class MarkTable {
  readonly #connection: Connection
  readonly #codec: Codec
  readonly #byKey: RowStatement<Uint8Array>
  readonly #page: RowStatement<readonly [key: Uint8Array, value: Uint8Array]>
  readonly #pageAfter: RowStatement<readonly [key: Uint8Array, value: Uint8Array]>
  readonly #put: Statement
  readonly #remove: Statement

  constructor(connection: Connection, codec: Codec) {
    this.#connection = connection
    this.#codec = codec
    this.#byKey = connection.prepareColumn('SELECT value FROM mark WHERE key = ?')
    const page = (from: string): string => `SELECT key, value FROM mark WHERE ${from} AND key < ? ORDER BY key LIMIT ?`
    this.#page = connection.prepareRows(page('key >= ?'))
    this.#pageAfter = connection.prepareRows(page('key > ?'))
    this.#put = connection.prepare(
      'INSERT INTO mark (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value',
    )
    this.#remove = connection.prepare('DELETE FROM mark WHERE key = ?')
  }

  read(keys: readonly StoreKey[]): readonly (Payload | undefined)[] {
    return this.#connection.snapshot(() =>
      keys.map((key) => toPayload(this.#codec, this.#byKey.get(key.bytes) ?? null)?.at(key, 0, 'mark')),
    )
  }

  scan({ start, end = NO_END }: KeyRange, { after, limit }: MarkScanOptions): readonly Mark[] {
    const rows = this.#connection.read(() =>
      // A key from outside the range must not widen it.
      after === undefined || compareBytes(after.bytes, start) < 0
        ? this.#page.all(start, end, limit)
        : this.#pageAfter.all(after.bytes, end, limit),
    )
    return rows.map(([bytes, value]) => {
      const key = toKey(bytes)
      return { key, value: toPayload(this.#codec, value)!.at(key, 0, 'mark') }
    })
  }

  write(writes: readonly MarkWrite[]): void {
    for (const { key, value, expected } of writes) {
      if (expected !== undefined && !this.#isStill(key, expected)) continue
      if (value === undefined) this.#remove.run(key.bytes)
      else this.#put.run(key.bytes, value.boundTo(this.#codec, key, 0, 'mark').bytes)
    }
  }

  #isStill(key: StoreKey, expected: Payload): boolean {
    const stored = this.#byKey.get(key.bytes)
    return stored !== undefined && compareBytes(stored, expected.bytes) === 0
  }
}
