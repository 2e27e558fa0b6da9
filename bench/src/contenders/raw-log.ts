import type Database from 'better-sqlite3'
import { Encoder } from 'cbor-x'
import type { Subject } from '../runner/case.ts'
import { itemOf, stringKeys } from '../workload/item.ts'
import { createPicks } from '../workload/picks.ts'
import { inBatches, openRawSqlite } from './raw-sqlite.ts'

/** The tables of @tidemark/sqlite, column by column. */
const SCHEMA = `
  CREATE TABLE log_head (id INTEGER PRIMARY KEY, seq INTEGER NOT NULL, at INTEGER NOT NULL);
  INSERT INTO log_head VALUES (1, 0, 0);
  CREATE TABLE entry (
    key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, expires_at INTEGER, written_at INTEGER NOT NULL,
    meta BLOB, value BLOB NOT NULL
  ) WITHOUT ROWID;
  CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;
  CREATE TABLE log (
    seq INTEGER PRIMARY KEY, op INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL, at INTEGER NOT NULL,
    origin TEXT NOT NULL, prev_version INTEGER NOT NULL, expires_at INTEGER, key BLOB NOT NULL, path TEXT, meta BLOB,
    value BLOB
  );
`
const UPSERT = `INSERT INTO entry (key, version, expires_at, written_at, meta, value) VALUES`
const UPSERT_TAIL = `ON CONFLICT (key) DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at,
  written_at = excluded.written_at, meta = excluded.meta, value = excluded.value`
const APPEND = `INSERT INTO log (seq, op, position, size, at, origin, prev_version, expires_at, key, path, meta, value) VALUES`

/** Rows per statement, as in @tidemark/sqlite: the number at which a row is cheapest. */
const ROWS = 8
const ORIGIN = '0123456789abcdef'

export interface RawLogOptions {
  readonly folder: string
  readonly items: number
  /** Writes per transaction, each of another item. */
  readonly batch: number
  /** Whether every write leaves a log row too, and every transaction counts up the head. */
  readonly log: boolean
}

/** Batches of values as bytes, with or without their log rows; otherwise statement for statement the same. */
export function rawLog({ folder, items, batch, log }: RawLogOptions): Subject {
  const db = openRawSqlite(folder)
  db.exec(SCHEMA)
  const codec = new Encoder({ useRecords: false })
  const keys = stringKeys(items).map((key) => Buffer.from(key))
  const values = keys.map((_, number) => codec.encode(itemOf(number)))
  const pick = createPicks(items)
  const upsert = chunked(db, UPSERT, '(?, ?, NULL, ?, NULL, ?)', UPSERT_TAIL)
  const append = chunked(db, APPEND, '(?, 0, 0, 1, ?, ?, ?, NULL, ?, NULL, NULL, ?)', '')
  const readHead = db.prepare('SELECT seq FROM log_head').pluck()
  const writeHead = db.prepare('UPDATE log_head SET seq = ?, at = ? WHERE id = 1')
  let seq = 0

  const commit = db.transaction((numbers: readonly number[]) => {
    const at = Date.now()
    const first = log ? (readHead.get() as number) : seq
    seq = first + numbers.length
    if (log) {
      append(numbers, (number, i, row) => row.push(first + i + 1, at, ORIGIN, first, keys[number], values[number]))
    }
    upsert(numbers, (number, i, row) => row.push(keys[number], first + i + 1, at, values[number]))
    if (log) writeHead.run(seq, at)
  })
  inBatches(db, items / ROWS, 100, (chunk) => {
    const numbers = Array.from({ length: ROWS }, (_, i) => chunk * ROWS + i)
    upsert(numbers, (number, _, row) => row.push(keys[number], 0, 0, values[number]))
  })
  return {
    run(times) {
      for (let i = 0; i < times; i++) commit.immediate(distinct(batch, pick))
    },
    async check() {
      commit.immediate(distinct(batch, pick))
      const written = db
        .prepare('SELECT count(*) FROM entry WHERE version > ?')
        .pluck()
        .get(seq - batch)
      const logged = db
        .prepare('SELECT count(*) FROM log WHERE seq > ?')
        .pluck()
        .get(seq - batch)
      if (written !== batch || logged !== (log ? batch : 0)) {
        throw new Error(`${String(written)} written, ${String(logged)} logged`)
      }
    },
    close: async () => void db.close(),
  }
}

/** So many different numbers: a statement cannot touch one row twice. */
export function distinct(count: number, pick: () => number): readonly number[] {
  const numbers = new Set<number>()
  while (numbers.size < count) numbers.add(pick())
  return [...numbers]
}

type Bind = (number: number, index: number, row: unknown[]) => void

function chunked(db: Database.Database, head: string, row: string, tail: string) {
  const several = db.prepare(`${head} ${Array.from({ length: ROWS }, () => row).join(', ')} ${tail}`)
  const single = db.prepare(`${head} ${row} ${tail}`)
  return (numbers: readonly number[], bind: Bind): void => {
    for (let at = 0; at < numbers.length;) {
      const rows = at + ROWS <= numbers.length ? ROWS : 1
      const parameters: unknown[] = []
      for (let i = at; i < at + rows; i++) bind(numbers[i]!, i, parameters)
      const statement = rows === ROWS ? several : single
      statement.run(parameters)
      at += rows
    }
  }
}
