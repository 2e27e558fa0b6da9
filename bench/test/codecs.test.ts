import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Report } from '../src/runner/report.ts'
import { documentOf } from '../src/workload/document.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A quick run of one case, in which nobody may fail: each contender checks that what it stored comes back. */
function quick(name: string): Report['cases'][number] {
  const args = [MAIN, '--quick', '--rounds', '1', '--case', name, '--json']
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' })
  expect(/FAILED.*/.exec(stderr)?.[0]).toBeUndefined()
  return (JSON.parse(stdout) as Report).cases[0]!
}

test('documents are the same on every machine, and about 1 KB', () => {
  expect(documentOf(7)).toEqual(documentOf(7))
  expect(documentOf(7, 1)).toEqual({ ...documentOf(7), revision: 1 })
  expect(JSON.stringify(documentOf(7)).length).toBeGreaterThan(900)
  expect(JSON.stringify(documentOf(7)).length).toBeLessThan(1_400)
})

test('codec-pipeline: each codec gives back what was stored', { timeout: 120_000 }, () => {
  expect(quick('codec-pipeline').contenders).toHaveLength(5)
})

test('compression-encode: what is compressed is smaller, what is encrypted is larger', { timeout: 120_000 }, () => {
  const { contenders } = quick('compression-encode')
  const share = Object.fromEntries(contenders.map(({ name, notes }) => [name, Number(notes['share of plain'])]))
  for (const name of ['zstd', 'gzip', 'brotli', 'zstd-encrypted']) expect(share[name]).toBeLessThan(0.8)
  expect(share['encrypted']).toBeGreaterThan(1)
})
