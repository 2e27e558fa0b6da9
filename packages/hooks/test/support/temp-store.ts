import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSqliteBack, type SqliteBack, type SqliteBackOptions } from '@tidemark/sqlite'

/** Stores in files of a folder of their own, which goes with them. */
export interface TempStore extends AsyncDisposable {
  readonly file: string
  /** Another connection to the same file. */
  open(options?: Partial<SqliteBackOptions>): SqliteBack
}

export async function tempStore(): Promise<TempStore> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-hooks-'))
  const file = join(folder, 'app.db')
  const opened: SqliteBack[] = []
  return {
    file,
    open(options = {}) {
      const back = createSqliteBack({ file, synchronous: 'normal', ...options })
      opened.push(back)
      return back
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(opened.map((back) => back.close()))
      await rm(folder, { recursive: true })
    },
  }
}
