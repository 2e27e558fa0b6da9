import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { StoreKey, TidemarkError } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createSqliteBack, type SqliteBack, type SqliteBackOptions } from '../src/index.ts'
import type { Driver } from '../src/runtime.ts'
import { DELETED_ID, MIGRATIONS } from '../src/schema.ts'
import { openSqliteBack } from '../src/sqlite-back.ts'
import { start, startChild } from './support/children.ts'
import { capturedDriver } from './support/captured-driver.ts'
import { openTemp, tempFile, tempFolder } from './support/temp.ts'
import { set, valueOf } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

function failure(options: SqliteBackOptions, settings: Parameters<typeof openSqliteBack>[1] = {}): TidemarkError {
  try {
    void openSqliteBack(options, settings).close()
  } catch (error) {
    if (error instanceof TidemarkError) return error
    throw error
  }
  throw new Error('it opened')
}

describe('opening', () => {
  test('a folder that does not exist', () => {
    const error = failure({ file: join(tempFolder(), 'missing', 'store.db') })
    expect(error).toMatchObject({ code: 'FOLDER_MISSING', tier: 'sqlite', retryable: false })
    expect(error.message).toContain('create it')
  })

  test('a file where a folder should be', () => {
    const file = tempFile()
    writeFileSync(file, 'text')
    expect(failure({ file: join(file, 'store.db') }).code).toBe('FOLDER_MISSING')
  })

  test('a folder instead of a file', () => {
    expect(failure({ file: tempFolder() }).code).toBe('NOT_A_DATABASE')
  })

  test.each([
    ['a text', 'this is no database at all. '.repeat(100)],
    ['a short text', 'hello'],
  ])('%s is no database, and stays as it is', (_, content) => {
    const file = tempFile()
    writeFileSync(file, content)
    expect(failure({ file }).code).toBe('NOT_A_DATABASE')
    expect(readFileSync(file, 'utf8')).toBe(content)
  })

  test.each(['wal', 'delete'])('the database of another application is never altered (%s)', (journal) => {
    const file = tempFile()
    const other = new Database(file)
    other.pragma(`journal_mode = ${journal}`)
    other.exec('CREATE TABLE notes (text); INSERT INTO notes VALUES (1)')
    other.close()
    const before = readFileSync(file)
    const error = failure({ file })
    expect(error.code).toBe('NOT_A_DATABASE')
    expect(error.message).toContain('another application')
    expect(readFileSync(file).equals(before)).toBe(true)
  })

  test.each([
    [undefined, 2],
    ['full', 2],
    ['normal', 1],
  ] as const)('synchronous: %s is what SQLite runs with', async (synchronous, level) => {
    const { driver, db } = capturedDriver()
    openTemp({ synchronous }, { driver })
    expect(db().pragma('journal_mode', { simple: true })).toBe('wal')
    expect(db().pragma('synchronous', { simple: true })).toBe(level)
  })

  test('an empty file becomes a store', async () => {
    const file = tempFile()
    writeFileSync(file, '')
    const back = openTemp({ file })
    await set(back, 'a', 1)
    expect(await valueOf(back, 'a')).toBe(1)
  })

  test('a newer schema', async () => {
    const file = tempFile()
    await createSqliteBack({ file }).close()
    const db = new Database(file)
    db.pragma(`user_version = ${MIGRATIONS.length + 1}`)
    db.close()
    const error = failure({ file })
    expect(error.code).toBe('SCHEMA_TOO_NEW')
    expect(error.message).toContain('upgrade')
    const check = new Database(file)
    expect(check.pragma('user_version', { simple: true })).toBe(MIGRATIONS.length + 1)
    check.close()
  })

  test('mode create takes a file that holds nothing, and nothing else', async () => {
    const [empty, begun, text, other, taken, deleted] = Array.from({ length: 6 }, () => tempFile()) as [
      string,
      string,
      string,
      string,
      string,
      string,
    ]
    writeFileSync(empty, '')
    // Killed after the journal mode was set, and before there was a schema.
    const db = new Database(begun)
    db.pragma('journal_mode = wal')
    db.close()
    expect(readFileSync(begun).length).toBeGreaterThan(0)
    for (const file of [empty, begun]) {
      const back = openTemp({ file, mode: 'create' })
      await set(back, 'a', 1)
      expect(failure({ file, mode: 'create' })).toMatchObject({ code: 'FILE_EXISTS', tier: 'sqlite' })
    }
    writeFileSync(text, 'text')
    const notes = new Database(other)
    notes.exec('CREATE TABLE notes (text)')
    notes.close()
    await createSqliteBack({ file: taken }).close()
    const gone = new Database(deleted)
    gone.pragma(`application_id = ${DELETED_ID}`)
    gone.close()
    for (const file of [text, other, taken, deleted]) {
      const before = readFileSync(file)
      expect(failure({ file, mode: 'create' }).code).toBe('FILE_EXISTS')
      expect(readFileSync(file).equals(before)).toBe(true)
    }
  })

  test.each(['application_id', 'auto_vacuum'])(
    'mode create: when somebody else creates a store before %s is looked at, it is his',
    async (step) => {
      const file = tempFile()
      writeFileSync(file, '')
      let quicker: SqliteBack | undefined
      class Overtaken extends Database {
        override pragma(...args: Parameters<BetterSqlite3.Database['pragma']>): unknown {
          if (args[0].startsWith(step)) quicker ??= openTemp({ file, mode: 'create' })
          return super.pragma(...args)
        }
      }
      const driver = Overtaken as unknown as Driver
      expect(failure({ file, mode: 'create' }, { driver }).code).toBe('FILE_EXISTS')
      expect((await set(quicker!, 'a', 1)).asOf).toBe(1)
    },
  )

  test('mode create: a lock that is met after the schema was created is waited for', async () => {
    const file = tempFile()
    let asked = 0
    const bootId = (): string => {
      // The first attempt fails here, and the next one finds a store: its own.
      if (asked++ === 0) throw Object.assign(new Error('locked'), { code: 'SQLITE_BUSY' })
      return 'boot'
    }
    const back = openTemp({ file, mode: 'create' }, { bootId })
    expect(asked).toBe(2)
    expect((await set(back, 'a', 1)).asOf).toBe(1)
  })

  test('mode create refuses what exists, mode open what does not', async () => {
    const file = tempFile()
    expect(failure({ file, mode: 'open' })).toMatchObject({ code: 'FILE_MISSING' })
    await createSqliteBack({ file, mode: 'create' }).close()
    expect(failure({ file, mode: 'create' }).message).toContain('exists already')
    await createSqliteBack({ file, mode: 'open' }).close()
  })

  test('readOnly reads and follows, and refuses to write', async () => {
    const file = tempFile()
    const writer = openTemp({ file })
    await set(writer, 'a', 1)
    const reader = openTemp({ file, readOnly: true })
    expect(await valueOf(reader, 'a')).toBe(1)
    const grown = reader.log.wait(1, AbortSignal.timeout(10_000))
    await set(writer, 'a', 2)
    await grown
    expect(await valueOf(reader, 'a')).toBe(2)
    await expect(set(reader, 'a', 3)).rejects.toMatchObject({ code: 'READ_ONLY', tier: 'sqlite' })
    const key = StoreKey.of('a')
    const refused = [
      reader.expire(1),
      reader.restored(),
      reader.agreements.change('redis', 0, { epoch: 'e' }),
      reader.leases.acquire(key, 1_000),
      reader.leases.renew({ key, token: 1 }, 1_000),
      reader.leases.release({ key, token: 1 }),
    ]
    for (const call of refused) await expect(call).rejects.toMatchObject({ code: 'READ_ONLY', tier: 'sqlite' })
    await writer.agreements.change('redis', 0, { epoch: 'e' })
    expect(reader.agreements.sample('redis')).toMatchObject({ head: 2, agreement: { epoch: 'e' } })
    await writer.restored()
    expect(reader.log.sync.head()).toBe(2)
    expect(reader.log.identity).toEqual(writer.log.identity)
  })

  test('readOnly does not create', () => {
    expect(failure({ file: tempFile(), readOnly: true }).code).toBe('FILE_MISSING')
    const empty = tempFile()
    writeFileSync(empty, '')
    expect(failure({ file: empty, readOnly: true }).code).toBe('FILE_MISSING')
  })

  test.each(['file', 'folder'])('a read-only %s', async (what) => {
    const file = tempFile()
    await createSqliteBack({ file }).close()
    chmodSync(dirname(file), what === 'folder' ? 0o555 : 0o777)
    chmodSync(file, what === 'file' ? 0o444 : 0o666)
    const child = startChild('open.ts', [file, 'open-or-create', 'unprivileged'])
    await child.printed('ready')
    child.process.stdin!.write('go\n')
    expect(await child.result()).toBe('READ_ONLY')
    chmodSync(dirname(file), 0o777)
  })

  test('several processes create one file: one store comes out', async () => {
    const folder = tempFolder()
    for (let round = 0; round < 3; round++) {
      const file = join(folder, `${round}.db`)
      const children = Array.from({ length: 4 }, () => startChild('open.ts', [file]))
      await Promise.all(children.map((child) => child.printed('ready')))
      for (const child of children) child.process.stdin!.write('go\n')
      const ids = await Promise.all(children.map((child) => child.result()))
      expect(ids).toEqual(ids.map(() => ids[0]))
      expect(ids[0]).toMatch(/^[0-9a-f]{32}$/)
    }
  })

  test('several processes in mode create: exactly one succeeds', async () => {
    const file = tempFile()
    const children = Array.from({ length: 4 }, () => startChild('open.ts', [file, 'create']))
    await Promise.all(children.map((child) => child.printed('ready')))
    for (const child of children) child.process.stdin!.write('go\n')
    await Promise.all(children.map((child) => child.exited))
    expect(children.map((child) => child.lines.at(-1)).filter((line) => line !== 'FILE_EXISTS')).toHaveLength(1)
  })
})

describe('the runtime', () => {
  test('too old a Node.js is refused before the driver is loaded', () => {
    const file = tempFile()
    expect(() => openSqliteBack({ file }, { nodeVersion: '20.20.2' })).toThrow(
      expect.objectContaining({ code: 'RUNTIME_TOO_OLD', message: expect.stringContaining('22.18.0') }),
    )
    expect(() => openSqliteBack({ file }, { nodeVersion: '22.17.9' })).toThrow(TidemarkError)
  })

  test('a process that calls itself an older Node.js gets an error, not a crash', async () => {
    const script = new URL('./children/open.ts', import.meta.url)
    const pretend = `Object.defineProperty(process.versions, 'node', { value: '20.20.2' }); await import(${JSON.stringify(script.href)})`
    const child = start(process.execPath, ['--input-type=module', '-e', pretend, 'open.ts', tempFile()])
    await child.printed('ready')
    child.process.stdin!.write('go\n')
    expect(await child.result()).toBe('RUNTIME_TOO_OLD')
  })

  test.each([
    ['3.51.2', false],
    ['3.9.0', false],
    ['2.60.9', false],
    ['3.51.3', true],
    ['3.51.10', true],
    ['3.52.0', true],
    ['4.0.0', true],
  ])('SQLite %s is fit for several processes: %s', (version, isFit) => {
    class Pretending extends Database {
      override prepare(sql: string): never {
        return super.prepare(sql.replace('sqlite_version()', `'${version}'`)) as never
      }
    }
    const open = (): unknown => openTemp({}, { driver: Pretending as unknown as Driver })
    if (isFit) open()
    else
      expect(open).toThrow(
        expect.objectContaining({ code: 'RUNTIME_TOO_OLD', message: expect.stringContaining(version) }),
      )
  })

  test('importing the package loads no driver', async () => {
    const index = new URL('../src/index.ts', import.meta.url)
    const script = `await import(${JSON.stringify(index.href)}); console.log(process.report.getReport().sharedObjects.some(f => f.includes('better_sqlite3')))`
    const child = start(process.execPath, ['--input-type=module', '-e', script])
    expect(await child.result()).toBe('false')
  })
})
