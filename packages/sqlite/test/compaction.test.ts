import { createRequire } from 'node:module'
import { statSync } from 'node:fs'
import { CompactedError } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { startChild } from './support/children.ts'
import { counted } from './support/counted.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, payload, set, setOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

const LARGE = 'x'.repeat(2_000)

/** So many changes of their own keys, in commits of ten. */
async function fill(back: SqliteBack, count: number, value: unknown = 1): Promise<void> {
  for (let i = 0; i < count; i += 10) {
    await back.commit(blind(...Array.from({ length: 10 }, (_, j) => setOf(['k', (i + j) % 300], value))))
  }
}

async function compactAll(back: SqliteBack, keepLatest = false): Promise<void> {
  const upTo = await back.log.head()
  while (!(await back.compaction.compact({ upTo, limit: 100, keepLatest })).done);
}

describe('a step of compaction', () => {
  test.each([false, true])(
    'is a transaction of a few statements, however much there is (keepLatest: %s)',
    async (keepLatest) => {
      const counter = counted()
      const back = openTemp({ synchronous: 'normal' }, counter)
      await fill(back, 3_000)
      for (const limit of [10, 500]) {
        counter.statements.length = 0
        const { removed } = await back.compaction.compact({ upTo: 3_000, limit, keepLatest })
        expect(removed).toBe(limit)
        expect(counter.statements.filter((sql) => sql === 'BEGIN IMMEDIATE' || sql === 'COMMIT')).toHaveLength(2)
        expect(counter.statements.length).toBeLessThanOrEqual(keepLatest ? 12 : 10)
      }
    },
  )

  test('shares a transaction with the commits of its turn, and comes in its place', async () => {
    const counter = counted()
    const back = openTemp({}, counter)
    await fill(back, 20)
    counter.statements.length = 0
    const [, step] = await Promise.all([
      set(back, 'a', 1),
      back.compaction.compact({ upTo: 99, limit: 10 }),
      set(back, 'b', 1),
    ])
    expect(counter.statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
    expect(step).toMatchObject({ floor: 10 })
    expect((await back.log.read({ after: 10, limit: 99 })).changes).toHaveLength(12)
  })

  test('waits for another process as a commit does, and says that it was busy', async () => {
    const file = tempFile()
    const back = openTemp({ file, busyTimeoutMs: 30 })
    await fill(back, 10)
    const db = new Database(file)
    db.exec('BEGIN IMMEDIATE')
    await expect(back.compaction.compact({ upTo: 10, limit: 10 })).rejects.toMatchObject({
      code: 'BUSY',
      retryable: true,
    })
    await expect(back.compaction.reclaim(1)).rejects.toMatchObject({ code: 'BUSY' })
    db.exec('ROLLBACK')
    db.close()
    expect(await back.log.floor()).toBe(0)
    expect(await back.compaction.compact({ upTo: 10, limit: 10 })).toMatchObject({ floor: 10 })
  })

  test('takes nothing from who reads on one snapshot', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    await fill(back, 50)
    const db = new Database(file, { readonly: true })
    const seqs = (): unknown =>
      db.prepare('SELECT floor FROM log_head UNION ALL SELECT count(*) FROM log').pluck().all()
    db.exec('BEGIN')
    expect(seqs()).toEqual([0, 50])
    await compactAll(back)
    expect(seqs()).toEqual([0, 50])
    db.exec('COMMIT')
    expect(seqs()).toEqual([50, 0])
    db.close()
  })

  test('is refused by readOnly', async () => {
    const file = tempFile()
    await fill(openTemp({ file }), 10)
    const back = openTemp({ file, readOnly: true })
    await expect(back.compaction.compact({ upTo: 1, limit: 1 })).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(back.compaction.reclaim(1)).rejects.toMatchObject({ code: 'READ_ONLY' })
    await expect(back.marks.write([])).rejects.toMatchObject({ code: 'READ_ONLY' })
    expect(await back.compaction.sizeOf(0, 10)).toBeGreaterThan(0)
    expect(await back.marks.read([])).toEqual([])
  })
})

describe('the room that compaction frees', () => {
  const sizeOf = (file: string): number => statSync(file).size

  /** As the file is once everything that was written has arrived in it. */
  async function sizeAfterwards(file: string, back: SqliteBack): Promise<number> {
    await back.close()
    return sizeOf(file)
  }

  test('is given back, a piece at a time', async () => {
    const file = tempFile()
    const before = openTemp({ file, synchronous: 'normal' })
    await fill(before, 2_000, LARGE)
    const large = await sizeAfterwards(file, before)
    expect(large).toBeGreaterThan(4_000_000)

    const back = openTemp({ file, synchronous: 'normal' })
    await compactAll(back)
    const compacted = await sizeAfterwards(file, back)
    expect(compacted).toBeGreaterThan(0.9 * large)

    const again = openTemp({ file, synchronous: 'normal' })
    expect(await again.compaction.reclaim(100 * 4_096)).toBe(true)
    await again.close()
    expect(compacted - sizeOf(file)).toBeGreaterThan(90 * 4_096)
    expect(compacted - sizeOf(file)).toBeLessThan(110 * 4_096)

    const last = openTemp({ file, synchronous: 'normal' })
    for (let steps = 1; await last.compaction.reclaim(100 * 4_096); steps++) expect(steps).toBeLessThan(100)
    expect(last.readOne(setOf(['k', 7], 1).key).entry!.payload.read()).toBe(LARGE)
    await last.close()
    // What is left are three hundred entries.
    expect(sizeOf(file)).toBeLessThan(0.3 * large)
    const db = new Database(file)
    expect([db.pragma('freelist_count', { simple: true }), db.pragma('integrity_check', { simple: true })]).toEqual([
      0,
      'ok',
    ])
    db.close()
  })

  test('is used again in a file from before, which does not shrink', async () => {
    const file = tempFile()
    const db = new Database(file)
    // As earlier releases created it: the first page is written without auto-vacuum.
    db.pragma('journal_mode = wal')
    db.exec('CREATE TABLE first (x); DROP TABLE first')
    expect(db.pragma('auto_vacuum', { simple: true })).toBe(0)
    db.close()
    const sizes: number[] = []
    for (let round = 0; round < 4; round++) {
      const back = openTemp({ file, synchronous: 'normal' })
      await fill(back, 1_000, LARGE)
      await compactAll(back)
      expect(await back.compaction.reclaim(1_000_000)).toBe(false)
      sizes.push(await sizeAfterwards(file, back))
    }
    expect(sizes[0]).toBeGreaterThan(2_000_000)
    for (const size of sizes) expect(size).toBeLessThan(1.2 * sizes[0]!)
  })

  test('keeps a log that is kept short from growing the file', async () => {
    const file = tempFile()
    const sizes: number[] = []
    for (let round = 0; round < 4; round++) {
      const back = openTemp({ file, synchronous: 'normal' })
      for (let i = 0; i < 10; i++) {
        await fill(back, 100, LARGE)
        await back.compaction.compact({ upTo: Math.max(0, (await back.log.head()) - 200), limit: 100 })
      }
      sizes.push(await sizeAfterwards(file, back))
    }
    for (const size of sizes) expect(size).toBeLessThan(1.2 * sizes[0]!)
  })
})

test(
  'who reads while another process writes and compacts gets a full suffix, or is told what is gone',
  { timeout: 60_000 },
  async () => {
    const file = tempFile()
    const back = openTemp({ file })
    await set(back, 'first', 1)
    const child = startChild('compact-until-killed.ts', [file])
    await child.printed('full')
    const outcomes = { whole: 0, refused: 0 }
    let floor = 0
    while (outcomes.whole < 200 || outcomes.refused < 20) {
      const known = await back.log.floor()
      expect(known).toBeGreaterThanOrEqual(floor)
      floor = known
      // Around the floor, where it is decided.
      const after = Math.max(0, floor - 2 + ((outcomes.whole + outcomes.refused) % 8))
      try {
        const { changes, head } = await back.log.read({ after, limit: 10_000 })
        expect(changes.map(({ seq }) => seq)).toEqual(Array.from({ length: head - after }, (_, i) => after + i + 1))
        outcomes.whole += 1
      } catch (error) {
        expect(error).toBeInstanceOf(CompactedError)
        expect((error as CompactedError).floor).toBeGreaterThan(after)
        outcomes.refused += 1
      }
      // A commit, which is whole above the floor.
      const [next] = await back.log.at([floor + 1])
      if (next !== undefined && (await back.log.floor()) === floor) expect(next.first).toBe(floor + 1)
      await new Promise((resolve) => setImmediate(resolve))
    }
    child.process.kill('SIGKILL')
    await child.exited
  },
)

test('marks and entries of a proposal that SQLite refuses are not written, and its neighbours are', async () => {
  const back = openTemp()
  const cyclic: unknown[] = []
  cyclic.push(cyclic)
  const wrong = { ...setOf('wrong', 1), path: cyclic as never }
  const mark = (name: string): unknown => [{ key: setOf(name, 1).key, value: payload(name) }]
  const marked = (name: string, write = setOf(name, 1)): Promise<unknown> =>
    back.commit({ ...blind(write), marks: mark(name) as never })
  const outcomes = await Promise.allSettled([marked('a'), marked('wrong', wrong), marked('b')])
  expect(outcomes.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
  const marks = await back.marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 9 })
  expect(marks.map(({ key }) => key.id)).toEqual(['a', 'b'])
  expect(await back.log.head()).toBe(2)
})
