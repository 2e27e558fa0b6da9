import { rmSync, mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { backConformance, type BackContext } from '@tidemark/testkit'
import { afterAll } from 'vitest'
import { createSqliteBack, type SqliteBack } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-sqlite-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let opened = 0
const openLast = ({ clock, onError }: BackContext): SqliteBack =>
  createSqliteBack({ file: join(folder, `${opened}.db`), clock, onError })

backConformance(
  'sqlite',
  (context) => {
    opened += 1
    return openLast(context)
  },
  { syncLog: true, reopen: openLast },
)

backConformance('sqlite in memory', ({ clock, onError }) => createSqliteBack({ file: ':memory:', clock, onError }), {
  syncLog: true,
})
