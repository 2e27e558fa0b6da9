import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'

/** Where a server that speaks Redis's protocol lies on PATH; undefined: nowhere. */
export function findRedisBinary(): string | undefined {
  for (const name of ['redis-server', 'valkey-server']) {
    for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
      const path = join(folder, name)
      if (folder !== '' && isExecutable(path)) return path
    }
  }
  return undefined
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
