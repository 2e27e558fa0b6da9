import { chmodSync, copyFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type BetterSqlite3 from 'better-sqlite3'
import { describe, expect, test } from 'vitest'
import { createSqliteBack, deleteStoredFile, findStoredFile } from '../src/index.ts'
import { DELETED_ID } from '../src/schema.ts'
import { startChild } from './support/children.ts'
import { openTemp, tempFile, tempFolder } from './support/temp.ts'
import { set } from './support/writes.ts'

const Database = createRequire(import.meta.url)('better-sqlite3') as typeof BetterSqlite3

async function stored(): Promise<{ readonly file: string; readonly logId: string }> {
  const file = tempFile()
  const back = createSqliteBack({ file })
  await set(back, 'a', 1)
  await back.close()
  return { file, logId: back.log.identity.id }
}

function ofAnother(): string {
  const file = tempFile()
  const other = new Database(file)
  other.exec('CREATE TABLE notes (text); INSERT INTO notes VALUES (1)')
  other.close()
  return file
}

/** A copy of the file as a process leaves it that is killed while it writes there without a write-ahead log. */
function halfWritten(file: string): string {
  const db = new Database(file)
  db.pragma('journal_mode = delete')
  // What does not fit is written before the commit.
  db.pragma('cache_size = 1')
  db.exec(`BEGIN; PRAGMA application_id = ${DELETED_ID}; CREATE TABLE half (written)`)
  const row = db.prepare('INSERT INTO half VALUES (?)')
  for (let i = 0; i < 100; i++) row.run(Buffer.alloc(4_000))
  const copy = tempFile()
  for (const suffix of ['', '-journal']) copyFileSync(file + suffix, copy + suffix)
  db.exec('ROLLBACK')
  db.close()
  return copy
}

/** A copy of everything that lies beside the file. */
function copyOf(file: string): string {
  const copy = join(tempFolder(), 'store.db')
  for (const name of readdirSync(dirname(file))) copyFileSync(join(dirname(file), name), join(dirname(copy), name))
  return copy
}

describe('what a process leaves that is killed', () => {
  test('while it deletes a store: the store', async () => {
    const { file, logId } = await stored()
    const left = halfWritten(file)
    expect(findStoredFile(copyOf(left))).toEqual({ logId })
    const taken = copyOf(left)
    // It may not even undo what was left.
    expect(() => createSqliteBack({ file: taken, readOnly: true })).toThrow(
      expect.objectContaining({ code: 'READ_ONLY', message: expect.stringContaining('half written') as unknown }),
    )
    expect(() => createSqliteBack({ file: taken, mode: 'create' })).toThrow(
      expect.objectContaining({ code: 'FILE_EXISTS' }),
    )
    expect((await set(openTemp({ file: taken, mode: 'open' }), 'a', 2)).asOf).toBe(2)
    const seen: string[] = []
    expect(await deleteStoredFile(left, { alongside: async (found) => void seen.push(found.logId) })).toBe(true)
    expect([seen, readdirSync(dirname(left))]).toEqual([[logId], []])
  })

  test('at any step of creating one: a store, or nothing, and every call says the same', async () => {
    const file = tempFile()
    const lefts = [halfWritten(tempFile())]
    openTemp({ file, mode: 'create' }, { verbose: () => void lefts.push(copyOf(file)) })
    const found = lefts.map((left) => findStoredFile(copyOf(left)) !== undefined)
    expect(found.slice(1)).toEqual(found.slice(1).toSorted((a, b) => Number(a) - Number(b)))
    expect(new Set(found).size).toBe(2)
    for (const [i, left] of lefts.entries()) {
      const attempt = async (mode: 'create' | 'open'): Promise<unknown> => {
        try {
          return await set(openTemp({ file: copyOf(left), mode }), 'a', 1)
        } catch (error) {
          return (error as { code?: string }).code
        }
      }
      const yes = expect.objectContaining({ asOf: 1 }) as unknown
      expect([await attempt('create'), await attempt('open')]).toEqual(
        found[i] ? ['FILE_EXISTS', yes] : [yes, 'FILE_MISSING'],
      )
      expect(await deleteStoredFile(left)).toBe(found[i])
      expect(readdirSync(dirname(left))).toEqual([])
    }
  })
})

describe('looking for a store', () => {
  test('there is one, and it says which', async () => {
    const { file, logId } = await stored()
    expect(findStoredFile(file)).toEqual({ logId })
  })

  test('one that is open is found, too', () => {
    const back = openTemp()
    expect(findStoredFile(back.file)).toEqual({ logId: back.log.identity.id })
  })

  test('no file, or an empty one, is none', () => {
    const file = tempFile()
    expect(findStoredFile(file)).toBeUndefined()
    writeFileSync(file, '')
    expect(findStoredFile(file)).toBeUndefined()
  })

  test('what is no store of ours is an error', () => {
    expect(() => findStoredFile(ofAnother())).toThrow(expect.objectContaining({ code: 'NOT_A_DATABASE' }))
    expect(() => findStoredFile(tempFolder())).toThrow(expect.objectContaining({ code: 'NOT_A_DATABASE' }))
    const text = tempFile()
    writeFileSync(text, 'this is no database at all. '.repeat(100))
    expect(() => findStoredFile(text)).toThrow(expect.objectContaining({ code: 'NOT_A_DATABASE' }))
  })
})

describe('in a folder in which this user may not write', () => {
  const attempts = async (file: string, mode = 0o666): Promise<readonly string[]> => {
    chmodSync(file, mode)
    chmodSync(dirname(file), 0o555)
    const child = startChild('find-unprivileged.ts', [file])
    await child.exited
    chmodSync(dirname(file), 0o777)
    return child.lines
  }

  test('who looks is told what it takes to read, and who deletes what it takes to write', async () => {
    const { file } = await stored()
    const [found, deleted] = await attempts(file)
    expect(found).toMatch(/^READ_ONLY .* cannot be read: .*open it while somebody has/)
    expect(deleted).toMatch(/^READ_ONLY .* cannot be written: /)
  })

  test('who looks finds a store that somebody has open', async () => {
    const back = openTemp()
    await set(back, 'a', 1)
    for (const suffix of ['-wal', '-shm']) chmodSync(back.file + suffix, 0o666)
    expect((await attempts(back.file))[0]).toBe('true')
  })

  test('what is half written takes writing', async () => {
    const left = halfWritten((await stored()).file)
    expect((await attempts(left, 0o444))[0]).toMatch(/^READ_ONLY .* cannot be written: /)
  })
})

describe('deleting a store', () => {
  test('nothing is left of it, and another one can take its place', async () => {
    const { file, logId } = await stored()
    expect(await deleteStoredFile(file)).toBe(true)
    expect(readdirSync(dirname(file))).toEqual([])
    const next = createSqliteBack({ file, mode: 'create' })
    expect(next.log.identity.id).not.toBe(logId)
    await next.close()
  })

  test('there is none: nothing happens', async () => {
    const file = tempFile()
    expect(await deleteStoredFile(file)).toBe(false)
    expect(existsSync(file)).toBe(false)
  })

  test.each(['delete', 'wal'])('what belongs to another application is not touched (%s)', async (journal) => {
    const file = ofAnother()
    const other = new Database(file)
    other.pragma(`journal_mode = ${journal}`)
    other.close()
    const before = readFileSync(file)
    await expect(deleteStoredFile(file)).rejects.toMatchObject({ code: 'NOT_A_DATABASE' })
    expect(readFileSync(file)).toEqual(before)
  })

  test('one that is open, here or elsewhere, stays', async () => {
    const back = openTemp()
    await set(back, 'a', 1)
    await expect(deleteStoredFile(back.file, { busyTimeoutMs: 0 })).rejects.toMatchObject({
      code: 'BUSY',
      retryable: true,
      message: expect.stringContaining('close it'),
    })
    expect((await set(back, 'a', 2)).asOf).toBe(2)

    const { file } = await stored()
    const child = startChild('hold-lease.ts', [file, 'a'])
    await child.printed('holding')
    await expect(deleteStoredFile(file, { busyTimeoutMs: 50 })).rejects.toMatchObject({ code: 'BUSY' })
    expect(findStoredFile(file)).toBeDefined()
  })

  test('waits for who is about to close it', async () => {
    const back = openTemp()
    const deleting = deleteStoredFile(back.file)
    await back.close()
    expect(await deleting).toBe(true)
  })

  test('what goes alongside goes first, while nobody can open it', async () => {
    const { file, logId } = await stored()
    const seen: unknown[] = []
    await deleteStoredFile(file, {
      alongside: async (store) => {
        seen.push(store.logId, existsSync(file))
        expect(() => createSqliteBack({ file, busyTimeoutMs: 0 })).toThrow(expect.objectContaining({ code: 'BUSY' }))
      },
    })
    expect(seen).toEqual([logId, true])
  })

  test('what goes alongside fails: the store is as it was', async () => {
    const { file, logId } = await stored()
    const alongside = async (): Promise<void> => {
      throw new Error('out of reach')
    }
    await expect(deleteStoredFile(file, { alongside })).rejects.toThrow('out of reach')
    const back = openTemp({ file })
    expect(back.log.identity.id).toBe(logId)
    expect(await back.log.head()).toBe(1)
  })

  test('one that was cut short no longer opens, and is deleted by the next call', async () => {
    const { file } = await stored()
    const db = new Database(file)
    db.pragma('journal_mode = delete')
    db.pragma(`application_id = ${DELETED_ID}`)
    db.close()
    expect(() => createSqliteBack({ file })).toThrow(expect.objectContaining({ code: 'FILE_MISSING' }))
    expect(findStoredFile(file)).toBeUndefined()
    expect(await deleteStoredFile(file)).toBe(false)
    expect(existsSync(file)).toBe(false)
  })
})
