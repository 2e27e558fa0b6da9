import Database, { type Statement } from 'better-sqlite3'

const METHODS = ['get', 'all', 'run', 'iterate'] as const

type Seen = (statement: Statement, bound: readonly unknown[]) => void

/**
 * Calls `before` and `after` every statement that better-sqlite3 runs in this process, with what is bound to it; `after`
 * not for one that fails.
 * @returns ends it; the last one to begin is the first one to end
 */
export function watchStatements(before: Seen, after: Seen = () => {}): () => void {
  const db = new Database(':memory:')
  const prototype = Object.getPrototypeOf(db.prepare('SELECT 1')) as Record<string, (...args: unknown[]) => unknown>
  db.close()
  const originals = METHODS.map((method) => [method, prototype[method]!] as const)
  for (const [method, original] of originals) {
    prototype[method] = function watched(this: Statement, ...args: unknown[]): unknown {
      before(this, args)
      const result = original.apply(this, args)
      after(this, args)
      return result
    }
  }
  return () => {
    for (const [method, original] of originals) prototype[method] = original
  }
}

/** How many statements run during `work`; looks for foreign commits are not counted. */
export async function countStatements(work: () => Promise<void>): Promise<number> {
  let count = 0
  const stop = watchStatements(({ source }) => {
    if (!/data_version/i.test(source)) count++
  })
  try {
    await work()
  } finally {
    stop()
  }
  return count
}
