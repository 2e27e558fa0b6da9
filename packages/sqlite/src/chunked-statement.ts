import type { Statement } from 'better-sqlite3'
import type { Connection } from './connection.ts'
import { repeated } from './value-lists.ts'

/**
 * Rows per statement. Eight is where a row is cheapest, measured: one at a time pays the driver's overhead each, and from
 * sixteen on SQLite itself takes longer per row.
 */
const ROWS = 8

export type Parameter = Uint8Array | string | number | null

export interface ChunkedStatementOptions<T> {
  readonly head: string
  /** The piece of SQL that is repeated for each item. */
  readonly row: string
  readonly tail?: string
  /** Appends the parameters of one item. */
  readonly bind: (item: T, parameters: Parameter[]) => void
}

/** One writing statement for any number of items, run for several of them at once. */
export class ChunkedStatement<T> {
  readonly #several: Statement
  readonly #single: Statement
  readonly #bind: (item: T, parameters: Parameter[]) => void

  constructor(connection: Connection, { head, row, tail = '', bind }: ChunkedStatementOptions<T>) {
    this.#several = connection.prepare(`${head} ${repeated(row, ROWS)} ${tail}`)
    this.#single = connection.prepare(`${head} ${row} ${tail}`)
    this.#bind = bind
  }

  run(items: readonly T[]): void {
    let at = 0
    for (; at + ROWS <= items.length; at += ROWS) this.#runChunk(this.#several, items, at, ROWS)
    for (; at < items.length; at++) this.#runChunk(this.#single, items, at, 1)
  }

  #runChunk(statement: Statement, items: readonly T[], from: number, count: number): void {
    const parameters: Parameter[] = []
    for (let i = from; i < from + count; i++) this.#bind(items[i]!, parameters)
    statement.run(parameters)
  }
}
