import type { Compacted, CompactOptions } from '@tidemark/core'
import type { Statement } from 'better-sqlite3'
import type { Connection, RowStatement } from './connection.ts'

/** What a row takes beside its blobs, about. */
const ROW_BYTES = 60

/** A row is what its entry is now. */
// What expires may be replaced without being named as the predecessor.
const IS_CURRENT =
  '(expires_at IS NULL AND EXISTS (SELECT 1 FROM entry e WHERE e.key = log.key AND e.version = log.seq))'

/** Removes rows of the log, within write transactions. */
export class LogCompactor {
  readonly #connection: Connection
  readonly #bounds: RowStatement<readonly [seq: number, floor: number]>
  readonly #oldest: RowStatement<number>
  readonly #place: RowStatement<readonly [position: number, size: number]>
  readonly #removeAll: Statement
  readonly #removeOutdated: Statement
  readonly #removePredecessors: Statement
  readonly #moveFloor: Statement
  readonly #size: RowStatement<number>
  readonly #pageSize: RowStatement<number>
  readonly #freePages: RowStatement<number>

  constructor(connection: Connection) {
    this.#connection = connection
    this.#bounds = connection.prepareRows('SELECT seq, floor FROM log_head WHERE id = 1')
    this.#oldest = connection.prepareColumn(
      'SELECT max(seq) FROM (SELECT seq FROM log WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?)',
    )
    this.#place = connection.prepareRows('SELECT position, size FROM log WHERE seq = ?')
    this.#removeAll = connection.prepare('DELETE FROM log WHERE seq <= ?')
    this.#removeOutdated = connection.prepare(`DELETE FROM log WHERE seq > ? AND seq <= ? AND NOT ${IS_CURRENT}`)
    // What was kept below the floor for these to replace.
    this.#removePredecessors = connection.prepare(
      `DELETE FROM log WHERE seq IN (SELECT prev_version FROM log WHERE seq > ? AND seq <= ? AND prev_version > 0)
       AND seq <= ?`,
    )
    this.#moveFloor = connection.prepare('UPDATE log_head SET floor = ? WHERE id = 1')
    this.#size = connection.prepareColumn(
      `SELECT sum(length(key) + ifnull(length(value), 0) + ifnull(length(meta), 0) + ${ROW_BYTES}) FROM log
       WHERE seq > ? AND seq <= ?`,
    )
    this.#pageSize = connection.prepareColumn('PRAGMA page_size')
    this.#freePages = connection.prepareColumn('PRAGMA freelist_count')
  }

  /** Within a write transaction. */
  compact({ upTo, limit, keepLatest = false }: CompactOptions): Compacted {
    const [head, floor] = this.#bounds.get()!
    const end = Math.min(upTo, head)
    if (!keepLatest) {
      // Some were kept below the floor, and nobody wants them any more: they go first.
      const kept = this.#oldest.get(0, Math.min(floor, end), limit)
      if (kept !== null && kept !== undefined) return { floor, removed: this.#removeAll.run(kept).changes, done: false }
    }
    const last = this.#oldest.get(floor, end, limit)
    const to = typeof last === 'number' ? this.#endOfCommit(last, floor, end) : floor
    if (to <= floor) return { floor, removed: 0, done: true }
    const removed = keepLatest
      ? this.#removePredecessors.run(floor, to, floor).changes + this.#removeOutdated.run(floor, to).changes
      : this.#removeAll.run(to).changes
    this.#moveFloor.run(to)
    return { floor: to, removed, done: to >= end || this.#endOfCommit(to + 1, to, end) <= to }
  }

  sizeOf(after: number, upTo: number): number {
    return this.#connection.read(() => this.#size.get(after, upTo)) ?? 0
  }

  /** Within a write transaction. Nothing comes of it in a file that was created without auto-vacuum. */
  reclaim(bytes: number): boolean {
    const before = this.#freePages.get() ?? 0
    if (before === 0) return false
    const pages = Math.max(1, Math.ceil(bytes / this.#pageSize.get()!))
    this.#connection.pragma(`incremental_vacuum(${pages})`)
    const after = this.#freePages.get() ?? 0
    return after > 0 && after < before
  }

  /** The end of the last commit that lies in `after < seq <= seq` as a whole, or else of the first one, if `end` allows it. */
  #endOfCommit(seq: number, after: number, end: number): number {
    const row = this.#place.get(seq)
    if (row === undefined || seq <= after) return after
    const [position, size] = row
    const last = seq - position + size - 1
    if (last === seq) return seq
    const before = seq - position - 1
    if (before > after) return before
    return last <= end ? last : after
  }
}
