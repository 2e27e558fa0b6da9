import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Report } from '../src/runner/report.ts'

const MAIN = fileURLToPath(new URL('../src/main.ts', import.meta.url))

function bench(...args: string[]) {
  return spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
}

test('a quick run prints one JSON document with every contender and target', () => {
  const { status, stdout, stderr } = bench('--quick', '--rounds', '2', '--case', 'near-peek', '--json')
  expect({ status, failed: /FAILED.*/.exec(stderr)?.[0] }).toEqual({ status: 0, failed: undefined })
  const report = JSON.parse(stdout) as Report

  expect(report.version).toBe(1)
  expect(report.settings).toMatchObject({ quick: true, rounds: 2 })
  expect(report.environment).toMatchObject({
    cpu: expect.any(String),
    cores: expect.any(Number),
    commit: expect.any(String),
    node: process.versions.node,
    sqlite: expect.stringMatching(/^3\./),
    drivers: { 'better-sqlite3': expect.any(String), 'lru-cache': expect.any(String) },
    peers: { bentocache: expect.any(String), ioredis: expect.stringMatching(/^5\./) },
  })
  expect(report.cases.map(({ name }) => name)).toEqual(['near-peek'])
  const contenders = report.cases[0]!.contenders
  expect(contenders.map(({ name }) => name)).toEqual(['near-memory-peek', 'tidemark-peek', 'lru-cache'])
  for (const { failure, rounds, medianMicros } of contenders) {
    expect(failure).toBeUndefined()
    expect(rounds).toHaveLength(2)
    expect(medianMicros).toBeGreaterThan(0)
  }
  expect(report.verdicts).toHaveLength(2)
  for (const verdict of report.verdicts) {
    expect(verdict).toMatchObject({ case: 'near-peek', target: '≥ 0.5 × lru-cache', theirs: 'lru-cache' })
    expect(verdict.value).toBeCloseTo(verdict.theirsMicros! / verdict.oursMicros!)
    expect(verdict.reached).toBe(verdict.value! >= 0.5)
  }
})

test('what it does not understand it refuses, and says what there is', () => {
  const unknown = bench('--case', 'near-poke')
  expect(unknown.status).toBe(2)
  expect(unknown.stderr).toContain('near-peek')
  expect(bench('--rounds', 'many').status).toBe(2)
  expect(bench('--fast').status).toBe(2)
})

test('--help lists the cases', () => {
  const { status, stdout } = bench('--help')
  expect(status).toBe(0)
  expect(stdout).toContain('durable-set-128')
})
