import { ManualClock } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { Outage } from '../src/shared/outage.ts'

const GRACE_MS = 100

function outage() {
  const clock = new ManualClock()
  const seen = { answeredAt: -Infinity, suspensions: 0 }
  const watched = new Outage({
    clock,
    graceMs: GRACE_MS,
    hasAnsweredSince: (time) => seen.answeredAt >= time,
    suspend: () => seen.suspensions++,
  })
  return { clock, seen, watched }
}

test('one write was missed, and the front cannot be reached for the whole grace: it is suspended then, once', () => {
  const { clock, seen, watched } = outage()
  for (let i = 0; i < 5; i++) watched.missed()
  clock.advance(GRACE_MS - 1)
  expect(seen.suspensions).toBe(0)
  clock.advance(1)
  expect(seen.suspensions).toBe(1)
  clock.advance(10 * GRACE_MS)
  expect(seen.suspensions).toBe(1)
})

test('a connection that was made anew within the grace suspends nothing, whether somebody writes or not', () => {
  const { clock, seen, watched } = outage()
  watched.missed()
  clock.advance(GRACE_MS / 2)
  seen.answeredAt = clock.monotonic()
  clock.advance(GRACE_MS)
  expect(seen.suspensions).toBe(0)
  watched.reached()
  watched.missed()
  watched.reached()
  clock.advance(10 * GRACE_MS)
  expect(seen.suspensions).toBe(0)
})

test('writes are missed again and again over the grace, though the front answers otherwise', () => {
  const { clock, seen, watched } = outage()
  watched.missed()
  seen.answeredAt = clock.monotonic()
  clock.advance(GRACE_MS)
  expect(seen.suspensions).toBe(0)
  watched.missed()
  expect(seen.suspensions).toBe(1)
})

test('what the front answered before the last write that was missed says nothing', () => {
  const { clock, seen, watched } = outage()
  watched.missed()
  clock.advance(GRACE_MS / 4)
  seen.answeredAt = clock.monotonic()
  clock.advance(GRACE_MS / 4)
  watched.missed()
  clock.advance(GRACE_MS)
  expect(seen.suspensions).toBe(1)
})

test('after it was closed, it suspends nothing by itself', () => {
  const { clock, seen, watched } = outage()
  watched.missed()
  watched.close()
  clock.advance(GRACE_MS)
  expect(seen.suspensions).toBe(0)
})
