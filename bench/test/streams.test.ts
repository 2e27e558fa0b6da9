import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Report } from '../src/runner/report.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A quick run of one case, in which nobody may fail: each contender checks what it did. */
function quick(name: string): Report['cases'][number] {
  const { stdout, stderr } = spawnSync(process.execPath, [MAIN, '--quick', '--rounds', '1', '--case', name, '--json'], {
    encoding: 'utf8',
  })
  expect(/FAILED.*/.exec(stderr)?.[0]).toBeUndefined()
  const report = JSON.parse(stdout) as Report
  for (const { failure, medianMicros } of report.cases[0]!.contenders) {
    expect(failure).toBeUndefined()
    expect(medianMicros).toBeGreaterThan(0)
  }
  expect(report.verdicts.every(({ value }) => value !== undefined)).toBe(true)
  return report.cases[0]!
}

test('change-latency: every write comes to the other process, whoever brings it', { timeout: 120_000 }, () => {
  const { contenders } = quick('change-latency')
  expect(contenders.map(({ name }) => name)).toEqual([
    'tidemark-nudged',
    'tidemark-polling',
    'sqlite-and-publish',
    'sqlite-polled-2ms',
    'ioredis-publish',
  ])
  for (const { notes } of contenders) expect(notes).toMatchObject({ p50: expect.any(Number), 'of so many writes': 150 })
})

test('relay-latency: every write comes to the process without the file', { timeout: 120_000 }, () => {
  for (const { notes } of quick('relay-latency').contenders) expect(notes['of so many writes']).toBe(150)
})

test('replay: all contenders read the same values', { timeout: 120_000 }, () => {
  expect(quick('replay').contenders).toHaveLength(4)
})

test('subscribers-50: every subscriber sees every write', { timeout: 120_000 }, () => {
  expect(quick('subscribers-50').contenders).toHaveLength(3)
})

test('compaction-cost: the log is as short as it is to be', { timeout: 120_000 }, () => {
  const [compacted] = quick('compaction-cost').contenders
  expect(compacted!.notes['longest log']).toBeGreaterThan(0)
})

test('consumer-throughput: every event has its effect, in each of the databases', { timeout: 120_000 }, () => {
  expect(quick('consumer-throughput').contenders.map(({ name }) => name)).toEqual([
    'tidemark',
    'tidemark-with-redis',
    'bullmq',
    'bullmq-grouped',
  ])
})

test('sync-rows: the target has what the source has', { timeout: 120_000 }, () => {
  expect(quick('sync-rows').contenders.map(({ name }) => name)).toEqual([
    'tidemark',
    'tidemark-with-near',
    'sqlite-copy',
  ])
})
