import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Clock } from '@tidemark/core'
import { modelTest, storeConformance } from '@tidemark/testkit'
import { afterAll } from 'vitest'
import { createSqliteBack, type SqliteBack } from '../src/index.ts'

const folder = mkdtempSync(join(tmpdir(), 'tidemark-sqlite-store-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

let opened = 0
const open = (clock?: Clock): SqliteBack => createSqliteBack({ file: join(folder, `${++opened}.db`), clock })

storeConformance('sqlite', ({ clock }) => open(clock))

modelTest('sqlite', { open: () => open(), runs: 50 })
