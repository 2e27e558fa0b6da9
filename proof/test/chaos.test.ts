import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { eventually } from '@tidemark/testkit'
import { afterAll, expect, test } from 'vitest'
import { FAULT_KINDS } from '../src/chaos/faults/kinds.ts'
import { ENOUGH_FROM_REDIS } from '../src/chaos/report/report.ts'
import { runChaos } from '../src/chaos/run/run-chaos.ts'
import type { ChaosSettings } from '../src/chaos/run/settings.ts'

const WITHIN_MS = 60_000
const SHORT: ChaosSettings = {
  forMs: 10_000,
  seed: 1,
  workers: 3,
  keys: 16,
  ack: 'bounded',
  faults: FAULT_KINDS,
  sabotage: undefined,
}

/** A run on a machine with much else to do sees few of the reads that count: others add to it, up to so many. */
const MOST_RUNS = 6
const ENOUGH = 100

test.each(['bounded', 'strict'] as const)(
  'a short run, acknowledged %s, violates nothing',
  async (ack) => {
    let [atRisk, byRedis, share] = [0, 0, 0]
    const calls = { loads: 0, getOrSets: 0, invalidations: 0 }
    for (let run = 0; run < MOST_RUNS && (Math.min(atRisk, byRedis) <= ENOUGH || share < ENOUGH_FROM_REDIS); run++) {
      const report = await runChaos({ ...SHORT, seed: SHORT.seed + run, ack })
      expect(report.violations).toEqual({})
      expect(report.outcome).toBe('passed')
      expect(report.faultsMade).toBeGreaterThan(3)
      atRisk += report.atRiskReads
      byRedis += report.redisReads
      for (const name of ['loads', 'getOrSets', 'invalidations'] as const) calls[name] += report[name]
      // Of the best run: how long Redis is out after a fault does not depend on how many runs there are.
      share = Math.max(share, report.redisShare)
    }
    expect(atRisk).toBeGreaterThan(ENOUGH)
    // It would prove nothing about a front that nobody, or hardly anybody, has read from.
    expect(byRedis).toBeGreaterThan(ENOUGH)
    expect(share).toBeGreaterThanOrEqual(ENOUGH_FROM_REDIS)
    for (const count of Object.values(calls)) expect(count).toBeGreaterThan(ENOUGH / 5)
  },
  MOST_RUNS * WITHIN_MS,
)

test.each([
  ['unfenced-fill', 'staleBeyondBound'],
  ['blind-update', 'lostUpdates'],
  ['swapped-record', 'integrity'],
  ['unleased-load', 'overtakenLoads'],
  ['forgotten-tags', 'staleBeyondBound'],
] as const)(
  'a run with the sabotage %s reports %s',
  async (sabotage, kind) => {
    const report = await runChaos({ ...SHORT, forMs: 4_000, faults: [], sabotage })
    expect(report.outcome).toBe('violated')
    expect(report[kind]).toBeGreaterThan(0)
    expect(report.violations[kind]?.excerpts).not.toEqual([])
  },
  WITHIN_MS,
)

test(
  'a run without fences, on the production code otherwise, reports what they are there for',
  async () => {
    const report = await runChaos({ ...SHORT, workers: 4, forMs: 15_000, faults: ['stutter'], sabotage: 'no-fences' })
    expect(report.outcome).toBe('violated')
    const { staleAfterAck, staleBeyondBound, sessionViolations, diverged } = report
    expect(staleAfterAck + staleBeyondBound + sessionViolations + diverged).toBeGreaterThan(0)
  },
  WITHIN_MS,
)

const MAIN = fileURLToPath(new URL('../src/chaos/main.ts', import.meta.url))

/** Where a command that is killed leaves its files. */
const folder = mkdtempSync(join(tmpdir(), 'tidemark-test-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Starts the command, and waits until its workers run. */
async function startCommand(): Promise<{ readonly command: ChildProcess; readonly started: readonly number[] }> {
  const args = ['--for', '60s', '--workers', '2', '--keys', '8', '--faults', 'kill-clients', '--json']
  const command = spawn(process.execPath, [MAIN, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...process.env, TMPDIR: folder },
  })
  const children = (name: string): readonly number[] => childrenOf(command.pid!, name)
  await eventually('workers and servers run', () => {
    return children('chaos-worker').length === 2 && children('redis-server').length + children('valkey').length === 2
  })
  return { command, started: childrenOf(command.pid!, '') }
}

function childrenOf(pid: number, name: string): readonly number[] {
  const lines = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n')
  return lines.flatMap((line) => {
    const [, child, parent, args = ''] = /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? []
    return Number(parent) === pid && args.includes(name) && !args.startsWith('ps ') ? [Number(child)] : []
  })
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

test(
  'Ctrl-C ends a run early and in order: there is a report that says so, and nothing is left running',
  async () => {
    const { command, started } = await startCommand()
    const output = text(command.stdout!)
    command.kill('SIGINT')
    const [code] = await once(command, 'exit')
    const report = JSON.parse(await output) as { readonly outcome: string; readonly elapsedMs: number }
    expect({ code, outcome: report.outcome }).toEqual({ code: 130, outcome: 'interrupted' })
    expect(report.elapsedMs).toBeLessThan(60_000)
    await eventually('everything has ended', () => !started.some(isAlive))
  },
  WITHIN_MS,
)

test(
  'when the command is killed, nothing is left running, not even a worker that is stopped',
  async () => {
    const { command, started } = await startCommand()
    process.kill(childrenOf(command.pid!, 'chaos-worker')[0]!, 'SIGSTOP')
    command.kill('SIGKILL')
    await eventually('everything has ended', () => !started.some(isAlive))
  },
  WITHIN_MS,
)
