import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { type SqliteBack, type SqliteBackOptions } from '../../src/index.ts'
import { openSqliteBack } from '../../src/sqlite-back.ts'

/** A folder that goes when the test is over. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-sqlite-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

export function tempFile(): string {
  return join(tempFolder(), 'store.db')
}

/** A store in a file of its own, closed when the test is over. */
export function openTemp(
  options: Partial<SqliteBackOptions> = {},
  settings: Parameters<typeof openSqliteBack>[1] = {},
): SqliteBack {
  const back = openSqliteBack({ file: tempFile(), ...options }, settings)
  onTestFinished(() => back.close())
  return back
}
