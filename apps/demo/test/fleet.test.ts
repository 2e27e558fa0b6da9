import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { Report } from '../src/figures.ts'
import { alive, commandLines, descendantsOf, type RunningFleet, startFleet } from './support/processes.ts'

const SMALL = ['--places', '500', '--connections', '6']
const DEADLINE = { timeout: 20_000, interval: 25 }

let data: string
let fleets: RunningFleet[]
beforeEach(async () => {
  data = await mkdtemp(join(tmpdir(), 'tidemark-fleet-'))
  fleets = []
})
afterEach(async () => {
  for (const { child } of fleets) child.kill('SIGKILL')
  await Promise.all(fleets.map(({ exited }) => exited))
  await rm(data, { recursive: true, force: true })
})

function start(args: readonly string[], env?: Record<string, string>): RunningFleet {
  const fleet = startFleet(['--data', data, ...SMALL, ...args], env)
  fleets.push(fleet)
  return fleet
}

/** Resolves with what it has started, when its instances serve. */
async function started(fleet: RunningFleet, atLeast: number): Promise<readonly number[]> {
  await expect.poll(() => descendantsOf(fleet.pid).length, DEADLINE).toBeGreaterThanOrEqual(atLeast)
  return descendantsOf(fleet.pid)
}

async function lockIsFree(): Promise<boolean> {
  return !(await readdir(data)).includes('fleet.lock')
}

describe('npm start -- --for 3s --json', () => {
  // Three instances and the worker; with Redis the one without the file, the server and its guard.
  it.each([
    ['redis', [], 7],
    ['memory', ['--no-redis'], 4],
  ])('with %s in front prints one clean report and leaves nothing running', async (front, args, processes) => {
    const fleet = start(['--for', '3s', '--json', '--edits', '0.2', ...args])
    const pids = await started(fleet, processes)
    expect([await fleet.exited, fleet.output.stderr]).toEqual([0, ''])
    const report = JSON.parse(fleet.output.stdout) as Report
    expect(report).toMatchObject({
      front,
      instances: 3,
      places: 500,
      staleReads: 0,
      tornReads: 0,
      outOfOrder: 0,
      duplicates: 0,
      disagreements: 0,
      errors: 0,
      totals: { differences: 0, first: null },
      audit: { missing: 0, repeated: 0, outOfOrder: 0, wrong: 0 },
      replica: { differences: 0 },
      verified: { differences: 0, complete: true, error: null },
      failures: [],
    })
    expect(report.reads).toBeGreaterThan(100)
    expect(report.writes).toBeGreaterThan(10)
    expect(report.changesExpected).toBeGreaterThanOrEqual(3 * report.writes)
    expect(report.changesDelivered).toBe(report.changesExpected)
    const { instances, count, p50, p99, max } = report.stalenessMs
    // Everybody sees what the two others have written.
    expect(instances).toHaveLength(3)
    expect(instances.reduce((sum, of) => sum + of.count, 0)).toBe(count)
    expect(count).toBeGreaterThan(report.writes)
    expect(max).toBe(Math.max(...instances.map((of) => of.max)))
    expect([p50 <= p99, p99 <= max]).toEqual([true, true])
    expect(report.totals.countries).toBeGreaterThan(0)
    expect(report.audit.lines).toBeGreaterThanOrEqual(report.writes)
    expect(report.replica.entries).toBeGreaterThan(1_000)
    expect(report.watched.events).toBe(report.changesDelivered)
    expect(Object.values(report.watched.violations)).toEqual([0, 0, 0, 0, 0, 0])
    if (front === 'memory') expect(report.reader).toBeNull()
    else {
      expect(report.reader).toMatchObject({ stale: 0, torn: 0 })
      expect(report.reader!.reads).toBeGreaterThan(report.reader!.absent)
    }
    expect(report.verified.records >= 500).toBe(front === 'redis')
    expect(report.p99Ms).toBeGreaterThanOrEqual(report.p50Ms)
    expect(Object.keys(report.hitRatio)).toEqual(front === 'redis' ? ['near', 'redis', 'sqlite'] : ['near', 'sqlite'])
    expect(alive(pids)).toEqual([])
    expect(await lockIsFree()).toBe(true)
  })

  it('may be told to write nothing, and then claims nothing', async () => {
    const fleet = start(['--for', '300ms', '--edits', '0', '--no-redis', '--instances', '1'])
    expect([await fleet.exited, fleet.output.stderr]).toEqual([0, ''])
    expect(fleet.output.stdout).toContain('nothing was written, so nothing was checked')
  })

  it('notices stale reads, says so, and fails', async () => {
    const fleet = start(['--for', '3s', '--json', '--edits', '0.2'], { TIDEMARK_DEMO_FAULTS: 'stale' })
    expect(await fleet.exited).toBe(1)
    const report = JSON.parse(fleet.output.stdout) as Report
    expect(report.staleReads).toBeGreaterThan(0)
    expect(report.reader!.stale).toBeGreaterThan(0)
    expect(fleet.output.stderr).toMatch(/reads returned something older than an acknowledged write/)
    expect(fleet.output.stderr).toMatch(/reads without the file returned something older/)
  })
})

it('what a fleet keeps beside its places is compared: what is wrong is noticed, said, and fails it', async () => {
  const args = ['--for', '1s', '--json', '--edits', '0.5', '--no-redis']
  const fleet = start(args, { TIDEMARK_DEMO_FAULTS: 'miscounting,unaudited,uncopied' })
  expect(await fleet.exited).toBe(1)
  const { totals, audit, replica } = JSON.parse(fleet.output.stdout) as Report
  expect(totals.differences).toBeGreaterThan(0)
  expect(audit.missing).toBeGreaterThan(0)
  expect(replica.differences).toBeGreaterThan(0)
  expect(fleet.output.stderr).toMatch(/countries have other totals than their places: .. has/)
  expect(fleet.output.stderr).toMatch(/changes are not in the audit/)
  expect(fleet.output.stderr).toMatch(/keys are not the same in the replica/)
})

describe('npm start -- --kill', () => {
  it.each([
    ['redis', []],
    ['memory', ['--no-redis']],
  ])('with %s in front kills instances, and nothing is lost, repeated or out of order', async (front, args) => {
    const fleet = start(['--for', '4s', '--kill', '--json', '--edits', '0.2', ...args])
    expect([await fleet.exited, fleet.output.stderr]).toEqual([0, ''])
    const report = JSON.parse(fleet.output.stdout) as Report
    const none = { lost: 0, duplicates: 0, outOfOrder: 0, disagreements: 0, staleReads: 0, tornReads: 0, errors: 0 }
    const sides = {
      totals: { differences: 0 },
      audit: { missing: 0, repeated: 0, outOfOrder: 0, wrong: 0 },
      replica: { differences: 0 },
    }
    expect(report).toMatchObject({ front, ...none, ...sides, failures: [] })
    expect(report.totals.countries).toBeGreaterThan(0)
    expect(report.audit.lines).toBeGreaterThanOrEqual(report.writes)
    expect(report.kills).toBeGreaterThan(0)
    expect(report.writes).toBeGreaterThan(10)
    expect(report.changesDelivered).toBe(report.changesExpected)
  })

  it('notices streams that forget and repeat, says so, and fails', async () => {
    const args = ['--for', '4s', '--kill', '--json', '--edits', '0.2', '--no-redis']
    const fleet = start(args, { TIDEMARK_DEMO_FAULTS: 'forgetful,repeating' })
    expect(await fleet.exited).toBe(1)
    const { lost, duplicates, watched } = JSON.parse(fleet.output.stdout) as Report
    expect(lost).toBeGreaterThan(0)
    expect(duplicates).toBeGreaterThan(0)
    expect(watched.violations.bookmarkable).toBeGreaterThan(0)
    expect(watched.violations.unique).toBeGreaterThan(0)
    expect(fleet.output.stderr).toMatch(/changes were lost/)
    expect(fleet.output.stderr).toMatch(/changes were delivered more than once/)
  })
})

describe('the end of a fleet', () => {
  it('by Ctrl-C is orderly, and the next one finds the data; until then it shows nobody where its Redis is', async () => {
    const fleet = start([])
    const pids = await started(fleet, 5)
    await expect.poll(() => fleet.output.stdout, DEADLINE).toContain('warm ')
    await expect
      .poll(() => commandLines(fleet.pid), DEADLINE)
      .toContainEqual(expect.stringMatching(/instance.main\.ts/))
    expect(commandLines(fleet.pid).filter((line) => line.includes('redis://'))).toEqual([])
    fleet.child.kill('SIGINT')
    expect(await fleet.exited).toBe(0)
    expect(alive(pids)).toEqual([])
    expect(fleet.output.stdout).toMatch(/^front +.*Redis|^front +.*Valkey/)
    expect(fleet.output.stdout).toMatch(/500 loaded in/)
    const second = start(['--for', '300ms', '--edits', '0.5', '--no-redis', '--instances', '1'])
    expect(await second.exited).toBe(0)
    expect(second.output.stdout).toMatch(/500 places, loaded before/)
    expect(second.output.stdout).toMatch(/every promise was kept/)
  })

  it('by kill -9 takes everything along', async () => {
    const fleet = start(['--instances', '2'])
    const pids = await started(fleet, 4)
    fleet.child.kill('SIGKILL')
    await expect.poll(() => alive(pids), DEADLINE).toEqual([])
    // The lock that it left behind stops nobody.
    const second = start(['--for', '200ms', '--no-redis', '--instances', '1'])
    expect(await second.exited).toBe(0)
  })

  it('by the death of an instance is a failure that says so', async () => {
    const fleet = start(['--no-redis', '--instances', '2'])
    const [first, ...others] = await started(fleet, 2)
    await expect.poll(() => fleet.output.stdout, DEADLINE).toContain('warm ')
    process.kill(first!, 'SIGKILL')
    expect(await fleet.exited).toBe(1)
    expect(fleet.output.stdout + fleet.output.stderr).toMatch(/instance \d .*SIGKILL/)
    expect(alive(others)).toEqual([])
  })

  it('a second fleet on the same data is refused while the first one runs', async () => {
    const fleet = start(['--no-redis', '--instances', '1'])
    await started(fleet, 1)
    const second = start(['--no-redis', '--for', '1s'])
    expect(await second.exited).toBe(1)
    expect(second.output.stderr).toMatch(/another fleet \(pid \d+\) uses .*--data DIR/)
    fleet.child.kill('SIGTERM')
    expect(await fleet.exited).toBe(0)
  })
})

it('a wrong flag is one line and exit code 2', async () => {
  const fleet = start(['--bogus'])
  expect(await fleet.exited).toBe(2)
  expect(fleet.output).toEqual({ stdout: '', stderr: "Unknown option '--bogus'; see npm start -- --help\n" })
})

it('a data folder that can be none is one line and exit code 2', async () => {
  const fleet = start(['--data', '/dev/full', '--for', '1s'])
  expect(await fleet.exited).toBe(2)
  expect(fleet.output).toEqual({ stdout: '', stderr: '--data /dev/full cannot be used: it is no folder\n' })
})
