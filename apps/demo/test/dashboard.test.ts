import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { frontHealthOf } from '../src/fleet/front-health.ts'
import type { FrontStats } from '../src/instance/tier-watch.ts'
import { renderDashboard } from '../src/view/dashboard.ts'
import type { Snapshot } from '../src/view/snapshot.ts'

const TROUBLE = { frontFailures: 0, followFailures: 0, nearRestarts: 0, last: null }
const SERVING: FrontStats = { state: 'serving', reason: null, error: null, bypasses: 0, starts: 1 }
const GONE: FrontStats = {
  ...SERVING,
  state: 'bypassed',
  reason: 'unreachable',
  error: 'connect ECONNREFUSED 127.0.0.1:6379, and much more that nobody has room for on a screen',
  bypasses: 2,
}

describe('the health of the shared front', () => {
  const serving = { front: SERVING, trouble: TROUBLE }
  const calm = { before: serving, now: serving }
  const gone = { front: GONE, trouble: { ...TROUBLE, frontFailures: 7 } }
  const troubled = { before: undefined, now: gone }

  it('is that of all instances, since the load began', () => {
    expect(frontHealthOf([calm, calm], [calm, calm])).toEqual({
      serving: 2,
      reason: undefined,
      error: undefined,
      bypasses: 0,
      failures: 0,
    })
    const before = { front: { ...SERVING, bypasses: 1 }, trouble: { ...TROUBLE, frontFailures: 3 } }
    const between = { before, now: gone }
    expect(frontHealthOf([calm, between, undefined], [calm, between])).toEqual({
      serving: 1,
      reason: 'unreachable',
      error: GONE.error,
      bypasses: 1,
      failures: 4,
    })
  })

  it('is shown, and fits with everything else into 80 columns and 24 rows', () => {
    const shown = (health: Snapshot['frontHealth']): string =>
      stripVTControlCharacters(renderDashboard({ ...SNAPSHOT, frontHealth: health }))
    const well = shown(frontHealthOf([calm, calm, calm], [calm]))
    const badly = shown(frontHealthOf([calm, troubled, troubled], [calm, troubled, troubled]))
    expect(well).toContain('✓ serves all 3 instances')
    expect(badly).toContain('⚠ bypassed by 2 of 3: unreachable · 4× bypassed, 14 failed calls')
    expect(shown(undefined)).not.toMatch(/serves|bypassed/)
    for (const frame of [well, badly]) {
      expect(frame).toContain('1,234× kill -9')
      expect(frame).toContain('totals 123 behind · audit 123,456 lines · replica 1,234 behind')
      expect(frame).toContain('other instances see it after 1234 ms · p99 12345 ms · max 123456 ms')
      expect(Math.max(...frame.split('\n').map((line) => line.length))).toBeLessThanOrEqual(80)
      // One is the cursor's.
      expect(frame.split('\n').length).toBeLessThanOrEqual(23)
    }
  })
})

const SNAPSHOT: Snapshot = {
  front: 'Redis 7.0.15 at 127.0.0.1:45775 (private, stopped at exit)',
  frontHealth: undefined,
  places: 135_233,
  uptimeMs: 5_000,
  rows: [1, 2, 3].map((instance) => ({
    instance,
    url: `http://127.0.0.1:4284${instance}`,
    isUp: true,
    requestsPerSecond: 12_345,
    p50Ms: 12.34,
    p99Ms: 123.4,
    hitRatio: { near: 1, redis: 0, sqlite: 0 },
    changesSeen: 123_456,
    staleReads: 0,
  })),
  hitRatio: { near: 1, redis: 0, sqlite: 0 },
  reads: 12_345_678,
  writes: 123_456,
  conflicts: 12_345,
  errors: 12,
  kills: 1_234,
  interrupted: 12_345,
  lastError: 'instance 1: PATCH 646005 answered 500 {"error":{"code":"INTERNAL","message":"something went wrong"}}',
  staleReads: 0,
  tornReads: 0,
  outOfOrder: 0,
  duplicates: 0,
  resumes: 1_234,
  reader: {
    url: 'http://127.0.0.1:42844',
    isUp: true,
    changesSeen: 123_456,
    reads: 1_234_567,
    absent: 12,
    stale: 0,
    torn: 0,
  },
  followers: { totalsLag: 123, isWorkerUp: true, auditLines: 123_456, auditLag: 0, replicaLag: 1_234 },
  staleness: { count: 1, p50: 1_234, p99: 12_345, max: 123_456 },
  lag: { p50: 1_234, p99: 12_345 },
}
