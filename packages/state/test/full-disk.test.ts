import { createRequire } from 'node:module'
import { Store } from '@tidemark/core'
import { createSqliteBack, type SqliteBack } from '@tidemark/sqlite'
import { eventually } from '@tidemark/testkit'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import { prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { tempFile } from './support/temp.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

const DISK_FULL = { code: 'DISK_FULL', retryable: true, tier: 'sqlite' }
const PAGE_BYTES = 4096
const MUCH = 'x'.repeat(400_000)

interface Filled {
  readonly file: string
  readonly back: SqliteBack
  /** From now on the file takes so many pages more, and then none. */
  readonly full: (pages?: number) => void
  readonly room: () => void
}

/** A store whose disk is as large as the test says: SQLite itself refuses what does not fit. */
function openLimited(): Filled {
  const file = tempFile()
  const pragma = Reflect.get(Database.prototype, 'pragma') as (...args: unknown[]) => unknown
  const used: BetterSqlite3.Database[] = []
  Database.prototype.pragma = function captured(this: BetterSqlite3.Database, ...args: unknown[]) {
    used.push(this)
    return Reflect.apply(pragma, this, args)
  }
  try {
    const back = createSqliteBack({ file, synchronous: 'normal' })
    onTestFinished(() => back.close())
    const db = used.at(-1)!
    return {
      file,
      back,
      full: (pages = 0) =>
        void db.pragma(`max_page_count = ${Number(db.pragma('page_count', { simple: true })) + pages}`),
      room: () => void db.pragma('max_page_count = 1000000'),
    }
  } finally {
    Database.prototype.pragma = pragma as BetterSqlite3.Database['pragma']
  }
}

/** As another process sees what is in the file. */
function another(file: string): SqliteBack {
  const back = createSqliteBack({ file })
  onTestFinished(() => back.close())
  return back
}

describe('prevalent, when the disk is full', () => {
  const open = (store: SqliteBack, options: { snapshotEvery?: number; onError?: (error: unknown) => void } = {}) =>
    prevalent({ store, name: 'bank', initial: bank, transactions, ...options })

  test('what does not fit is DISK_FULL and never was; what fits, and reads, go on; with room, all does', async () => {
    const { back, file, full, room } = openLimited()
    const db = await open(back)
    await db.execute('put', 'ada', 10)
    const { state } = db
    full(8)
    const settled = await Promise.allSettled([
      db.execute('note', { text: MUCH }),
      db.execute('note', { text: MUCH }),
      db.execute('note', { text: MUCH }),
    ])
    for (const each of settled) expect(each).toMatchObject({ status: 'rejected', reason: DISK_FULL })
    expect([db.state, db.number]).toEqual([state, 1])
    expect(db.state).toBe(state)
    expect(await db.execute('pay', 'ada', 'bob', 3)).toBe(3)
    room()
    await db.execute('note', { text: MUCH })
    await db.close()
    const again = await open(another(file))
    expect([again.number, again.state.log, again.recovery.dropped]).toEqual([3, ['ada pays 3', MUCH], []])
    await again.close()
  })

  test('until nothing fits any more: what was acknowledged is in memory and in the file, and nothing else', async () => {
    const { back, file, full, room } = openLimited()
    const db = await open(back)
    full(30)
    const acknowledged: string[] = []
    let refused = 0
    for (let round = 0; refused === 0; round++) {
      // Several at once, each on top of the ones before: of those that share a transaction, all fail or some.
      const texts = Array.from({ length: 7 }, (_, i) => `${round}.${i} `.padEnd(PAGE_BYTES, 'y'))
      const settled = await Promise.allSettled(texts.map((text) => db.execute('note', { text })))
      for (const [i, each] of settled.entries()) {
        if (each.status === 'fulfilled') acknowledged.push(texts[i]!)
        else {
          refused++
          expect(each.reason).toMatchObject(DISK_FULL)
        }
      }
      expect([db.state.log, db.number]).toEqual([acknowledged, acknowledged.length])
    }
    await expect(db.execute('note', { text: MUCH })).rejects.toMatchObject(DISK_FULL)
    room()
    await db.execute('put', 'later', 1)
    await db.close()
    const again = await open(another(file))
    expect([again.state.log, [...again.state.accounts]]).toEqual([acknowledged, [['later', 1]]])
    await again.close()
  })

  test('a snapshot that does not fit is DISK_FULL, or told where nobody waits; the journal has all, and a later one is taken', async () => {
    const { back, file, full, room } = openLimited()
    const errors: unknown[] = []
    const db = await open(back, { snapshotEvery: 5, onError: (error) => errors.push(error) })
    await db.execute('note', { text: MUCH })
    const { state } = db
    full(20)
    await expect(db.snapshot()).rejects.toMatchObject(DISK_FULL)
    expect(db.state).toBe(state)
    for (let i = 0; i < 5; i++) await db.execute('put', 'ada', i)
    await eventually('the snapshot has failed', () => errors.length > 0)
    expect(errors).toMatchObject([DISK_FULL])
    expect(db.state.accounts.get('ada')).toBe(4)
    room()
    await db.snapshot()
    await db.close()
    const again = await open(another(file))
    expect([again.recovery, [...again.state.accounts]]).toEqual([
      { snapshot: 6, replayed: 0, dropped: [] },
      [['ada', 4]],
    ])
    await again.close()
  })
})

describe('states, when the disk is full', () => {
  test('a save is DISK_FULL: all of it or nothing; memory and the last save are what they were, and a later one works', async () => {
    const { back, file, full, room } = openLimited()
    const app = await states(new Store(back))
    const small = app.define('small', 1)
    const large = app.define('large', '')
    await app.saveAll()
    const saved = await app.saves()
    small.value = 2
    large.value = MUCH
    full(8)
    await expect(app.saveAll()).rejects.toMatchObject(DISK_FULL)
    expect([small.value, large.value]).toEqual([2, MUCH])
    expect(await app.saves()).toEqual(saved)
    const other = await states(another(file))
    expect([other.define('small', 0).value, other.define('large', '-').value]).toEqual([1, ''])
    // What fits is saved, also now.
    large.value = 'little'
    expect((await app.saveAll()).number).toBe(2)
    large.value = MUCH
    room()
    expect((await app.saveAll()).number).toBe(3)
    await other.reloadAll({ missing: 'keep' })
    expect([other.define('small', 0).value, other.define('large', '-').value]).toEqual([2, MUCH])
  })
})
