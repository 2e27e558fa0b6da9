import { createRequire } from 'node:module'
import {
  ALL_KEYS,
  alsoReading,
  createCborCodec,
  createJsonCodec,
  type Entry,
  type Payload,
  RENEWAL_START,
  type RenewalPlace,
  Store,
  StoreKey,
  type Write,
} from '@tidemark/core'
import { ShiftedClock } from '@tidemark/testkit'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { MIGRATIONS } from '../src/schema.ts'
import { capturedDriver } from './support/captured-driver.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, payload, remove, set, setOf, valueOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3
const LARGE = 'x'.repeat(100_000)
const page = { after: undefined, limit: 100, reverse: false }

/** An empty store, and a look into its file. */
function opened(options: Parameters<typeof openTemp>[0] = {}): {
  readonly back: SqliteBack
  readonly db: BetterSqlite3.Database
} {
  const { driver, db } = capturedDriver()
  return { back: openTemp(options, { driver }), db: db() }
}

const versionsApart = (db: BetterSqlite3.Database): unknown =>
  db.prepare('SELECT version FROM large_value ORDER BY version').pluck().all()

/** A payload that takes exactly so many bytes. */
function payloadOf(bytes: number): Payload {
  // Version, codec, and the length of the text, which takes three bytes.
  const made = payload('v'.repeat(bytes - 5))
  expect(made.byteLength).toBe(bytes)
  return made
}

/** How many pages hold what does not fit beside its key. */
const overflowPages = (db: BetterSqlite3.Database): unknown =>
  db.prepare(`SELECT count(*) FROM dbstat WHERE name = 'entry' AND pagetype = 'overflow'`).pluck().get()

describe('a row of entries', () => {
  const key = StoreKey.of('k'.repeat(98))
  const keyBytes = key.bytes.length

  test.each([
    [968 - keyBytes, undefined, false],
    [969 - keyBytes, undefined, true],
    [500, 468 - keyBytes, false],
    [500, 469 - keyBytes, true],
    [300, 5_000, true],
  ])('of a value of %i bytes and meta of %s: is it apart? %s', async (valueBytes, metaBytes, isApart) => {
    const { back, db } = opened()
    const value = payloadOf(valueBytes)
    const meta = metaBytes === undefined ? undefined : payloadOf(metaBytes)
    await back.commit(blind({ op: 'set', key, payload: value, meta, expiresAt: 9e15, path: undefined }))
    expect(versionsApart(db)).toEqual(isApart ? [1] : [])
    const { entry } = back.readOne(key)
    expect([entry!.payload.read(), entry!.meta?.read()]).toEqual([value.read(), meta?.read()])
  })

  test('never goes on on another page, whatever is written', async () => {
    const { back, db } = opened()
    const writes = Array.from({ length: 60 }, (_, i): Write => {
      const sized = {
        ...setOf(['k', i], 0, 9e15),
        payload: payloadOf(940 + i),
        meta: i % 2 === 0 ? undefined : payload(true),
      }
      return sized as Write
    })
    await back.commit(blind(...writes, setOf('larger', LARGE)))
    expect(overflowPages(db)).toBe(0)
    expect(back.readOne(StoreKey.of(['k', 59])).entry!.payload.byteLength).toBe(999)
  })
})

describe('what lies apart', () => {
  test('goes with the version that it belongs to, however that is replaced', async () => {
    const clock = new ShiftedClock()
    const { back, db } = opened({ clock })
    await set(back, 'a', LARGE)
    await set(back, 'a', `${LARGE}2`)
    expect(versionsApart(db)).toEqual([2])
    await set(back, 'a', 'small')
    expect(versionsApart(db)).toEqual([])
    await Promise.all([set(back, 'a', LARGE), set(back, 'a', 'small'), set(back, 'a', LARGE), set(back, 'b', LARGE)])
    expect(versionsApart(db)).toEqual([6, 7])
    await remove(back, 'a')
    expect(versionsApart(db)).toEqual([7])
    await set(back, 'b', LARGE, clock.now() + 1_000)
    clock.step(2_000)
    // Expired, and replaced by a write that does not see it.
    await set(back, 'b', LARGE, clock.now() + 1_000)
    expect(versionsApart(db)).toEqual([10])
    clock.step(2_000)
    await back.expire(9)
    expect(versionsApart(db)).toEqual([])
  })

  test('is written and removed by a commit, or not at all', async () => {
    const { back, db } = opened()
    await set(back, 'a', LARGE)
    db.pragma(`max_page_count = ${(db.pragma('page_count', { simple: true }) as number) + 30}`)
    await expect(set(back, 'a', LARGE + LARGE)).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect([versionsApart(db), await valueOf(back, 'a')]).toEqual([[1], LARGE])
  })

  test('is read in key order, by key and by many keys, with its meta', async () => {
    const { back } = opened()
    const meta = payload('m'.repeat(2_000))
    for (const [i, value] of [LARGE, 'small', 'y'.repeat(2_000), 1].entries())
      await back.commit(blind({ ...setOf(['k', i], value), meta: i < 3 ? meta : undefined } as Write))
    const shown = (entry: Entry | undefined): unknown => entry && [entry.payload.read(), entry.meta?.read()]
    const expected = [LARGE, 'small', 'y'.repeat(2_000), 1].map((value, i) => [value, i < 3 ? meta.read() : undefined])
    const keys = [0, 1, 2, 3].map((i) => StoreKey.of(['k', i]))
    expect(keys.map((key) => shown(back.readOne(key).entry))).toEqual(expected)
    expect((await back.read(keys)).map(({ entry }) => shown(entry))).toEqual(expected)
    expect((await back.scan(ALL_KEYS, page)).entries.map(shown)).toEqual(expected)
    const reversed = await back.scan(ALL_KEYS, { ...page, reverse: true })
    expect(reversed.entries.map(shown)).toEqual(expected.toReversed())
    let seen: unknown
    await back.commit({ reads: keys, decide: (current) => ((seen = current.map(shown)), []) })
    expect(seen).toEqual(expected)
  })

  test.each([1, 31, 32, 33, 70, 1_000])(
    'is on pages of up to %i entries as all others, in either direction',
    async (limit) => {
      const { back } = opened()
      const sizes = Array.from({ length: 100 }, (_, i) => (i > 40 && i % 3 === 0 ? 300_000 : i % 5 === 0 ? 2_000 : 1))
      await back.commit(blind(...sizes.map((size, i) => setOf(i, new Uint8Array(size)))))
      for (const reverse of [false, true]) {
        const [entries, keys]: [unknown[], unknown[]] = [[], []]
        for (let after: StoreKey | undefined, isLast = false; !isLast;) {
          const next = await back.scan(ALL_KEYS, { after, limit, reverse })
          expect(next.entries.length).toBeLessThanOrEqual(limit)
          entries.push(
            ...next.entries.map(({ key, payload: value }) => [key.tuple[0], (value.read() as Uint8Array).length]),
          )
          after = next.entries.at(-1)?.key
          isLast = next.isLast
        }
        for (let after: StoreKey | undefined, isLast = false; !isLast;) {
          const next = await back.scanKeys(ALL_KEYS, { after, limit, reverse })
          keys.push(...next.keys.map(({ key }) => key.tuple[0]))
          after = next.keys.at(-1)?.key
          isLast = next.isLast
        }
        const expected = sizes.map((size, i) => [i, size])
        expect(entries).toEqual(reverse ? expected.toReversed() : expected)
        expect(keys).toEqual((reverse ? expected.toReversed() : expected).map(([i]) => i))
      }
    },
  )

  test('and is missing from a damaged file is damage of that key alone', async () => {
    const json = createJsonCodec()
    const codec = alsoReading(createCborCodec(), json)
    const { back, db } = opened({ codec })
    await set(back, 'a', LARGE)
    await set(back, 'b', LARGE)
    db.exec('DELETE FROM large_value WHERE version = 1')
    const damaged = expect.objectContaining({ code: 'CORRUPT' })
    const entries = [
      back.readOne(StoreKey.of('a')).entry,
      (await back.read([StoreKey.of('a')]))[0]!.entry,
      (await back.scan(ALL_KEYS, page)).entries[0],
    ]
    for (const entry of entries) {
      expect(entry).toMatchObject({ version: 1 })
      expect(() => entry!.payload.read()).toThrow(damaged)
    }
    const store = new Store(back)
    await expect(store.get('a')).rejects.toMatchObject({ code: 'CORRUPT', key: 'a' })
    expect(await store.get('b')).toBe(LARGE)
    expect(await Array.fromAsync(store.keys())).toEqual([['a'], ['b']])
    expect(await store.rewrite()).toMatchObject({ failed: 1, errors: [{ code: 'CORRUPT', key: 'a' }] })
    await set(back, 'a', LARGE)
    expect([versionsApart(db), await valueOf(back, 'a')]).toEqual([[2, 3], LARGE])
  })

  test('takes the place of what a damaged file has there', async () => {
    const { back, db } = opened()
    db.exec(`INSERT INTO large_value VALUES (1, NULL, x'00')`)
    await set(back, 'a', LARGE)
    expect(await valueOf(back, 'a')).toBe(LARGE)
  })
})

describe('a file of schema version 5', () => {
  const MB = 1024 * 1024

  /** With large values, and large meta, in their rows. */
  function written(): string {
    const file = tempFile()
    const db = new Database(file)
    db.pragma('auto_vacuum = incremental')
    db.pragma('journal_mode = wal')
    for (const migration of MIGRATIONS.slice(0, 5)) db.exec(migration)
    const insert = db.prepare('INSERT INTO entry VALUES (?, ?, NULL, ?, ?, ?)')
    const append = db.prepare(`INSERT INTO log VALUES (?, 0, 0, 1, ?, 'earlier', 0, NULL, ?, NULL, ?, ?, NULL)`)
    for (let i = 1; i <= 12; i++) {
      const { bytes: key } = StoreKey.of(['k', i])
      const meta = i % 3 === 0 ? payload('m'.repeat(MB)).bytes : null
      const value = payload(i % 2 === 0 ? 'v'.repeat(MB) : i).bytes
      insert.run(key, i, i, meta, value)
      append.run(i, i, key, meta, value)
    }
    db.exec('UPDATE log_head SET seq = 12, at = 12')
    db.pragma(`application_id = ${0x54_69_64_65}`)
    db.pragma('user_version = 5')
    db.close()
    return file
  }

  const valueAt = (i: number): unknown => (i % 2 === 0 ? 'v'.repeat(MB) : i)
  const metaAt = (i: number): unknown => (i % 3 === 0 ? 'm'.repeat(MB) : undefined)

  function opening(): { readonly back: SqliteBack; readonly db: BetterSqlite3.Database } {
    return opened({ file: written() })
  }

  async function assertWhole(back: SqliteBack): Promise<void> {
    const found: unknown[] = []
    for (let after: StoreKey | undefined, isLast = false; !isLast;) {
      const next = await back.scan(ALL_KEYS, { ...page, after })
      const bytes = next.entries.map(({ payload: value, meta }) => value.byteLength + (meta?.byteLength ?? 0))
      expect(next.entries.length === 1 || bytes.reduce((sum, size) => sum + size, 0) <= 4 * MB).toBe(true)
      found.push(...next.entries.map(({ key, payload: value, meta }) => [key.tuple[1], value.read(), meta?.read()]))
      after = next.entries.at(-1)!.key
      isLast = next.isLast
    }
    const all = Array.from({ length: 12 }, (_, i) => [i + 1, valueAt(i + 1), metaAt(i + 1)])
    expect(found).toEqual(all)
    const keys = all.map(([i]) => StoreKey.of(['k', i as number]))
    const read = await back.read(keys)
    expect(read.map(({ entry }) => [entry!.key.tuple[1], entry!.payload.read(), entry!.meta?.read()])).toEqual(all)
    expect(keys.map((key) => back.readOne(key).entry!.payload.read())).toEqual(all.map(([, value]) => value))
  }

  test('opens without moving anything, and reads as it was written', async () => {
    const { back, db } = opening()
    expect(db.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length)
    expect(versionsApart(db)).toEqual([])
    expect(overflowPages(db)).toBeGreaterThan(0)
    await assertWhole(back)
  })

  test('has what is large apart once that is written again', async () => {
    const { back, db } = opening()
    for (let i = 1; i <= 12; i++)
      await back.commit(
        blind({
          ...setOf(['k', i], valueAt(i)),
          meta: metaAt(i) === undefined ? undefined : payload(metaAt(i)),
        } as Write),
      )
    expect(versionsApart(db)).toHaveLength(8)
    expect(overflowPages(db)).toBe(0)
    await assertWhole(back)
  })

  test('has what is large apart once it was rewritten, a few megabytes at a time', async () => {
    const { back, db } = opening()
    let [steps, renewed] = [0, 0]
    const all = async (): Promise<void> => {
      ;[steps, renewed] = [0, 0]
      for (let place: RenewalPlace | undefined = RENEWAL_START; place !== undefined;) {
        const step = await back.renewal.renew(place, 100)
        place = step.next
        renewed += step.renewed
        steps++
      }
    }
    await all()
    expect(renewed).toBe(8)
    expect(steps).toBeGreaterThan(6)
    expect(versionsApart(db)).toEqual([2, 3, 4, 6, 8, 9, 10, 12])
    expect(overflowPages(db)).toBe(0)
    await assertWhole(back)
    await all()
    expect(renewed).toBe(0)
  })

  test('may be written on by a process of that release, which leaves nothing behind', async () => {
    const { back, db } = opened()
    await set(back, 'a', LARGE)
    await set(back, 'b', LARGE)
    const earlier = new Database(back.file)
    onTestFinished(() => void earlier.close())
    earlier
      .prepare(
        `INSERT INTO entry (key, version, expires_at, written_at, meta, value) VALUES (?, 3, NULL, 3, NULL, ?) ON CONFLICT (key)
         DO UPDATE SET version = excluded.version, expires_at = excluded.expires_at, written_at = excluded.written_at,
         meta = excluded.meta, value = excluded.value`,
      )
      .run(StoreKey.of('a').bytes, payload(1).bytes)
    expect(versionsApart(db)).toEqual([2])
    earlier.prepare('DELETE FROM entry WHERE key IN (?)').run(StoreKey.of('b').bytes)
    expect(versionsApart(db)).toEqual([])
  })
})
