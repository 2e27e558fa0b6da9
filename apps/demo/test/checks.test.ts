import { encodeToken, open } from 'tidemark'
import { createSqliteBack } from '@tidemark/sqlite'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Agreement } from '../src/checks/agreement.ts'
import { ReadCheck } from '../src/checks/read-check.ts'
import { ViewCheck } from '../src/checks/view-check.ts'
import { type AuditedLog, WatchAudit } from '../src/checks/watch-audit.ts'
import { WatchRecord } from '../src/checks/watch-record.ts'
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

describe('the check of a view without the file', () => {
  let check: ViewCheck
  beforeEach(() => {
    check = new ViewCheck()
    check.shown(1, 10, 500)
  })
  const counts = (): readonly number[] => [check.reads, check.absent, check.stale, check.torn]

  it('accepts what the stream has shown, anything newer, and nothing', () => {
    check.observe(check.expect(1), { version: 10, rev: 500 })
    check.observe(check.expect(1), { version: 11, rev: 501 })
    check.observe(check.expect(1), { version: 0, rev: undefined })
    check.observe(check.expect(2), { version: 3, rev: undefined })
    expect(counts()).toEqual([4, 1, 0, 0])
  })

  it('finds what is older than what the stream had shown before the read was sent', () => {
    const expected = check.expect(1)
    check.shown(1, 12, 502)
    check.observe(expected, { version: 10, rev: 500 })
    expect(check.stale).toBe(0)
    check.observe(check.expect(1), { version: 10, rev: 500 })
    expect(check.stale).toBe(1)
  })

  it('finds a place whose deletion was shown, and a payload of another version', () => {
    check.shown(1, 12, undefined)
    check.observe(check.expect(1), { version: 10, rev: 500 })
    check.shown(1, 13, 503)
    check.observe(check.expect(1), { version: 13, rev: 500 })
    expect([check.stale, check.torn]).toEqual([1, 1])
  })

  it('knows which places are worth a look', () => {
    check.shown(2, 11, 501)
    expect([check.recent(0), check.recent(0.99)]).toEqual([1, 2])
    expect(new ViewCheck().recent(0)).toBeUndefined()
  })
})

describe('the audit of what subscribers were shown', () => {
  const at = (seq: number): string => encodeToken({ id: 'f'.repeat(32), epoch: 1, seq, check: 0 })
  let dir: string
  let log: AuditedLog & { close(): Promise<void> }
  beforeEach(async () => {
    dir = await mkdtemp(join(tmpdir(), 'tidemark-audit-'))
    const file = join(dir, 'fleet.db')
    const store = await open({ file, near: false })
    // Commits 1, 2..3, 4, 5..6.
    for (const keys of [['a'], ['b', 'c'], ['a'], ['b', 'd']]) await store.setMany(keys.map((key) => [key, 1] as const))
    await store.close()
    const back = createSqliteBack({ file, readOnly: true })
    log = { read: (options) => back.log.read(options), close: () => back.close() }
  })
  afterEach(async () => {
    await log.close()
    await rm(dir, { recursive: true, force: true })
  })
  const ALL = [
    [2, 'b', 2, 3],
    [3, 'c', 2, 3],
    [4, 'a', 4, 4],
    [5, 'b', 5, 6],
    [6, 'd', 5, 6],
  ] as const
  const shown = (seqs: readonly number[], record: WatchRecord): void =>
    record.take(
      seqs.map((seq) => {
        const [, key, first, last] = ALL.find(([other]) => other === seq)!
        return { seq, key: [key], op: 'set', txn: { first, last } }
      }),
      at(seqs.at(-1)!),
    )

  it.each<[string, (record: WatchRecord) => void, readonly string[]]>([
    [
      'everything, with a break in between',
      (record) => {
        shown([2, 3], record)
        record.begin(at(3))
        record.take([], at(3))
        shown([4], record)
        shown([5, 6], record)
      },
      [],
    ],
    ['one left out', (record) => (shown([2, 3], record), shown([5, 6], record)), ['reliable']],
    ['a commit in two', (record) => [[2], [3], [4], [5, 6]].forEach((seqs) => shown(seqs, record)), ['atomic']],
    ['one twice', (record) => [[2, 3], [4], [4], [5, 6]].forEach((seqs) => shown(seqs, record)), ['unique']],
    ['two swapped', (record) => [[4], [2, 3], [5, 6]].forEach((seqs) => shown(seqs, record)), ['ordered']],
    [
      'a token that nobody gave',
      (record) => {
        shown([2, 3], record)
        record.begin(at(4))
        shown([5, 6], record)
      },
      ['resumable'],
    ],
    ['not the end', (record) => (shown([2, 3], record), shown([4], record)), ['bookmarkable']],
  ])('%s', async (_what, show, broken) => {
    const record = new WatchRecord('subscriber 1')
    record.begin(at(1))
    record.take([], at(1))
    show(record)
    const audit = new WatchAudit(log, [record])
    await audit.audit(6)
    const { violations } = audit.result()
    const found = Object.entries(violations).filter(([, count]) => count > 0)
    expect(found.map(([rule]) => rule)).toEqual(expect.arrayContaining([...broken]))
    expect(found.length > 0).toBe(broken.length > 0)
    expect(audit.first === undefined).toBe(broken.length === 0)
  })

  it('goes on from section to section', async () => {
    const record = new WatchRecord('subscriber 1')
    record.begin(at(1))
    const audit = new WatchAudit(log, [record])
    shown([2, 3], record)
    await audit.audit()
    shown([4], record)
    await audit.audit()
    shown([5, 6], record)
    await audit.audit(6)
    expect(audit.result()).toMatchObject({ events: 5, violations: { bookmarkable: 0, reliable: 0, resumable: 0 } })
    shown([5, 6], record)
    await audit.audit(6)
    expect(audit.result().violations.unique).toBeGreaterThan(0)
  })
})
