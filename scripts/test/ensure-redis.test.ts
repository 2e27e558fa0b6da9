import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'

const script = fileURLToPath(new URL('../ensure-redis.ts', import.meta.url))

/** A folder that is all there is on PATH: nothing can be found there, nor installed with what is there. */
function emptyPath(): string {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-path-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

test('a server that runs somewhere is no program that the tests can start', () => {
  const env = { PATH: emptyPath(), REDIS_URL: 'redis://127.0.0.1:6379' }
  const { status, stderr } = spawnSync(process.execPath, [script], { env, encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toContain('install redis-server (or valkey-server)')
  expect(stderr).not.toContain('REDIS_URL')
})

test.each(['redis-server', 'valkey-server'])('%s on PATH is one', (name) => {
  const PATH = emptyPath()
  writeFileSync(join(PATH, name), '', { mode: 0o755 })
  expect(spawnSync(process.execPath, [script], { env: { PATH } }).status).toBe(0)
})
