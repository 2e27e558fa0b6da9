import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'

const PEERS: readonly string[] = [
  'bentocache',
  'cacheable',
  'cache-manager',
  'keyv',
  '@keyv/redis',
  'bullmq',
  'ioredis',
]

/** The version of the package that a module at the URL `from` gets; undefined when there is none. */
export function installedVersion(name: string, from: string): string | undefined {
  const folders = createRequire(from).resolve.paths(name) ?? []
  const manifest = folders.map((folder) => join(folder, name, 'package.json')).find((file) => existsSync(file))
  return manifest && (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version
}

/** The versions of all peers, and of the drivers that they use here. */
export function peerVersions(): Record<string, string | undefined> {
  return Object.fromEntries(PEERS.map((name) => [name, installedVersion(name, import.meta.url)]))
}

/** As {@link installedVersion}, of a dependency of this package. @throws Error when it is not installed. */
export function requiredVersion(name: string): string {
  const version = installedVersion(name, import.meta.url)
  if (version === undefined) throw new Error(`${name} is not installed`)
  return version
}
