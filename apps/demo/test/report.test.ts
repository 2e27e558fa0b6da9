import { styleText } from 'node:util'
import { describe, expect, it } from 'vitest'
import { Driver } from '../src/driver/driver.ts'
import { NO_SIDE_CHECKS } from '../src/fleet/side-checks.ts'
import { Monitor } from '../src/fleet/monitor.ts'
import type { Report, Verified } from '../src/figures.ts'
import { failuresOf } from '../src/verdict.ts'
import { fit } from '../src/view/fit.ts'
import { renderSummary } from '../src/view/plain.ts'
import { startApi } from './support/api.ts'

const QUIET: Report = {
  front: 'memory',
  instances: 1,
  places: 500,
  durationMs: 1_000,
  reads: 1_000,
  writes: 0,
  requestsPerSecond: 1_000,
  p50Ms: 1,
  p99Ms: 2,
  writeP50Ms: 0,
  writeP99Ms: 0,
  hitRatio: {},
  staleReads: 0,
  tornReads: 0,
  changesExpected: 0,
  changesDelivered: 0,
  lost: 0,
  outOfOrder: 0,
  duplicates: 0,
  disagreements: 0,
  resumes: 0,
  lagP50Ms: 0,
  lagP99Ms: 0,
  stalenessMs: { count: 0, p50: 0, p99: 0, max: 0, instances: [] },
  conflicts: 0,
  errors: 0,
  kills: 0,
  interrupted: 0,
  frontFailures: 0,
  frontBypasses: 0,
  watched: {
    events: 0,
    violations: { ordered: 0, unique: 0, atomic: 0, reliable: 0, resumable: 0, bookmarkable: 0 },
  },
  reader: null,
  ...NO_SIDE_CHECKS,
  verified: { records: 0, differences: 0, complete: true, error: null },
  failures: [],
}
const BUSY: Report = { ...QUIET, writes: 20, changesExpected: 20, changesDelivered: 20 }

describe('a run in which nothing was written', () => {
  const circumstances = { turns: 1_000, edits: 0.02, lastError: undefined, firstViolation: undefined }

  it('has failed when there should have been writes', () => {
    expect(failuresOf(QUIET, circumstances)).toEqual(['nothing was written in 1000 turns, so nothing was checked'])
    expect(failuresOf(BUSY, circumstances)).toEqual([])
  })

  it('is fine when there were to be none, or when it was too short for any', () => {
    expect(failuresOf(QUIET, { ...circumstances, edits: 0 })).toEqual([])
    expect(failuresOf(QUIET, { ...circumstances, turns: 100 })).toEqual([])
  })

  it('claims nothing', () => {
    expect(renderSummary(QUIET)).toContain('nothing was written, so nothing was checked')
    expect(renderSummary(QUIET)).not.toContain('every promise')
    expect(renderSummary(BUSY)).toContain('every promise was kept')
  })
})

describe('the instance without the file', () => {
  const circumstances = {
    turns: 1_000,
    edits: 0.02,
    lastError: undefined,
    firstViolation: 'subscriber 1 is not unique: 7 came twice',
  }
  const reader = { reads: 100, absent: 4, stale: 0, torn: 0 }

  it('fails a run by what it shows', () => {
    expect(failuresOf({ ...BUSY, reader }, circumstances)).toEqual([])
    expect(failuresOf({ ...BUSY, reader: { ...reader, stale: 2 } }, circumstances)).toEqual([
      '2 reads without the file returned something older than what its stream had shown',
    ])
    expect(failuresOf({ ...BUSY, reader: { ...reader, torn: 1 } }, circumstances)).toHaveLength(1)
  })

  it('that finds nothing at all has not been put to the test', () => {
    expect(failuresOf({ ...BUSY, reader: { ...reader, absent: 100 } }, circumstances)).toEqual([
      'none of 100 reads without the file found anything',
    ])
  })

  it('is told of', () => {
    expect(renderSummary({ ...BUSY, reader })).toContain('100 reads without the file, 96 found, 0 behind')
  })

  it('a stream that breaks a promise of watches fails the run, too', () => {
    const violations = { ...BUSY.watched.violations, unique: 3 }
    expect(failuresOf({ ...BUSY, watched: { events: 7, violations } }, circumstances)).toEqual([
      '3 times a stream was not unique; the first thing that was wrong: subscriber 1 is not unique: 7 came twice',
    ])
  })
})

describe('what a fleet keeps beside its places', () => {
  const circumstances = { turns: 1_000, edits: 0.02, lastError: undefined, firstViolation: undefined }
  const { audit, replica } = NO_SIDE_CHECKS

  it.each<[Partial<Report>, string]>([
    [
      { totals: { countries: 246, differences: 1, first: 'DE has 2, and 3 were counted' } },
      '1 countries have other totals than their places: DE has 2, and 3 were counted',
    ],
    [{ audit: { ...audit, missing: 2 } }, '2 changes are not in the audit'],
    [{ audit: { ...audit, repeated: 2 } }, '2 changes are in the audit more than once'],
    [{ audit: { ...audit, outOfOrder: 2 } }, '2 lines of the audit come after later ones of their key'],
    [{ audit: { ...audit, wrong: 2 } }, '2 lines of the audit are not what the log has'],
    [{ replica: { ...replica, differences: 3 } }, '3 keys are not the same in the replica'],
  ])('fails a run: %j', (changed, failure) => {
    expect(failuresOf({ ...BUSY, ...changed }, circumstances)).toEqual([failure])
  })

  it('is told of', () => {
    const text = renderSummary({
      ...BUSY,
      audit: { ...audit, lines: 1_234 },
      replica: { entries: 5_678, differences: 0 },
    })
    expect(text).toContain('1,234 lines of audit, 0 missing')
    expect(text).toContain('5,678 keys held against the replica, 0 differ')
  })
})

describe('the comparison of Redis with SQLite', () => {
  const verified: Verified = { records: 1_200, differences: 0, complete: true, error: null }
  const after = (changed: Partial<Verified>): Report => {
    return { ...BUSY, front: 'redis', verified: { ...verified, ...changed } }
  }

  it('fails a run only by differences', () => {
    const circumstances = { turns: 1_000, edits: 0.02, lastError: undefined, firstViolation: undefined }
    expect(failuresOf(after({ differences: 2 }), circumstances)).toEqual(['2 records in Redis are not what SQLite has'])
    expect(failuresOf(after({ complete: false }), circumstances)).toEqual([])
    expect(failuresOf(after({ complete: false, error: 'gone' }), circumstances)).toEqual([])
  })

  it('is told as it was', () => {
    expect(renderSummary(after({}))).toContain('1,200 records of Redis compared with SQLite, 0 differ')
    expect(renderSummary(after({ complete: false }))).toContain('1,200 records, not all of them, of Redis compared')
    expect(renderSummary(after({ error: 'gone' }))).toContain('not compared: gone')
    expect(renderSummary(BUSY)).not.toContain('compared')
  })
})

describe('a frame', () => {
  const frame = `${styleText('bold', 'abc', { validateStream: false })}def\nghi\njkl\nmno`

  it('is cut to the terminal, and its styles still end', () => {
    expect(fit(frame, 2, 3)).toBe(`${styleText('bold', 'ab', { validateStream: false })}\ngh`)
    expect(fit(frame, 5, 3)).toBe(`${styleText('bold', 'abc', { validateStream: false })}de\nghi`)
  })

  it('is left alone where there is room', () => {
    expect(fit(frame, 80, 24)).toBe(frame)
  })
})

it('a look right after another one keeps its rates', async () => {
  const api = await startApi()
  const driver = new Driver({
    urls: [api.url],
    places: [],
    connections: 1,
    rate: Infinity,
    edits: 0,
    readerUrl: undefined,
  })
  let now = 0
  try {
    await driver.listen()
    const monitor = new Monitor(driver, () => now)
    for (let i = 0; i < 100; i++) driver.clients[0]!.latency.record(3, false)
    now = 1_000
    await monitor.look()
    now = 1_010
    await monitor.look()
    expect(monitor.rows).toMatchObject([{ requestsPerSecond: 100, p50Ms: expect.closeTo(3, 1) }])
    now = 2_000
    await monitor.look()
    expect(monitor.rows).toMatchObject([{ requestsPerSecond: 0 }])
  } finally {
    await driver.close()
    await api.close()
  }
})
