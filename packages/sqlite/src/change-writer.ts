import type { LogChange } from '@tidemark/core'
import { ChunkedStatement } from './chunked-statement.ts'
import type { Connection } from './connection.ts'
import { INSERT_LARGE, isLargeRow } from './large-rows.ts'
import { LOG_COLUMNS, opCode, SET_CODE } from './log-rows.ts'

const UPSERT_TAIL = `ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
  written_at = excluded.written_at, meta = excluded.meta, value = excluded.value`
const UPSERT = 'INSERT INTO entry (key, version, expires_at, written_at, meta, value) VALUES'
const APPEND = `INSERT INTO log (${LOG_COLUMNS}) VALUES`

/**
 * Stores changes in the log and their outcome in the entries.
 *
 * Most changes are plain: a set of one key, without expiry, metadata or path. They have statements of their own, with
 * half as many parameters, and parameters are what a row costs. Sets without the rest, of commits of several changes and
 * of other stores, are what bulk loads and syncs write.
 */
export class ChangeWriter {
  readonly #appendPlain: ChunkedStatement<LogChange>
  readonly #appendSets: ChunkedStatement<LogChange>
  readonly #appendAny: ChunkedStatement<LogChange>
  readonly #upsertPlain: ChunkedStatement<LogChange>
  readonly #upsertAny: ChunkedStatement<LogChange>
  readonly #upsertLarge: ChunkedStatement<LogChange>
  readonly #insertLarge: ChunkedStatement<LogChange>
  readonly #remove: ChunkedStatement<LogChange>

  constructor(connection: Connection) {
    this.#appendPlain = new ChunkedStatement(connection, {
      head: APPEND,
      row: `(?, ${SET_CODE}, 0, 1, ?, ?, ?, NULL, ?, NULL, NULL, NULL, ?)`,
      bind: (change, parameters) => {
        const { seq, at, origin, prevVersion, key, payload } = change
        parameters.push(seq, at, origin, prevVersion, key.bytes, payload!.bytes)
      },
    })
    this.#appendSets = new ChunkedStatement(connection, {
      head: APPEND,
      row: `(?, ${SET_CODE}, ?, ?, ?, ?, ?, NULL, ?, NULL, ?, NULL, ?)`,
      bind: (change, parameters) => {
        const { seq, first, last, at, origin, prevVersion, key, source, payload } = change
        parameters.push(seq, seq - first, last - first + 1, at, origin, prevVersion, key.bytes)
        parameters.push(source === undefined ? null : JSON.stringify(source), payload!.bytes)
      },
    })
    this.#appendAny = new ChunkedStatement(connection, {
      head: APPEND,
      row: '(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)',
      bind: (change, parameters) => {
        const { seq, op, first, last, at, origin, prevVersion, expiresAt, key, path, source, meta, payload } = change
        parameters.push(seq, opCode(op), seq - first, last - first + 1, at, origin, prevVersion, expiresAt ?? null)
        parameters.push(key.bytes, path === undefined ? null : JSON.stringify(path))
        parameters.push(
          source === undefined ? null : JSON.stringify(source),
          meta?.bytes ?? null,
          change.leftOut === true ? null : (payload?.bytes ?? null),
        )
      },
    })
    this.#upsertPlain = new ChunkedStatement(connection, {
      head: UPSERT,
      row: '(?, ?, NULL, ?, NULL, ?)',
      tail: UPSERT_TAIL,
      bind: ({ key, seq, at, payload }, parameters) => {
        parameters.push(key.bytes, seq, at, payload!.bytes)
      },
    })
    this.#upsertAny = new ChunkedStatement(connection, {
      head: UPSERT,
      row: '(?, ?, ?, ?, ?, ?)',
      tail: UPSERT_TAIL,
      bind: ({ key, seq, expiresAt, at, meta, payload }, parameters) => {
        parameters.push(key.bytes, seq, expiresAt ?? null, at, meta?.bytes ?? null, payload!.bytes)
      },
    })
    this.#upsertLarge = new ChunkedStatement(connection, {
      head: UPSERT,
      row: `(?, ?, ?, ?, NULL, x'')`,
      tail: UPSERT_TAIL,
      bind: ({ key, seq, expiresAt, at }, parameters) => {
        parameters.push(key.bytes, seq, expiresAt ?? null, at)
      },
    })
    this.#insertLarge = new ChunkedStatement(connection, {
      head: INSERT_LARGE,
      row: '(?, ?, ?)',
      bind: ({ seq, meta, payload }, parameters) => {
        parameters.push(seq, meta?.bytes ?? null, payload!.bytes)
      },
    })
    this.#remove = new ChunkedStatement(connection, {
      head: 'DELETE FROM entry WHERE key IN (',
      row: '?',
      tail: ')',
      bind: ({ key }, parameters) => {
        parameters.push(key.bytes)
      },
    })
  }

  /** Appends the changes, which are in seq order. */
  append(changes: readonly LogChange[]): void {
    let from = 0
    while (from < changes.length) {
      const plain = isPlainCommit(changes[from]!)
      let to = from + 1
      while (to < changes.length && isPlainCommit(changes[to]!) === plain) to++
      const run = from === 0 && to === changes.length ? changes : changes.slice(from, to)
      if (plain) this.#appendPlain.run(run)
      else if (run.every((change) => isPlain(change) && change.path === undefined && change.leftOut === undefined))
        this.#appendSets.run(run)
      else this.#appendAny.run(run)
      from = to
    }
  }

  /** Makes the entries what the changes say: at most one change per key. */
  store(changes: Iterable<LogChange>): void {
    const plain: LogChange[] = []
    const other: LogChange[] = []
    const large: LogChange[] = []
    const removed: LogChange[] = []
    for (const change of changes) {
      if (change.op !== 'set') removed.push(change)
      else if (isLarge(change)) large.push(change)
      else if (isPlain(change)) plain.push(change)
      else other.push(change)
    }
    this.#upsertPlain.run(plain)
    this.#upsertAny.run(other)
    this.#upsertLarge.run(large)
    this.#insertLarge.run(large)
    this.#remove.run(removed)
  }
}

function isLarge({ key, payload, meta }: LogChange): boolean {
  return isLargeRow(key.bytes.length, payload!.byteLength, meta?.byteLength ?? 0)
}

function isPlain({ op, expiresAt, meta }: LogChange): boolean {
  return op === 'set' && expiresAt === undefined && meta === undefined
}

function isPlainCommit(change: LogChange): boolean {
  const { path, source, leftOut, first, last } = change
  return isPlain(change) && path === undefined && source === undefined && leftOut === undefined && first === last
}
