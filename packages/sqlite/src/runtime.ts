import { createRequire } from 'node:module'
import { TidemarkError } from '@tidemark/core'
import type BetterSqlite3 from 'better-sqlite3'

/** The constructor of better-sqlite3. */
export type Driver = typeof BetterSqlite3

/** The oldest Node.js that the driver's binaries run on; older ones crash while loading them. */
const MIN_NODE = '22.18.0'

/** Older ones can corrupt a WAL file that several processes write (https://sqlite.org/wal.html#walresetbug). */
const MIN_SQLITE = '3.51.3'

let loaded: Driver | undefined

/**
 * Loads better-sqlite3 on first use, and never before the runtime was found fit for it.
 *
 * @throws TidemarkError RUNTIME_TOO_OLD
 */
export function loadDriver(nodeVersion: string = process.versions.node): Driver {
  if (isOlder(nodeVersion, MIN_NODE)) {
    throw new TidemarkError(
      'RUNTIME_TOO_OLD',
      `@tidemark/sqlite needs Node.js ${MIN_NODE} or newer, and this is ${nodeVersion}; run it with a newer Node.js`,
    )
  }
  loaded ??= createRequire(import.meta.url)('better-sqlite3') as Driver
  return loaded
}

/** @throws TidemarkError RUNTIME_TOO_OLD */
export function assertSqliteVersion(version: string): void {
  if (!isOlder(version, MIN_SQLITE)) return
  throw new TidemarkError(
    'RUNTIME_TOO_OLD',
    `SQLite ${MIN_SQLITE} or newer is needed to share a file between processes safely, and this better-sqlite3 brings ` +
      `${version}; install better-sqlite3 13.2 or newer`,
  )
}

function isOlder(version: string, minimum: string): boolean {
  const parts = version.split('.').map(Number)
  for (const [i, wanted] of minimum.split('.').map(Number).entries()) {
    const part = parts[i] ?? 0
    if (part !== wanted) return part < wanted
  }
  return false
}
