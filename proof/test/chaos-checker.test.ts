import { describe, expect, test } from 'vitest'
import { Intervals } from '../src/chaos/check/intervals.ts'
import { Story } from './support/story.ts'

test('a history in which everything is as it should be', () => {
  const story = new Story()
  story.read('w1', undefined, 0, 5)
  story.set('w0', 'a', 10, 20)
  story.read('w1', 'a', 15, 18)
  story.read('w1', 'a', 21, 22, { via: 'entry', version: 1 })
  story.set('w1', 'b', 30, 40)
  story.read('w0', 'a', 35, 45)
  story.read('w0', 'b', 36, 38)
  story.delete('w0', 50, 60)
  story.call('w1', 'w1-nothing', 70, 80, { op: 'delete', version: 3, changed: false })
  story.read('w1', undefined, 81, 82)
  expect(story.told()).toMatchObject({ kinds: [], staleReads: 0, maxStalenessMs: 0, atRiskReads: 3 })
})

describe('durability', () => {
  test('an acknowledged write that is not in the log', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.call('w0', 'b', 20, 30, { version: 2 })
    const { violations, findings } = story.told()
    expect(violations).toEqual({ lostWrites: 1 })
    expect(findings.all().lostWrites?.excerpts[0]).toContain(
      'b [20.0, 30.0] → version 2, but the log has nothing there',
    )
  })

  test('another write in its place, and a delete that is none', () => {
    const story = new Story()
    story.commit('x')
    story.call('w0', 'a', 0, 10, { version: 1 })
    story.call('w0', 'd', 20, 30, { op: 'delete', version: 1 })
    story.commit(undefined, { key: 'other' })
    story.call('w0', 'e', 40, 50, { op: 'delete', version: 2 })
    expect(story.told().violations).toMatchObject({ lostWrites: 3 })
  })

  test('a delete that found nothing is not in the log', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10, { key: 'other' })
    story.call('w0', 'd', 20, 30, { op: 'delete', version: 1, changed: false })
    expect(story.told().violations).toEqual({})
  })

  test('a gap in the log', () => {
    const story = new Story()
    story.commit('a')
    story.commit('b', { seq: 3 })
    expect(story.told().violations).toEqual({ lostWrites: 1 })
  })

  test('an open write may be in the log or not', () => {
    const story = new Story()
    story.set('w0', 'a', 0, undefined)
    story.call('w1', 'b', 0, undefined)
    story.read('w2', 'a', 10, 20)
    expect(story.told().violations).toEqual({})
  })
})

describe('integrity', () => {
  test.each([
    ['nobody has committed it', 'z', {}, 'nobody has committed that'],
    ['a value of another key', 'b', {}, 'that is a value of other'],
    ['other bytes', 'a', { hash: 'hash of something else' }, 'its hash is hash of something else'],
    ['another version', 'a', { version: 2 }, 'the log has it at 1'],
  ])('%s', (_, id, more, excerpt) => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.set('w0', 'b', 20, 30, { key: 'other' })
    story.read('w1', id, 40, 50, more)
    const { violations, findings } = story.told()
    expect(violations).toEqual({ integrity: 1 })
    expect(findings.all().integrity?.excerpts[0]).toContain(excerpt)
  })
})

describe('staleness', () => {
  function staleRead(at: number, more: Parameters<Story['read']>[4] = {}): Story {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.set('w0', 'b', 20, 100)
    story.read('w1', 'a', at, at + 5, more)
    return story
  }

  test('a read that races the write may see either', () => {
    expect(staleRead(99).told()).toMatchObject({ kinds: [], staleReads: 0, atRiskReads: 1 })
    expect(staleRead(100).told()).toMatchObject({ kinds: [], staleReads: 0, atRiskReads: 1 })
  })

  test('after the acknowledgement, without a fault', () => {
    expect(staleRead(150).told()).toMatchObject({ kinds: ['staleAfterAck'], staleReads: 1, maxStalenessMs: 50 })
  })

  test('in a fault it may be as old as the bound, and with strict acknowledgement not at all', () => {
    const story = staleRead(400)
    story.fault(90, 120)
    expect(story.told()).toMatchObject({ kinds: [], staleReads: 1, maxStalenessMs: 300, atRiskReads: 0 })
    expect(story.told({ ack: 'strict' }).violations).toEqual({ staleAfterAck: 1 })
  })

  test('a fault in which a front loses nothing excuses nothing', () => {
    const story = staleRead(150)
    story.fault(0, 1_000, false)
    expect(story.told()).toMatchObject({ kinds: ['staleAfterAck'], atRiskReads: 1 })
  })

  test('what follows from a fault for a while after its end is its own', () => {
    const story = staleRead(150)
    story.fault(0, 50)
    expect(story.told({ aftermathMs: 50 }).violations).toEqual({})
    expect(story.told({ aftermathMs: 49 }).violations).toEqual({ staleAfterAck: 1 })
  })

  test('beyond the bound, in a fault or not', () => {
    const story = staleRead(401)
    story.fault(90, 1_000)
    expect(story.told()).toMatchObject({ kinds: ['staleBeyondBound'], maxStalenessMs: 301, atRiskReads: 1 })
    expect(staleRead(401).told().violations).toEqual({ staleBeyondBound: 1, staleAfterAck: 1 })
  })

  test('a write that a front did not take excuses what misses it, within the bound', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.set('w0', 'b', 20, 30, { applied: false })
    story.read('w1', 'a', 100, 110)
    expect(story.told().violations).toEqual({})
    story.set('w0', 'c', 120, 130)
    story.read('w2', 'a', 140, 150)
    expect(story.told().violations).toEqual({ staleAfterAck: 1 })
  })

  test.each(['linearizable', 'last'] as const)('a %s read misses nothing, fault or not', (via) => {
    const story = staleRead(150, { via })
    story.fault(0, 1_000)
    expect(story.told().violations).toEqual({ staleAfterAck: 1, staleBeyondBound: 1 })
  })

  test('counts from the first write that was missed', () => {
    const story = staleRead(350)
    story.set('w0', 'c', 110, 340)
    expect(story.told().maxStalenessMs).toBe(250)
  })
})

describe('absence', () => {
  test('before the first write, and missing it', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.read('w1', undefined, 5, 20)
    expect(story.told().violations).toEqual({})
    story.read('w1', undefined, 11, 20)
    expect(story.told().violations).toEqual({ staleAfterAck: 1 })
  })

  test('may be any delete that had begun', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.delete('w0', 20, 30)
    story.set('w0', 'b', 40, 50)
    story.delete('w0', 500, 510)
    story.read('w1', undefined, 45, 60)
    story.read('w1', undefined, 490, 505)
    expect(story.told().violations).toEqual({})
    // The second delete had not begun yet; the first one was replaced long ago.
    story.read('w2', undefined, 480, 490)
    expect(story.told()).toMatchObject({ kinds: ['staleAfterAck', 'staleBeyondBound'], maxStalenessMs: 430 })
  })

  test('is the one that its process can still see', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.delete('w0', 20, 30)
    story.set('w0', 'b', 40, undefined)
    story.delete('w0', 50, undefined)
    story.call('w0', 'unknown', 50, undefined, { op: 'delete' })
    story.read('w1', 'b', 60, 70)
    story.read('w1', undefined, 80, 90)
    expect(story.told().violations).toEqual({})
  })

  test('binds the later reads of its process to no more than it must', () => {
    const story = new Story()
    story.delete('w0', 0, 10)
    story.set('w0', 'a', 20, 200)
    story.delete('w0', 30, 210)
    // Either absence would do; if it was the first one, the value may still follow.
    story.read('w1', undefined, 100, 110)
    story.read('w1', 'a', 120, 130)
    expect(story.told().violations).toEqual({})
    // After the value, it can only have been the second one, and then the value is gone.
    story.read('w1', undefined, 140, 150)
    story.read('w1', 'a', 160, 170)
    expect(story.told().violations).toEqual({ sessionViolations: 1 })
  })
})

test('an absence that may have been an old one, within the bound, has shown no more than that', () => {
  const story = new Story()
  story.set('w0', 'a', 0, 10)
  story.delete('w0', 20, 30)
  story.set('w0', 'b', 40, 50)
  story.delete('w0', 60, 70)
  story.fault(0, 1_000)
  story.read('w1', undefined, 100, 110)
  story.read('w1', 'b', 120, 130)
  expect(story.told()).toMatchObject({ kinds: [], staleReads: 1, maxStalenessMs: 50 })
  // With strict acknowledgement it can only have been the last one.
  expect(story.told({ ack: 'strict' }).violations).toMatchObject({ sessionViolations: 1 })
})

describe('sessions', () => {
  function told(...reads: readonly (readonly [session: string, id: string, from: number, to: number])[]) {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.set('w1', 'b', 20, 30)
    story.fault(0, 1_000)
    for (const read of reads) story.read(...read)
    return story.told().violations
  }

  test('a process sees what it has written', () => {
    expect(told(['w0', 'a', 100, 110])).toEqual({})
    expect(told(['w1', 'a', 100, 110])).toEqual({ sessionViolations: 1 })
  })

  test('a process sees what it has seen', () => {
    expect(told(['w2', 'a', 40, 50], ['w2', 'b', 60, 70])).toEqual({})
    expect(told(['w2', 'b', 40, 50], ['w2', 'a', 60, 70])).toEqual({ sessionViolations: 1 })
    expect(told(['w2', 'b', 40, 50], ['w3', 'a', 60, 70])).toEqual({})
  })

  test('reads at the same time are in no order', () => {
    expect(told(['w2', 'b', 40, 50], ['w2', 'a', 45, 70])).toEqual({})
    expect(told(['w2', 'b', 40, 50], ['w2', 'a', 45, 70], ['w2', 'a', 80, 90])).toEqual({ sessionViolations: 1 })
  })

  test('a delete that found nothing has shown an absence', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10)
    story.delete('w0', 20, 30)
    story.fault(0, 1_000)
    story.call('w1', 'w1-nothing', 40, 50, { op: 'delete', version: 2, changed: false })
    story.read('w1', 'a', 60, 70)
    expect(story.told().violations).toEqual({ sessionViolations: 1 })
  })
})

describe('order', () => {
  test('a read of what was not begun', () => {
    const story = new Story()
    story.set('w0', 'a', 100, 110)
    story.read('w1', 'a', 80, 99)
    expect(story.told().violations).toEqual({ futureReads: 1 })
  })

  test('a write that the log has before one that it followed, of whatever key', () => {
    const story = new Story()
    story.set('w0', 'a', 20, 30)
    story.set('w1', 'b', 0, 10, { key: 'other' })
    expect(story.told().violations).toEqual({ disorderedWrites: 1 })
  })

  test('writes at the same time may be in any order', () => {
    const story = new Story()
    story.set('w0', 'a', 5, 30)
    story.set('w1', 'b', 0, 10)
    expect(story.told().violations).toEqual({})
  })
})

describe('counters', () => {
  test('every increment counts once; open ones may count', () => {
    const story = new Story()
    story.increment('w0', 'a', 1, 0, 10)
    story.increment('w1', 'b', 2, 0, undefined)
    story.call('w1', 'c', 15, undefined, { op: 'increment' })
    story.increment('w0', 'd', 3, 20, 30, 'b')
    expect(story.told().violations).toEqual({})
  })

  test('an increment of what was no longer there', () => {
    const story = new Story()
    story.increment('w0', 'a', 1, 0, 10)
    story.increment('w1', 'b', 2, 20, 30, 'a')
    story.increment('w0', 'c', 2, 20, 30, 'a')
    const { violations, findings } = story.told()
    expect(violations).toEqual({ lostUpdates: 2 })
    expect(findings.all().lostUpdates?.excerpts).toEqual([
      'k went from 2 (b at 2) to 2 (c at 3)',
      'w0 increment k c [20.0, 30.0] → version 3 said it replaced a; in the log it replaced b',
    ])
  })

  test('an acknowledged increment that is nowhere', () => {
    const story = new Story()
    story.increment('w0', 'a', 1, 0, 10)
    story.call('w0', 'b', 20, 30, { op: 'increment', version: 2 })
    expect(story.told().violations).toEqual({ lostUpdates: 1, lostWrites: 1 })
  })
})

test('intervals overlap where they touch, and a long one hides no short one', () => {
  const intervals = new Intervals([
    { from: 10, to: 20 },
    { from: 0, to: 100 },
    { from: 30, to: 40 },
  ])
  expect(intervals.overlap(50, 60)).toBe(true)
  expect(intervals.overlap(100, 110)).toBe(true)
  expect(intervals.overlap(-5, 0)).toBe(true)
  expect(intervals.overlap(101, 110)).toBe(false)
  expect(intervals.overlap(-5, -1)).toBe(false)
})

test('a call that fails because of a front; one that fails for a lock is none', () => {
  const story = new Story()
  const failure = { kind: 'failure', session: 'w0', key: 'k', message: '', invoke: 0, return: 1 } as const
  story.failures.push({ ...failure, op: 'set', code: 'BUSY' })
  story.failures.push({ ...failure, op: 'background', code: 'TIMEOUT' })
  expect(story.told().violations).toEqual({})
  story.failures.push({ ...failure, op: 'get', code: 'TIMEOUT' })
  story.failures.push({ ...failure, op: 'background', code: 'TypeError' })
  expect(story.told().violations).toEqual({ failedCalls: 2 })
})

test('keeps the first five of a kind, and counts all', () => {
  const story = new Story()
  for (let i = 0; i < 9; i++) story.read('w0', `unknown${i}`, i, i)
  const finding = story.told().findings.all().integrity
  expect(finding?.count).toBe(9)
  expect(finding?.excerpts).toHaveLength(5)
})
