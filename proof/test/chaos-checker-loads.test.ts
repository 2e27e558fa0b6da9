import { describe, expect, test } from 'vitest'
import { Story } from './support/story.ts'

describe('loads', () => {
  /** A loader was called at 10, and brought `a`. */
  function loading(more: Parameters<Story['load']>[3] = {}): Story {
    const story = new Story()
    story.load('w0', 'a', 10, more)
    return story
  }

  function overtaken(story: Story): readonly string[] {
    const { violations, findings } = story.told()
    expect(violations).toEqual({ overtakenLoads: findings.count('overtakenLoads') })
    return findings.all().overtakenLoads!.excerpts
  }

  test('what is stored is read like what is written', () => {
    const story = loading({ returned: 30_000 })
    story.commit('a', { tags: ['t'] })
    story.read('w0', 'a', 5, 30, { via: 'getOrSet' })
    story.read('w1', 'a', 40, 50)
    expect(story.told().violations).toEqual({})
    story.read('w1', 'a', 0, 9)
    expect(story.told().violations).toEqual({ futureReads: 1 })
  })

  test('what its call was told is stored is missed by nobody, within the bound, as no front has to have it', () => {
    const story = loading({ returned: 30_000 })
    story.commit('a')
    story.read('w1', undefined, 330, 340)
    expect(story.told()).toMatchObject({ kinds: [], staleReads: 1 })
    expect(story.told({ ack: 'strict' }).violations).toEqual({ staleAfterAck: 1 })
    story.read('w1', undefined, 331, 340)
    expect(story.told().violations).toEqual({ staleBeyondBound: 1 })
  })

  test('it is not stored after a write that began when the loader had been called', () => {
    const story = loading()
    story.set('w1', 'b', 10, 20)
    story.commit('a')
    expect(story.told().violations).toEqual({})
    story.load('w0', 'c', 30)
    story.set('w1', 'd', 31, undefined)
    story.commit('c')
    expect(overtaken(story)).toEqual(['w0 loader of k c [30.0 was stored after version 3 (d), begun at 31.0'])
  })

  test('nor after a delete, nor after another load that began later', () => {
    const story = loading()
    story.delete('w1', 15, 20)
    story.commit('a')
    story.load('w0', 'b', 30)
    story.load('w1', 'c', 40)
    story.commit('c')
    story.commit('b')
    expect(overtaken(story)).toHaveLength(2)
  })

  test('nor after the invalidation of one of its tags; another tag, and another key, are nothing to it', () => {
    const story = loading()
    story.invalidate('w1', 'other', 15, 20)
    story.set('w1', 'b', 15, 20, { key: 'another' })
    story.commit('a', { tags: ['t'] })
    expect(story.told().violations).toEqual({})
    story.load('w0', 'c', 30, { key: 'new' })
    story.invalidate('w1', 't', 31, 40)
    story.commit('c', { key: 'new', tags: ['t'] })
    expect(overtaken(story)).toEqual([
      expect.stringContaining('c [30.0 was stored after version 4 (a delete or an invalidation), begun at 31.0'),
    ])
  })

  test('what is not stored reaches those of its process who had asked before', () => {
    const story = loading()
    story.read('w0', 'a', 9, 20, { via: 'getOrSet' })
    story.read('w0', 'a', 10, 20, { via: 'getOrSet' })
    expect(story.told().violations).toEqual({})
  })

  test.each([
    ['who asked later', 'w0', 11, {}],
    ['another process', 'w1', 5, {}],
    ['another kind of read', 'w0', 5, { via: 'get' }],
  ] as const)('what is not stored does not reach %s', (_, session, from, more) => {
    const story = loading()
    story.read(session, 'a', from, 20, { via: 'getOrSet', ...more })
    expect(overtaken(story)).toEqual([expect.stringContaining('which was not stored')])
  })

  test.each([
    ['other bytes', { hash: 'hash of something else' }],
    ['another key', { key: 'other' }],
  ])('what is not stored is what was loaded: %s', (_, more) => {
    const story = loading()
    story.read('w0', 'a', 5, 20, { via: 'getOrSet', ...more })
    expect(story.told().violations).toMatchObject({ integrity: 1 })
  })

  test('a call fails with what a loader of its process and key has thrown, and with nothing else', () => {
    const story = loading({ outcome: 'error' })
    story.load('w0', 'fine', 20)
    const failure = {
      kind: 'failure',
      session: 'w0',
      op: 'getOrSet',
      key: 'k',
      code: 'LOADER',
      invoke: 0,
      return: 1,
    } as const
    story.failures.push({ ...failure, message: 'a' })
    expect(story.told().violations).toEqual({})
    story.failures.push({ ...failure, message: 'fine' }, { ...failure, message: 'unknown' })
    story.failures.push({ ...failure, message: 'a', session: 'w1' }, { ...failure, message: 'a', key: 'other' })
    story.failures.push({ ...failure, message: 'a', op: 'get' }, { ...failure, message: '', code: 'LOAD_TIMEOUT' })
    expect(story.told().violations).toEqual({ failedCalls: 6 })
  })
})

test('what nobody has written down was not there before what comes before it in the log', () => {
  const story = new Story()
  story.set('w0', 'a', 0, 10)
  story.set('w0', 'b', 500, 510)
  // A delete by somebody who was killed before it was acknowledged.
  story.commit(undefined)
  story.set('w0', 'c', 900, 910)
  story.read('w1', undefined, 400, 410)
  story.read('w1', undefined, 505, 506)
  expect(story.told().violations).toEqual({ staleAfterAck: 1, staleBeyondBound: 1 })
})

describe('tags', () => {
  /** `a` and `b` carry a tag each, and `t` was invalidated from 20 to 30. */
  function tagged(): Story {
    const story = new Story()
    story.set('w0', 'a', 0, 10, { tags: ['t', 'u'] })
    story.set('w0', 'b', 0, 10, { key: 'other', tags: ['u'] })
    story.invalidate('w0', 't', 20, 30)
    return story
  }

  test('what was invalidated is absent, and nothing else is', () => {
    const story = tagged()
    story.read('w1', 'a', 25, 40)
    story.read('w1', undefined, 25, 40)
    story.read('w1', undefined, 50, 60)
    story.read('w1', 'b', 50, 60, { key: 'other' })
    expect(story.told().violations).toEqual({})
    story.read('w1', undefined, 50, 60, { key: 'other' })
    expect(story.told().violations).toEqual({ staleAfterAck: 1 })
  })

  test('what misses it is stale', () => {
    const story = tagged()
    story.read('w1', 'a', 50, 60)
    expect(story.told()).toMatchObject({ kinds: ['staleAfterAck'], maxStalenessMs: 20 })
    story.fault(0, 1_000)
    expect(story.told().violations).toEqual({})
    story.read('w1', 'a', 331, 340)
    expect(story.told().violations).toEqual({ staleBeyondBound: 1 })
  })

  test('an invalidation that a front did not take excuses what misses it, within the bound', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10, { tags: ['t'] })
    story.invalidate('w0', 't', 20, 30, { applied: false })
    story.read('w1', 'a', 330, 340)
    expect(story.told().violations).toEqual({})
    story.read('w1', 'a', 331, 340)
    expect(story.told().violations).toEqual({ staleBeyondBound: 1 })
  })

  test('a process does not see what it has invalidated, nor what it has seen to be', () => {
    const story = tagged()
    story.fault(0, 1_000)
    story.read('w0', 'a', 50, 60)
    expect(story.told().violations).toEqual({ sessionViolations: 1 })
    const other = tagged()
    other.fault(0, 1_000)
    other.set('w2', 'c', 32, 33, { tags: ['t'] })
    other.read('w1', 'c', 40, 50)
    other.read('w1', 'a', 60, 70)
    expect(other.told().violations).toEqual({ sessionViolations: 1 })
  })

  test('what is written with the tag afterwards is there', () => {
    const story = tagged()
    story.set('w0', 'c', 40, 50, { tags: ['t'] })
    story.read('w1', 'c', 60, 70)
    expect(story.told().violations).toEqual({})
    story.read('w1', undefined, 60, 70)
    expect(story.told().violations).toEqual({ staleAfterAck: 1 })
  })

  /** `a` carries `t`; `b`, which nobody was told is stored, carries `u` as well; and `u` was invalidated. */
  function replaced(): Story {
    const story = new Story()
    story.set('w0', 'a', 0, 10, { tags: ['t'] })
    story.set('w1', 'b', 20, undefined, { tags: ['t', 'u'] })
    story.invalidate('w0', 'u', 30, 40)
    return story
  }

  test('what a tag made absent is missed by who sees the value, and not by who sees an older one without the tag', () => {
    const story = replaced()
    story.read('w2', 'a', 50, 60)
    story.read('w0', 'a', 50, 60)
    expect(story.told().violations).toEqual({})
    story.read('w0', 'b', 50, 60)
    expect(story.told().violations).toEqual({ staleAfterAck: 1, sessionViolations: 1 })
  })

  test('an older value that a tag makes absent is read as absent, and misses what replaced it', () => {
    const story = new Story()
    story.set('w0', 'a', 0, 10, { tags: ['t'] })
    story.set('w0', 'b', 20, 30)
    story.invalidate('w0', 't', 40, 50)
    story.fault(0, 1_000)
    // As a front that has missed `b` says, to somebody who knows of the invalidation.
    story.read('w1', undefined, 100, 110)
    expect(story.told()).toMatchObject({ kinds: [], staleReads: 1, maxStalenessMs: 70 })
    expect(story.told({ ack: 'strict' }).violations).toEqual({ staleAfterAck: 1 })
    story.read('w1', 'b', 120, 130)
    expect(story.told().violations).toEqual({})
    story.read('w1', 'a', 140, 150)
    expect(story.told().violations).toEqual({ sessionViolations: 1 })
  })

  test('nothing is absent before its tag is invalidated', () => {
    const story = tagged()
    story.read('w1', undefined, 12, 19)
    expect(story.told()).toMatchObject({ kinds: ['staleAfterAck'], maxStalenessMs: 2 })
    // Nor was it, where it had been replaced before.
    const other = new Story()
    other.set('w0', 'a', 0, 10, { tags: ['t'] })
    other.set('w0', 'b', 20, 30)
    other.invalidate('w0', 't', 60, 70)
    other.read('w1', undefined, 40, 50)
    expect(other.told()).toMatchObject({ kinds: ['staleAfterAck'], maxStalenessMs: 30 })
  })

  test('who has seen that a value is gone does not see it again', () => {
    const story = tagged()
    story.fault(0, 1_000)
    story.read('w1', undefined, 50, 60)
    story.read('w1', undefined, 70, 80)
    expect(story.told().violations).toEqual({})
    story.read('w1', 'a', 90, 100)
    expect(story.told({ boundMs: 20 }).violations).toMatchObject({ sessionViolations: 1 })
  })

  test('an invalidation that was acknowledged is in the log', () => {
    const story = tagged()
    story.call('w0', 'lost', 40, 50, { op: 'invalidate', key: '#t', version: 4 })
    story.call('w0', 'elsewhere', 40, 50, { op: 'invalidate', key: '#u', version: 3 })
    story.call('w0', 'no invalidation', 40, 50, { op: 'invalidate', key: 'k', version: 1 })
    expect(story.told().violations).toMatchObject({ lostWrites: 3 })
  })
})
