import Database, { type Statement } from 'better-sqlite3'

const METHODS = ['get', 'all', 'run', 'iterate'] as const

/** How many statements better-sqlite3 runs in this process during `work`; looks for foreign commits are not counted. */
export async function countStatements(work: () => Promise<void>): Promise<number> {
  const db = new Database(':memory:')
  const prototype = Object.getPrototypeOf(db.prepare('SELECT 1')) as Record<string, (...args: unknown[]) => unknown>
  db.close()
  let count = 0
  const originals = METHODS.map((method) => [method, prototype[method]!] as const)
  for (const [method, original] of originals) {
    prototype[method] = function counted(this: Statement, ...args: unknown[]): unknown {
      if (!/data_version/i.test(this.source)) count++
      return original.apply(this, args)
    }
  }
  try {
    await work()
  } finally {
    for (const [method, original] of originals) prototype[method] = original
  }
  return count
}
