import { spawnSync } from 'node:child_process'
import { statfsSync } from 'node:fs'
import { cpus, loadavg, release, totalmem, type } from 'node:os'
import { installedVersion, peerVersions } from '@tidemark/bench-peers/installed-version'
import Database from 'better-sqlite3'

const DRIVERS: readonly string[] = ['better-sqlite3', 'ioredis', 'cbor-x', 'lru-cache']
/** From linux/magic.h. On these, synchronising a file costs nothing, and durability means nothing. */
const MEMORY_FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0x01021994, 'tmpfs'],
  [0x858458f6, 'ramfs'],
])

/** What the figures were measured with and on. */
export interface Environment {
  readonly date: string
  readonly commit: string
  readonly cpu: string
  readonly cores: number
  readonly memoryGiB: number
  readonly os: string
  /** The load of the last minute when the run began; on a quiet machine well below 1. */
  readonly load: number
  /** Set: the SQLite files are in memory, and no figure about durable writes means anything. */
  readonly filesInMemory: string | undefined
  readonly node: string
  readonly sqlite: string
  readonly redis: string | undefined
  readonly drivers: Readonly<Record<string, string | undefined>>
  /** What the peers run with: some need older drivers. */
  readonly peers: Readonly<Record<string, string | undefined>>
}

export function describeEnvironment(folder: string, redis: string | undefined): Environment {
  const processors = cpus()
  const database = new Database(':memory:')
  const sqlite = database.prepare('SELECT sqlite_version()').pluck().get() as string
  database.close()
  return {
    date: new Date().toISOString(),
    commit: commit(),
    cpu: processors[0]?.model.trim() ?? 'unknown',
    cores: processors.length,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${type()} ${release()}`,
    load: loadavg()[0] ?? 0,
    filesInMemory: MEMORY_FILE_SYSTEMS.get(statfsSync(folder).type),
    node: process.versions.node,
    sqlite,
    redis,
    drivers: Object.fromEntries(DRIVERS.map((name) => [name, installedVersion(name, import.meta.url)])),
    peers: peerVersions(),
  }
}

function commit(): string {
  const git = (...args: string[]): string | undefined => {
    const { status, stdout } = spawnSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' })
    return status === 0 ? stdout.trim() : undefined
  }
  const head = git('rev-parse', '--short=12', 'HEAD')
  if (head === undefined) return 'unknown'
  return git('status', '--porcelain', '--untracked-files=no') === '' ? head : `${head} with changes`
}
