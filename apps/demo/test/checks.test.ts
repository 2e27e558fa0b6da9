import { beforeEach, describe, expect, it } from 'vitest'
import { Agreement } from '../src/checks/agreement.ts'
import { ReadCheck } from '../src/checks/read-check.ts'
import { StreamCheck } from '../src/checks/stream-check.ts'

describe('the check of reads', () => {
  let check: ReadCheck
  beforeEach(() => {
    check = new ReadCheck()
    check.acknowledged(1, 10, 500)
  })

  it('accepts the acknowledged version and anything newer', () => {
    check.observe(check.expect(1, 1), { version: 10, rev: 500 }, 0)
    check.observe(check.expect(1, 1), { version: 11, rev: 501 }, 0)
    expect([check.stale, check.torn]).toEqual([0, 0])
  })

  it('finds a version that is older than one acknowledged before the read was sent', () => {
    check.observe(check.expect(1, 2), { version: 9, rev: 499 }, 0)
    expect([check.stale, check.staleAt(1), check.staleAt(2)]).toEqual([1, 0, 1])
  })

  it('allows what was acknowledged only after the read was sent', () => {
    const expected = check.expect(1, 1)
    check.acknowledged(1, 12, 502)
    check.observe(expected, { version: 10, rev: 500 }, 0)
    expect(check.stale).toBe(0)
  })

  it('goes by the highest version when acknowledgements overtake one another', () => {
    check.acknowledged(1, 20, 600)
    check.acknowledged(1, 15, 550)
    check.observe(check.expect(1, 1), { version: 15, rev: 550 }, 0)
    expect(check.stale).toBe(1)
  })

  it('finds a payload that is not the one of its version', () => {
    check.observe(check.expect(1, 1), { version: 10, rev: 499 }, 0)
    check.observe(check.expect(1, 1), { version: 10, rev: undefined }, 0)
    expect([check.stale, check.torn]).toEqual([0, 2])
  })

  it('takes a missing place for stale, unless the stream tells of its deletion in time', () => {
    check.observe(check.expect(1, 1), { version: 0, rev: undefined }, 0)
    check.settle(100)
    expect(check.stale).toBe(0)
    check.settle(Infinity)
    expect(check.stale).toBe(1)
    check.observe(check.expect(1, 1), { version: 0, rev: undefined }, 0)
    check.deleted(1, 11)
    check.settle(Infinity)
    expect(check.stale).toBe(1)
  })

  it('takes no older deletion for an excuse', () => {
    check.deleted(1, 8)
    check.observe(check.expect(1, 1), { version: 0, rev: undefined }, 0)
    check.settle(Infinity)
    expect(check.stale).toBe(1)
  })

  it('expects nothing of places that nobody has written', () => {
    check.observe(check.expect(2, 1), { version: 0, rev: undefined }, 0)
    check.observe(check.expect(3, 1), { version: 4, rev: 1 }, 0)
    check.settle(Infinity)
    expect([check.stale, check.torn]).toEqual([0, 0])
  })
})

describe('the check of streams', () => {
  const after = (start: number, seqs: readonly number[]): Record<string, number> => {
    const check = new StreamCheck(start)
    for (const seq of seqs) check.deliver(seq)
    const { delivered, outOfOrder, duplicates, position } = check
    return { delivered, outOfOrder, duplicates, position }
  }

  it.each([
    ['in order', [6, 7, 8], { delivered: 3, outOfOrder: 0, duplicates: 0, position: 8 }],
    ['one twice', [6, 7, 7, 8], { delivered: 3, outOfOrder: 0, duplicates: 1, position: 8 }],
    ['one from before the start', [5, 6], { delivered: 1, outOfOrder: 0, duplicates: 1, position: 6 }],
    ['one lost', [6, 8], { delivered: 2, outOfOrder: 1, duplicates: 0, position: 8 }],
    ['two swapped', [6, 8, 7, 9], { delivered: 4, outOfOrder: 2, duplicates: 0, position: 9 }],
  ])('%s', (_, seqs, expected) => {
    expect(after(5, seqs)).toEqual(expected)
  })
})

describe('the check of agreement', () => {
  it('finds a seq that means different changes to different listeners', () => {
    const agreement = new Agreement()
    agreement.heard(1, 'a')
    agreement.heard(1, 'a')
    agreement.heard(2, 'b')
    expect(agreement.disagreements).toBe(0)
    agreement.heard(2, 'a')
    expect(agreement.disagreements).toBe(1)
  })

  it('finds a write that was acknowledged, and is not in the log', () => {
    const agreement = new Agreement()
    agreement.acknowledged(7, 'a')
    agreement.acknowledged(6, 'b')
    expect([agreement.beyond(7), agreement.beyond(5)]).toEqual([0, 2])
    agreement.heard(7, 'c')
    expect(agreement.disagreements).toBe(1)
  })
})
