import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Back, createMemoryBack, type Log } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { backConformance, type BackContext } from '@tidemark/testkit'
import { afterAll } from 'vitest'
import { sharedLog } from '../../src/index.ts'
import { withLog } from '../support/reading.ts'

/** The store, whose log is read through a shared one. */
function sharing<B extends Back>(back: B, over: (log: Log) => Log = (log) => log): B {
  const log = sharedLog(over(back.log))
  return new Proxy(back, {
    get(target, name) {
      if (name === 'log') return log
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' ? value.bind(target) : value
    },
  })
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-hooks-'))
afterAll(() => rmSync(folder, { recursive: true }))
let files = 0
const openFile = (context: BackContext): Back =>
  sharing(createSqliteBack({ file: join(folder, `${files}.db`), synchronous: 'normal', ...context }))

backConformance('SQLite, its log shared', (context) => (files++, openFile(context)), {
  reopen: openFile,
  syncLog: true,
})

backConformance('memory, its log shared', (context) => sharing(createMemoryBack(context)), { syncLog: true })

// As one that takes a round trip.
backConformance('memory, its log shared and remote', (context) =>
  sharing(createMemoryBack(context), (log) => withLog(log, {})),
)
