import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Store } from '@tidemark/core'
import { createSqliteBack, type SqliteBack, type SqliteBackOptions } from '@tidemark/sqlite'
import { onTestFinished } from 'vitest'

/** The path of a file, in a folder that goes when the test is over. */
export function tempFile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-state-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return join(folder, 'app.db')
}

/** A store in a file, closed when the test is over. */
export function openTemp(options: Partial<SqliteBackOptions> = {}): {
  readonly back: SqliteBack
  readonly store: Store
} {
  const back = createSqliteBack({ file: tempFile(), synchronous: 'normal', ...options })
  onTestFinished(() => back.close())
  return { back, store: new Store(back) }
}
