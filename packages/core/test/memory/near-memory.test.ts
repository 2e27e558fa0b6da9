import { change, filling, ManualClock, missing } from '@tidemark/testkit'
import { describe, expect, it } from 'vitest'
import { createNearMemory, type NearFront, type NearMemoryOptions, StoreKey } from '../../src/index.ts'
import { CoarseTime } from '../../src/memory/coarse-time.ts'

const id = (key: string): string => StoreKey.of(key).id

/** How long the front keeps the record of `a` that `offer` gives it. */
function lifetimeOf(options: NearMemoryOptions, offer: (near: NearFront, now: number) => void): number {
  const clock = new ManualClock()
  const near = createNearMemory({ clock, random: () => 0.5, ...options })
  offer(near, clock.now())
  return near.peek(id('a'))!.until - clock.now()
}

describe('near memory', () => {
  it('keeps values and absences for their own times, shortened by the jitter and never longer', () => {
    const value = (near: NearFront): void => void near.fillNow(filling('a', 1, 1, 1))
    const absence = (near: NearFront): void => void near.fillNow(missing('a', 1))
    expect(lifetimeOf({ ttlMs: 1000, jitter: 0 }, value)).toBe(1000)
    expect(lifetimeOf({ ttlMs: 1000, jitter: 0.2 }, value)).toBe(900)
    expect(lifetimeOf({ ttlMs: 1000, jitter: 1, random: () => 0 }, value)).toBe(1000)
    expect(lifetimeOf({ negativeTtlMs: 300, jitter: 0 }, absence)).toBe(300)
    expect(lifetimeOf({ jitter: 0 }, value)).toBe(60_000)
    expect(lifetimeOf({ jitter: 0 }, absence)).toBe(10_000)
  })

  it('never keeps a record longer than the tier below, or than its entry exists', () => {
    expect(lifetimeOf({}, (near, now) => near.fillNow(filling('a', 1, 1, 1, { until: now + 7 })))).toBe(7)
    expect(lifetimeOf({}, (near, now) => near.applyNow([change(1, 'a', 1, { expiresAt: now + 5 })], 'install'))).toBe(5)
  })

  it('serves a record until its time, and not at it', () => {
    const clock = new ManualClock()
    const near = createNearMemory({ clock, ttlMs: 100, jitter: 0 })
    near.fillNow(filling('a', 1, 1, 1))
    clock.advance(99)
    expect(near.peek(id('a'))).toBeDefined()
    clock.advance(1)
    expect(near.peek(id('a'))).toBeUndefined()
    // What has ended is no reason to refuse what comes again.
    expect(near.fillNow(filling('a', 1, 1, 1))).toBe('installed')
  })

  it('makes room for new records at the cost of those that were used the longest time ago', () => {
    const near = createNearMemory({ maxEntries: 2 })
    near.fillNow(filling('a', 1, 1, 1))
    near.fillNow(filling('b', 1, 1, 1))
    near.peek(id('a'))
    near.fillNow(filling('c', 1, 1, 1))
    expect(['a', 'b', 'c'].map((key) => near.peek(id(key)) !== undefined)).toEqual([true, false, true])
  })

  it('counts bytes, and drops what is larger than everything', () => {
    const near = createNearMemory({ maxBytes: 20_000 })
    const kilobyte = 'x'.repeat(1000)
    for (let i = 0; i < 100; i++) near.fillNow(filling(`k${i}`, kilobyte, 1, 1))
    const held = Array.from({ length: 100 }, (_, i) => near.peek(id(`k${i}`))).filter((found) => found !== undefined)
    expect(held.length).toBeGreaterThan(10)
    expect(held.length).toBeLessThanOrEqual(20)
    near.fillNow(filling('a', 1, 1, 1))
    near.applyNow([change(2, 'a', 'x'.repeat(30_000))], 'install')
    expect(near.peek(id('a'))).toBeUndefined()
    expect(near.peek(id('k99'))).toBeDefined()
  })

  it.each([
    [{ maxEntries: 0 }, RangeError],
    [{ maxBytes: -1 }, RangeError],
    [{ ttlMs: 0 }, RangeError],
    [{ negativeTtlMs: Number.NaN }, RangeError],
    [{ jitter: 1.1 }, RangeError],
    [{ ttl: 1 }, TypeError],
  ])('refuses %o', (options, error) => {
    expect(() => createNearMemory(options as NearMemoryOptions)).toThrow(error)
    expect(() => createNearMemory(options as NearMemoryOptions)).toThrow(Object.keys(options)[0])
  })
})

describe('CoarseTime', () => {
  it('reads the clock once a millisecond', () => {
    const clock = new ManualClock(1000)
    let reads = 0
    const time = new CoarseTime({ ...clockOf(clock), now: () => (reads++, clock.now()) })
    for (let i = 0; i < 200; i++) expect(time.now()).toBe(1000)
    expect(reads).toBe(1)
    clock.advance(1)
    expect([time.now(), time.now(), reads]).toEqual([1001, 1001, 2])
  })

  it('moves on when timers do not run', () => {
    const clock = new ManualClock(1000)
    const time = new CoarseTime(clock)
    time.now()
    clock.step(5000)
    const seen = new Set(Array.from({ length: 300 }, () => time.now()))
    expect([...seen]).toEqual([1000, 6000])
  })
})

function clockOf(clock: ManualClock): ConstructorParameters<typeof CoarseTime>[0] {
  return {
    now: () => clock.now(),
    monotonic: () => clock.monotonic(),
    schedule: (delayMs, task) => clock.schedule(delayMs, task),
    sleep: (delayMs) => clock.sleep(delayMs),
  }
}
