import { createRequire } from 'node:module'
import { ALL_KEYS, NO_AGREEMENT, StoreKey } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { APPLICATION_ID, MIGRATIONS } from '../src/schema.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, remove, set, setOf, valueOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

/** A file as version 1 left it: two sets of one key, one of another, a delete. Written out, so that it cannot change with the code. */
const GOLDEN_V1 = `
  PRAGMA application_id = 1416193125;
  PRAGMA journal_mode = wal;
  CREATE TABLE log_head (id INTEGER PRIMARY KEY CHECK (id = 1), seq INTEGER NOT NULL, at INTEGER NOT NULL,
    floor INTEGER NOT NULL, log_id BLOB NOT NULL, epoch INTEGER NOT NULL);
  INSERT INTO log_head VALUES (1, 4, 1700000000004, 0, x'000102030405060708090a0b0c0d0e0f', 3);
  CREATE TABLE entry (key BLOB PRIMARY KEY NOT NULL, version INTEGER NOT NULL, expires_at INTEGER,
    written_at INTEGER NOT NULL, meta BLOB, value BLOB NOT NULL) WITHOUT ROWID;
  CREATE INDEX entry_expiry ON entry (expires_at) WHERE expires_at IS NOT NULL;
  INSERT INTO entry VALUES (x'026100', 2, NULL, 1700000000002, x'0101f5', x'010102');
  CREATE TABLE log (seq INTEGER PRIMARY KEY, op INTEGER NOT NULL, position INTEGER NOT NULL, size INTEGER NOT NULL,
    at INTEGER NOT NULL, origin TEXT NOT NULL, prev_version INTEGER NOT NULL, expires_at INTEGER, key BLOB NOT NULL,
    path TEXT, meta BLOB, value BLOB);
  INSERT INTO log VALUES
    (1, 0, 0, 1, 1700000000001, 'golden', 0, NULL, x'026100', NULL, NULL, x'010101'),
    (2, 0, 0, 2, 1700000000002, 'golden', 1, NULL, x'026100', '["n",0]', x'0101f5', x'010102'),
    (3, 0, 1, 2, 1700000000002, 'golden', 0, 1700000000003, x'026200', NULL, NULL, x'0101f6'),
    (4, 2, 0, 1, 1700000000004, 'golden', 3, NULL, x'026200', NULL, NULL, NULL);
  PRAGMA user_version = 1;
`

/** What version 2 left of that file: marked with a boot, with agreements about two fronts, and one of two leases held. */
const GOLDEN_V2 = `
  ${GOLDEN_V1}
  ALTER TABLE log_head ADD COLUMN boot TEXT;
  UPDATE log_head SET boot = 'one';
  CREATE TABLE front_agreement (front TEXT PRIMARY KEY NOT NULL, epoch TEXT NOT NULL, server TEXT NOT NULL,
    term INTEGER NOT NULL, suspended INTEGER NOT NULL, max_stale_ms REAL NOT NULL) WITHOUT ROWID;
  INSERT INTO front_agreement VALUES ('redis', '0a1b2c3d', 'run', 7, 0, 300), ('second', '', '', 2, 1, 0);
  CREATE TABLE lease (token INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, until INTEGER NOT NULL,
    ttl_ms INTEGER NOT NULL);
  CREATE INDEX lease_until ON lease (until);
  INSERT INTO lease VALUES (4, x'026100', 4102444800000, 60000), (5, x'026200', 1700000000000, 60000);
  DELETE FROM lease WHERE token = 5;
  PRAGMA user_version = 2;
`

/** What version 3 left of that file: writers wait for longer than certificates live. */
const GOLDEN_V3 = `
  ${GOLDEN_V2}
  ALTER TABLE front_agreement ADD COLUMN wait_ms REAL NOT NULL DEFAULT 0;
  UPDATE front_agreement SET wait_ms = 4000 WHERE front = 'redis';
  PRAGMA user_version = 3;
`

/**
 * What version 4 left of that file: a change that was copied, two marks, and a log that was compacted up to the third change,
 * of which the one that made an entry what it is was kept.
 */
const GOLDEN_V4 = `
  ${GOLDEN_V3}
  ALTER TABLE log ADD COLUMN source TEXT;
  CREATE TABLE mark (key BLOB PRIMARY KEY NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;
  INSERT INTO mark VALUES (x'026f666673657400', x'010107'), (x'026100', x'0101f6');
  INSERT INTO log (seq, op, position, size, at, origin, prev_version, expires_at, key, path, meta, value, source) VALUES
    (5, 0, 0, 1, 1700000000005, 'first', 0, NULL, x'026300', NULL, NULL, x'010103',
      '{"log":"elsewhere","seq":41,"at":1600000000000}');
  INSERT INTO entry VALUES (x'026300', 5, NULL, 1700000000005, NULL, x'010103');
  DELETE FROM log WHERE seq IN (1, 3);
  UPDATE log_head SET seq = 5, at = 1700000000005, floor = 3;
  PRAGMA user_version = 4;
`

/** What version 5 left of that file: a lease that was renewed twice. */
const GOLDEN_V5 = `
  ${GOLDEN_V4}
  ALTER TABLE lease ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;
  UPDATE lease SET renewals = 2;
  PRAGMA user_version = 5;
`

/** What version 6 left of that file: an entry whose value and meta lie apart, as if they were large. */
const GOLDEN_V6 = `
  ${GOLDEN_V5}
  CREATE TABLE large_value (version INTEGER PRIMARY KEY, meta BLOB, value BLOB NOT NULL);
  CREATE TRIGGER large_value_replaced AFTER UPDATE OF version ON entry WHEN old.value = x'' BEGIN
    DELETE FROM large_value WHERE version = old.version; END;
  CREATE TRIGGER large_value_removed AFTER DELETE ON entry WHEN old.value = x'' BEGIN
    DELETE FROM large_value WHERE version = old.version; END;
  INSERT INTO entry VALUES (x'026400', 6, NULL, 1700000000006, NULL, x'');
  INSERT INTO large_value VALUES (6, x'0101f5', x'010163616263');
  INSERT INTO log (seq, op, position, size, at, origin, prev_version, expires_at, key, path, meta, value, source) VALUES
    (6, 0, 0, 1, 1700000000006, 'golden', 0, NULL, x'026400', NULL, x'0101f5', x'010163616263', NULL);
  UPDATE log_head SET seq = 6, at = 1700000000006;
  PRAGMA user_version = 6;
`

function golden(schema = GOLDEN_V1): string {
  const file = tempFile()
  const db = new Database(file)
  db.exec(schema)
  db.close()
  return file
}

describe('a file of schema version 1', () => {
  test('reads, logs and writes on', async () => {
    const back = openTemp({ file: golden() })
    expect(back.log.identity).toEqual({ id: '000102030405060708090a0b0c0d0e0f', epoch: 3 })
    const { entry } = back.readOne(StoreKey.of('a'))
    expect(entry).toMatchObject({ version: 2, writtenAt: 1_700_000_000_002 })
    expect([entry!.payload.read(), entry!.meta!.read()]).toEqual([2, true])
    const { changes } = await back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ seq, first, last, op, prevVersion }) => [seq, first, last, op, prevVersion])).toEqual([
      [1, 1, 1, 'set', 0],
      [2, 2, 3, 'set', 1],
      [3, 2, 3, 'set', 0],
      [4, 4, 4, 'expire', 3],
    ])
    expect(changes[1]).toMatchObject({ path: ['n', 0], origin: 'golden' })
    expect(changes[2]!.payload!.read()).toBeNull()
    expect((await set(back, 'a', 'next')).changes[0]).toMatchObject({ seq: 5, prevVersion: 2 })
  })

  test('is what version 1 creates', () => {
    const shape = (sql: string): unknown => {
      const db = new Database(':memory:')
      db.exec(sql)
      const tables = ['log_head', 'entry', 'log'].map((table) => db.pragma(`table_xinfo(${table})`))
      db.close()
      return tables
    }
    expect(shape(MIGRATIONS[0]!)).toEqual(shape(GOLDEN_V1))
  })

  test('gets what version 2 has, empty, and stays the same log', async () => {
    const file = golden()
    const back = openTemp({ file })
    const { identity } = back.log
    expect(identity.epoch).toBe(3)
    expect(back.agreements.sample('redis')).toEqual({ head: 4, agreement: NO_AGREEMENT })
    expect((await back.agreements.change('redis', 0, { epoch: 'e' })).agreement.term).toBe(1)
    expect((await back.leases.acquire(StoreKey.of('a'), 1_000)).lease).toMatchObject({ token: 1 })
    expect((await set(back, 'a', 'next')).changes[0]).toMatchObject({ seq: 5 })
    await back.restored()
    expect(back.log.identity).toEqual({ ...identity, epoch: 4 })
  })

  test('moves on to a later version, once, with its data', async () => {
    const file = golden()
    const migrations = [...MIGRATIONS, 'CREATE TABLE later (x); INSERT INTO later VALUES (1)']
    for (let i = 0; i < 2; i++) {
      const back = openTemp({ file }, { migrations })
      expect(await valueOf(back, 'a')).toBe(2)
      await back.close()
    }
    const db = new Database(file)
    expect(db.pragma('user_version', { simple: true })).toBe(migrations.length)
    expect(db.pragma('application_id', { simple: true })).toBe(APPLICATION_ID)
    expect(db.prepare('SELECT count(*) FROM later').pluck().get()).toBe(1)
    db.close()
    expect(() => openTemp({ file })).toThrow(expect.objectContaining({ code: 'SCHEMA_TOO_NEW' }))
  })

  test('stays as it was when a migration fails', async () => {
    const file = golden()
    const migrations = [...MIGRATIONS, 'CREATE TABLE later (x); CREATE TABLE entry (y)']
    expect(() => openTemp({ file }, { migrations })).toThrow(expect.objectContaining({ code: 'IO' }))
    expect(await valueOf(openTemp({ file }), 'a')).toBe(2)
  })

  test('is not migrated by readOnly', () => {
    const migrations = [...MIGRATIONS, 'CREATE TABLE later (x)']
    expect(() => openTemp({ file: golden(), readOnly: true }, { migrations })).toThrow(
      expect.objectContaining({ code: 'READ_ONLY' }),
    )
  })
})

describe('a file of schema version 2', () => {
  const openGolden = (): SqliteBack => openTemp({ file: golden(GOLDEN_V2) }, { bootId: () => 'one' })

  test('keeps agreements and leases', async () => {
    const back = openGolden()
    expect(back.agreements.sample('redis')).toEqual({
      head: 4,
      agreement: { epoch: '0a1b2c3d', server: 'run', term: 7, suspended: false, maxStaleMs: 300, waitMs: 300 },
    })
    const second = { epoch: '', server: '', term: 2, suspended: true, maxStaleMs: 0, waitMs: 0 }
    expect(back.agreements.sample('second').agreement).toEqual(second)
    expect((await back.leases.acquire(StoreKey.of('b'), 1_000)).lease).toMatchObject({ token: 6 })
    const lease = { key: StoreKey.of('a'), token: 4 }
    expect(await back.leases.renew(lease, 60_000)).toBe(true)
    const { agreements } = await back.commit({ ...blind(setOf('a', 3)), lease })
    expect([...agreements.keys()]).toEqual(['redis', 'second'])
  })

  test('knows the boot in which its commits were not synced', () => {
    const back = openTemp({ file: golden(GOLDEN_V2) }, { bootId: () => 'two' })
    expect(back.agreements.sample('redis').agreement).toMatchObject({ epoch: '', term: 8 })
  })

  test('is what a version 1 file becomes', () => {
    const shape = (...scripts: string[]): unknown => {
      const db = new Database(':memory:')
      for (const sql of scripts) db.exec(sql)
      const tables = ['log_head', 'entry', 'log', 'front_agreement', 'lease'].map((table) => [
        db.pragma(`table_xinfo(${table})`),
        db.pragma(`index_list(${table})`),
      ])
      db.close()
      return tables
    }
    expect(shape(...MIGRATIONS.slice(0, 2))).toEqual(shape(GOLDEN_V2))
  })
})

describe('a file of schema version 3', () => {
  test('keeps how long writers wait', () => {
    const back = openTemp({ file: golden(GOLDEN_V3) }, { bootId: () => 'one' })
    expect(back.agreements.sample('redis').agreement).toMatchObject({ term: 7, maxStaleMs: 300, waitMs: 4_000 })
  })

  test('is what a version 2 file becomes', () => {
    const shape = (...scripts: string[]): unknown => {
      const db = new Database(':memory:')
      for (const sql of scripts) db.exec(sql)
      const columns = db.pragma('table_xinfo(front_agreement)')
      db.close()
      return columns
    }
    expect(shape(...MIGRATIONS.slice(0, 3))).toEqual(shape(GOLDEN_V3))
  })
})

describe('a file of schema version 4', () => {
  const openGolden = (): SqliteBack => openTemp({ file: golden(GOLDEN_V4) }, { bootId: () => 'one' })

  test('keeps marks, where changes came from, and what was kept below the floor', async () => {
    const back = openGolden()
    const marks = await back.marks.scan(ALL_KEYS, { after: undefined, limit: 9 })
    expect(marks.map(({ key, value }) => [key.id, value.read()])).toEqual([
      ['a', null],
      ['offset', 7],
    ])
    expect(await back.log.floor()).toBe(3)
    const { changes } = await back.log.read({ after: 3, limit: 9 })
    expect(changes.map(({ seq, origin, source }) => [seq, origin, source])).toEqual([
      [4, 'golden', undefined],
      [5, 'first', { log: 'elsewhere', seq: 41, at: 1_600_000_000_000 }],
    ])
    const history = await back.log.changesOf(StoreKey.of('a'), { limit: 9 })
    expect([history.changes.map(({ seq, path }) => [seq, path]), history.end]).toEqual([[[2, ['n', 0]]], 'floor'])
    await expect(back.log.read({ after: 2, limit: 9 })).rejects.toMatchObject({ code: 'LOG_COMPACTED', floor: 3 })
  })

  test('is what a version 3 file becomes', () => {
    const shape = (...scripts: string[]): unknown => {
      const db = new Database(':memory:')
      for (const sql of scripts) db.exec(sql)
      const columns = ['log', 'mark'].map((table) => db.pragma(`table_xinfo(${table})`))
      db.close()
      return columns
    }
    expect(shape(...MIGRATIONS.slice(0, 4))).toEqual(shape(GOLDEN_V4))
  })

  test('made of a version 3 file has no mark, and every change was written here', async () => {
    const back = openTemp({ file: golden(GOLDEN_V3) }, { bootId: () => 'one' })
    expect(await back.marks.scan(ALL_KEYS, { after: undefined, limit: 9 })).toEqual([])
    const { changes } = await back.log.read({ after: 0, limit: 9 })
    expect(changes.map(({ source }) => source)).toEqual([undefined, undefined, undefined, undefined])
    await back.compaction.compact({ upTo: 4, limit: 9, keepLatest: true })
    expect((await back.log.at([1, 2, 3, 4])).map((change) => change?.seq)).toEqual([undefined, 2, undefined, undefined])
    // Created without auto-vacuum, which only a new file can have.
    expect(await back.compaction.reclaim(1_000)).toBe(false)
  })
})

describe('a file of schema version 5', () => {
  test('keeps leases, which are renewed on', async () => {
    const back = openTemp({ file: golden(GOLDEN_V5) }, { bootId: () => 'one' })
    const lease = { key: StoreKey.of('a'), token: 4 }
    expect((await back.leases.remaining([lease.key]))[0]).toBeGreaterThan(0)
    expect(await back.leases.renew(lease, 60_000)).toBe(true)
    await back.close()
    const db = new Database(back.file)
    expect(db.prepare('SELECT token, renewals, ttl_ms FROM lease').raw().all()).toEqual([[4, 3, 60_000]])
    db.close()
  })

  test('is what a version 4 file becomes', () => {
    const shape = (...scripts: string[]): unknown => {
      const db = new Database(':memory:')
      for (const sql of scripts) db.exec(sql)
      const shapes = [db.pragma('table_xinfo(lease)'), db.pragma('index_list(lease)')]
      db.close()
      return shapes
    }
    expect(shape(...MIGRATIONS.slice(0, 5))).toEqual(shape(GOLDEN_V5))
  })
})

describe('a file of schema version 6', () => {
  test('reads what lies apart, and loses it with its entry', async () => {
    const back = openTemp({ file: golden(GOLDEN_V6) }, { bootId: () => 'one' })
    const { entry } = back.readOne(StoreKey.of('d'))
    expect([entry!.version, entry!.payload.read(), entry!.meta!.read()]).toEqual([6, 'abc', true])
    await remove(back, 'd')
    await back.close()
    const db = new Database(back.file)
    expect(db.prepare('SELECT count(*) FROM large_value').pluck().get()).toBe(0)
    db.close()
  })

  test('is what a version 5 file becomes', () => {
    const shape = (...scripts: string[]): unknown => {
      const db = new Database(':memory:')
      for (const sql of scripts) db.exec(sql)
      const triggers = db.prepare(`SELECT name, tbl_name FROM sqlite_schema WHERE type = 'trigger'`).raw().all()
      const shapes = [db.pragma('table_xinfo(large_value)'), triggers]
      db.close()
      return shapes
    }
    expect(shape(...MIGRATIONS)).toEqual(shape(GOLDEN_V6))
  })
})
