import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'

const SERVERS = ['redis-server', 'valkey-server']

function onPath(command: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

function hasServer(): boolean {
  return SERVERS.some(onPath)
}

function isDebianLike(): boolean {
  if (!existsSync('/etc/os-release')) return false
  return /^ID(_LIKE)?=.*\b(debian|ubuntu)\b/m.test(readFileSync('/etc/os-release', 'utf8'))
}

function apt(...args: string[]): boolean {
  // RUNLEVEL=1 keeps the package from starting a server of its own: the tests start private ones, and stop them.
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' }
  return spawnSync('apt-get', ['-q', ...args], { env, stdio: ['ignore', 2, 2] }).status === 0
}

/**
 * Makes sure that tests find the program of a Redis server, installing it where that needs no question: each starts
 * servers of its own, and stops and kills them. False when there is none.
 */
function ensureRedis(): boolean {
  if (hasServer()) return true
  if (process.getuid?.() === 0 && isDebianLike()) {
    // A failed update is no reason to stop: one stale mirror fails it, and the install may still work.
    apt('update')
    apt('install', '-y', '--no-install-recommends', 'redis-server')
  }
  return hasServer()
}

if (import.meta.main && !ensureRedis()) {
  console.error(
    'Redis is missing: install redis-server (or valkey-server) so that it is on PATH; the tests start their own.',
  )
  process.exit(1)
}
