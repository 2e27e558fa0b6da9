import Database, { type Statement } from 'better-sqlite3'
import { onTestFinished, vi } from 'vitest'

/** Collects the SQL of every statement that returns rows, of every connection of this process, until the test is over. */
export function watchStatements(): { readonly run: readonly string[]; forget(): void } {
  const db = new Database(':memory:')
  const prototype = Object.getPrototypeOf(db.prepare('SELECT 1')) as Statement
  db.close()
  let run: string[] = []
  for (const method of ['get', 'all', 'iterate'] as const) {
    const original = prototype[method] as (...args: unknown[]) => unknown
    const spy = vi.spyOn(prototype, method as 'get').mockImplementation(function (this: Statement, ...args) {
      run.push(this.source)
      return original.apply(this, args)
    })
    onTestFinished(() => spy.mockRestore())
  }
  return {
    get run() {
      return run
    },
    forget: () => void (run = []),
  }
}
