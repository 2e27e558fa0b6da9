import type { Database, Statement } from 'better-sqlite3'
import { BLOCKING_MS } from './open-database.ts'
import { type ErrorContext, isBusy, toTidemarkError } from './sqlite-errors.ts'

/** A prepared statement whose rows come as arrays, which is what the driver builds fastest. */
export type RowStatement<Row> = Statement<unknown[], Row>

export interface ConnectionOptions extends ErrorContext {
  readonly busyTimeoutMs: number
}

/** The one connection of a back tier, and its transactions. */
export class Connection {
  readonly #db: Database
  readonly #options: ConnectionOptions
  readonly #begin: Statement
  readonly #beginImmediate: Statement
  readonly #commit: Statement
  readonly #rollback: Statement

  constructor(db: Database, options: ConnectionOptions) {
    this.#db = db
    this.#options = options
    this.#begin = db.prepare('BEGIN')
    this.#beginImmediate = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#rollback = db.prepare('ROLLBACK')
  }

  /** For statements that return no rows. */
  prepare(sql: string): Statement {
    return this.#db.prepare(sql)
  }

  prepareRows<Row extends readonly unknown[]>(sql: string): RowStatement<Row> {
    return this.#db.prepare(sql).raw() as RowStatement<Row>
  }

  /** For statements that return one column. */
  prepareColumn<T>(sql: string): RowStatement<T> {
    return this.#db.prepare(sql).pluck() as RowStatement<T>
  }

  /** Runs a pragma to its end. */
  pragma(text: string): void {
    this.#db.pragma(text)
  }

  /** Runs one reading statement. @throws TidemarkError */
  read<T>(work: () => T): T {
    try {
      return work()
    } catch (error) {
      return this.readAgain(error, work)
    }
  }

  /** Runs several reading statements on one snapshot. @throws TidemarkError */
  snapshot<T>(work: () => T): T {
    // A decision that reads from its own store is inside the writer's transaction, which is a snapshot too.
    if (this.#db.inTransaction) return this.read(work)
    return this.read(() => this.#transact(this.#begin, work))
  }

  /**
   * Runs `work` as the only writer of the file, and commits it; when it throws, nothing was written. Does not wait for
   * other writers.
   *
   * @throws the driver's own errors, so that the caller can tell them apart
   */
  write<T>(work: () => T): T {
    return this.#transact(this.#beginImmediate, work)
  }

  /**
   * What is left to do when a read failed. In WAL mode readers wait for nobody, except while another process recovers
   * or removes the WAL: then this blocks, for as long as a commit may wait.
   */
  readAgain<T>(error: unknown, work: () => T): T {
    if (!isBusy(error)) throw toTidemarkError(error, this.#options)
    this.#db.pragma(`busy_timeout = ${Math.ceil(this.#options.busyTimeoutMs)}`)
    try {
      return work()
    } catch (again) {
      throw toTidemarkError(again, this.#options)
    } finally {
      this.#db.pragma(`busy_timeout = ${BLOCKING_MS}`)
    }
  }

  close(): void {
    this.#db.close()
  }

  #transact<T>(begin: Statement, work: () => T): T {
    begin.run()
    try {
      const result = work()
      this.#commit.run()
      return result
    } catch (error) {
      // SQLite rolls back by itself on some errors, a full disk for one.
      if (this.#db.inTransaction) this.#rollback.run()
      throw error
    }
  }
}
