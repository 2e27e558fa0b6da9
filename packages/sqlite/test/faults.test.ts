import { spawnSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { ALL_KEYS, StoreKey, systemClock } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, onTestFinished, test } from 'vitest'
import type { Driver } from '../src/runtime.ts'
import { capturedDriver } from './support/captured-driver.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, payload, set, setOf, valueOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

describe('a full disk', () => {
  test('fails what does not fit, goes on reading, and recovers', async () => {
    const { driver, db } = capturedDriver()
    const back = openTemp({}, { driver })
    await set(back, 'before', 1)
    const pages = db().pragma('page_count', { simple: true }) as number
    db().pragma(`max_page_count = ${pages + 8}`)
    const large = new Uint8Array(200_000)
    const results = await Promise.allSettled([
      set(back, 'small', 2),
      set(back, 'large', large),
      set(back, 'also small', 3),
    ])
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
    expect(results[1]).toMatchObject({ reason: { code: 'DISK_FULL', retryable: true, tier: 'sqlite' } })
    expect(await valueOf(back, 'small')).toBe(2)
    expect(await valueOf(back, 'large')).toBeUndefined()
    db().pragma('max_page_count = 1000000')
    expect((await set(back, 'large', large)).changes[0]).toMatchObject({ seq: 4, prevVersion: 0 })
    expect((await back.log.read({ after: 0, limit: 10 })).changes.map(({ seq }) => seq)).toEqual([1, 2, 3, 4])
  })

  test('takes marks and entries of one commit, or neither', async () => {
    const { driver, db } = capturedDriver()
    const back = openTemp({}, { driver })
    await back.commit({ ...blind(setOf('a', 1)), marks: [{ key: StoreKey.of('m'), value: payload(1) }] })
    db().pragma(`max_page_count = ${(db().pragma('page_count', { simple: true }) as number) + 8}`)
    const commitOf = (entry: unknown, mark: unknown): Promise<unknown> =>
      back.commit({ ...blind(setOf('a', entry)), marks: [{ key: StoreKey.of('m'), value: payload(mark) }] })
    const large = new Uint8Array(200_000)
    const results = await Promise.allSettled([
      commitOf(large, 'of what did not fit'),
      commitOf('beside what did not fit', large),
      back.marks.write([{ key: StoreKey.of('m'), value: payload(large) }]),
      set(back, 'b', 2),
    ])
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'fulfilled'])
    for (const result of results.slice(0, 3)) expect(result).toMatchObject({ reason: { code: 'DISK_FULL' } })
    expect([await valueOf(back, 'a'), (await back.marks.read([StoreKey.of('m')]))[0]!.read()]).toEqual([1, 1])
    expect(await back.log.head()).toBe(2)
  })

  test('has room again for writes after compaction', async () => {
    const { driver, db } = capturedDriver()
    const back = openTemp({}, { driver })
    for (let i = 0; i < 10; i++) await set(back, 'a', new Uint8Array(20_000))
    db().pragma(`max_page_count = ${db().pragma('page_count', { simple: true }) as number}`)
    await expect(set(back, 'b', new Uint8Array(40_000))).rejects.toMatchObject({ code: 'DISK_FULL' })
    expect(await back.compaction.compact({ upTo: 10, limit: 100 })).toMatchObject({ floor: 10, done: true })
    await set(back, 'b', new Uint8Array(40_000))
    expect((await back.log.read({ after: 10, limit: 9 })).changes.map(({ seq }) => seq)).toEqual([11])
  })

  test('lets nobody open the file alone, not even to read it; beside somebody who has it open, it does', async () => {
    const back = openTemp()
    const { file } = back
    await set(back, 'a', 1)
    // No file may become larger than 4 KiB: the index beside this one would have to be.
    const read = (): unknown => {
      const program = join(import.meta.dirname, 'children', 'read-one.ts')
      const command = ['-c', 'ulimit -f 8; exec "$@"', 'sh', process.execPath, program, file, 'a']
      return JSON.parse(spawnSync('sh', command, { encoding: 'utf8' }).stdout)
    }
    expect(read()).toBe(1)
    await back.close()
    const message = expect.stringContaining('(32 KiB)') as string
    expect(read()).toEqual({ code: 'DISK_FULL', retryable: true, message })
    expect(await valueOf(openTemp({ file }), 'a')).toBe(1)
  })

  test('while the schema is created', () => {
    class Tiny extends Database {
      constructor(...args: ConstructorParameters<typeof Database>) {
        super(...args)
        this.pragma('max_page_count = 2')
      }
    }
    expect(() => openTemp({}, { driver: Tiny as unknown as Driver })).toThrow(
      expect.objectContaining({ code: 'DISK_FULL' }),
    )
  })
})

describe('a file that another process locks', () => {
  function locked(file: string): BetterSqlite3.Database {
    const other = new Database(file)
    onTestFinished(() => void other.close())
    other.exec('BEGIN IMMEDIATE')
    return other
  }

  test('a commit is BUSY after busyTimeoutMs, without blocking the event loop meanwhile', async () => {
    const file = tempFile()
    const back = openTemp({ file, busyTimeoutMs: 200 })
    const other = locked(file)
    let turns = 0
    const counting = setInterval(() => turns++, 1)
    const started = performance.now()
    const results = await Promise.allSettled([set(back, 'a', 1), set(back, 'b', 1)])
    const took = performance.now() - started
    clearInterval(counting)
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'BUSY', retryable: true, tier: 'sqlite' } })
    }
    expect(took).toBeGreaterThanOrEqual(199)
    expect(took).toBeLessThan(5000)
    // Blocked, it would have seen none; how many it sees is the machine's affair.
    expect(turns).toBeGreaterThan(3)
    expect(await valueOf(back, 'a')).toBeUndefined()
    other.exec('ROLLBACK')
    expect((await set(back, 'a', 1)).asOf).toBe(1)
  })

  test('agreements, leases and restores wait as commits do, and are BUSY after the same time', async () => {
    const file = tempFile()
    const back = openTemp({ file, busyTimeoutMs: 50 })
    const other = locked(file)
    const key = StoreKey.of('a')
    const calls = [
      () => back.agreements.change('redis', 0, { epoch: 'e' }),
      () => back.leases.acquire(key, 1_000),
      () => back.leases.renew({ key, token: 1 }, 1_000),
      () => back.leases.release({ key, token: 1 }),
      () => back.restored(),
    ]
    const results = await Promise.allSettled(calls.map((call) => call()))
    for (const result of results) {
      expect(result).toMatchObject({ status: 'rejected', reason: { code: 'BUSY', retryable: true } })
    }
    const waiting = back.agreements.change('redis', 0, { epoch: 'e' })
    expect(back.agreements.sample('redis')).toMatchObject({ agreement: { term: 0 } })
    other.exec('ROLLBACK')
    expect(await waiting).toMatchObject({ agreement: { epoch: 'e', term: 1 } })
    expect(back.log.identity.epoch).toBe(1)
  })

  test('what comes meanwhile waits too, each for its own time, and then shares a transaction', async () => {
    const file = tempFile()
    let monotonic = 0
    const statements: unknown[] = []
    const clock = { ...systemClock, monotonic: () => monotonic }
    const back = openTemp({ file, busyTimeoutMs: 1000, clock }, { verbose: (sql) => statements.push(sql) })
    const other = locked(file)
    const early = set(back, 'early', 1)
    monotonic = 600
    const late = set(back, 'late', 1)
    monotonic = 1001
    await expect(early).rejects.toMatchObject({ code: 'BUSY' })
    const later = set(back, 'later', 1)
    other.exec('COMMIT')
    statements.length = 0
    expect([(await late).asOf, (await later).asOf]).toEqual([1, 2])
    expect(statements.filter((sql) => sql === 'COMMIT')).toHaveLength(1)
  })

  test('a write that waits keeps the process alive', async () => {
    const { start } = await import('./support/children.ts')
    const file = tempFile()
    await openTemp({ file }).close()
    const other = locked(file)
    const index = new URL('../src/index.ts', import.meta.url)
    const script = `
      import { createSqliteBack } from ${JSON.stringify(index.href)}
      const back = createSqliteBack({ file: ${JSON.stringify(file)} })
      const commit = back.commit({ reads: [], decide: () => [] })
      setImmediate(() => setImmediate(() => console.log('waiting')))
      commit.then(({ asOf }) => console.log('committed ' + asOf))`
    const child = start(process.execPath, ['--input-type=module', '-e', script])
    await child.printed('waiting')
    other.exec('ROLLBACK')
    expect(await child.result()).toBe('committed 0')
  })

  test('reads do not wait for a writer', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    await set(back, 'a', 1)
    locked(file).exec('UPDATE log_head SET at = 5')
    expect(await valueOf(back, 'a')).toBe(1)
    expect(await back.log.head()).toBe(1)
  })

  test('closing waits for what is under way', async () => {
    const file = tempFile()
    const back = openTemp({ file })
    const other = locked(file)
    const write = set(back, 'a', 1)
    const closed = back.close()
    other.exec('ROLLBACK')
    expect((await write).asOf).toBe(1)
    await closed
  })
})

describe('a file that is no longer where it was opened', () => {
  function openWatched() {
    let monotonic = 0
    const file = tempFile()
    const back = openTemp({ file, clock: { ...systemClock, monotonic: () => monotonic } })
    return { file, back, later: () => void (monotonic += 1_000) }
  }
  const moved = { code: 'IO', tier: 'sqlite', message: expect.stringContaining('moved or deleted') as string }

  test('takes no write within a second, and writes again once it is back', async () => {
    const { file, back, later } = openWatched()
    await set(back, 'k', 1)
    renameSync(file, `${file}.moved`)
    later()
    await expect(set(back, 'k', 2)).rejects.toMatchObject(moved)
    await expect(back.expire(1)).rejects.toMatchObject(moved)
    expect(await valueOf(back, 'k')).toBe(1)
    renameSync(`${file}.moved`, file)
    expect((await set(back, 'k', 3)).asOf).toBe(2)
  })

  test('takes none either when another file has its place', async () => {
    const { file, back, later } = openWatched()
    await set(back, 'k', 1)
    for (const suffix of ['', '-wal', '-shm']) renameSync(file + suffix, `${file}.moved${suffix}`)
    const other = openTemp({ file })
    later()
    await expect(set(back, 'k', 2)).rejects.toMatchObject(moved)
    expect((await set(other, 'k', 1)).asOf).toBe(1)
  })

  test('deleted before the first write: that one fails', async () => {
    const { file, back } = openWatched()
    rmSync(file)
    await expect(set(back, 'k', 1)).rejects.toMatchObject(moved)
  })

  test('there is none for a store in memory', async () => {
    const back = openTemp({ file: ':memory:' })
    expect((await set(back, 'k', 1)).asOf).toBe(1)
  })
})

test('damage is reported as CORRUPT', async () => {
  const file = tempFile()
  const back = openTemp({ file })
  await back.commit(blind(...Array.from({ length: 500 }, (_, i) => setOf(['k', i], 'x'.repeat(50)))))
  await back.close()
  const bytes = readFileSync(file)
  // Everything behind the first pages, which hold the schema and the head of the log.
  bytes.fill(0xaa, 4 * 4096)
  writeFileSync(file, bytes)
  const damaged = openTemp({ file })
  await expect(damaged.count(ALL_KEYS)).rejects.toMatchObject({ code: 'CORRUPT', tier: 'sqlite' })
  await expect(damaged.log.read({ after: 0, limit: 1000 })).rejects.toMatchObject({ code: 'CORRUPT' })
})
