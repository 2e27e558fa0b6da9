import { describe, expect, it } from 'vitest'
import {
  type SeenBatch,
  type StreamEvent,
  type StreamHistory,
  type StreamRule,
  type StreamSession,
  validateStreams,
} from '../../src/index.ts'

/** Eight changes: 1, then 2 and 3 in one commit, then 4, then 5 to 7 in one, then 8. Every third one is of key `b`. */
const log: readonly StreamEvent[] = [
  [1, 1],
  [2, 3],
  [2, 3],
  [4, 4],
  [5, 7],
  [5, 7],
  [5, 7],
  [8, 8],
].map(([first, last], i) => ({
  seq: i + 1,
  first: first!,
  last: last!,
  key: (i + 1) % 3 === 0 ? 'b' : 'a',
  op: 'set',
}))

function batch(position: number, ...seqs: number[]): SeenBatch {
  return { position, events: seqs.map((seq) => log[seq - 1] ?? { ...log[0]!, seq, first: seq, last: seq }) }
}

function session(after: number, ...batches: SeenBatch[]): StreamSession {
  return { after, batches }
}

function history(sessions: readonly StreamSession[], more: Partial<StreamHistory> = {}): StreamHistory {
  return { subscriber: 'tested', isWanted: () => true, sessions, ...more }
}

function rulesOf(...histories: StreamHistory[]): readonly StreamRule[] {
  return [...new Set(validateStreams(histories, log).map(({ rule }) => rule))]
}

const onlyB = { isWanted: ({ key }: StreamEvent) => key === 'b' }

describe('validateStreams', () => {
  it('finds nothing wrong with what is right', () => {
    const all = session(0, batch(0), batch(1, 1), batch(4, 2, 3, 4), batch(8, 5, 6, 7, 8), batch(8))
    // It died before it stored the second token, and got that batch again.
    const resumed = [
      session(0, batch(1, 1), batch(4, 2, 3, 4)),
      session(1, batch(3, 2, 3)),
      session(3, batch(8, 4, 5, 6, 7, 8)),
    ]
    const jumped = [session(0, batch(1, 1)), { ...session(7, batch(8, 8)), isAnew: true }]
    const filtered = session(1, batch(1), batch(4, 3), batch(8, 6))
    expect(
      validateStreams(
        [history([all], { followedTo: 8 }), history(resumed), history(jumped), history([filtered], onlyB), history([])],
        log,
      ),
    ).toEqual([])
  })

  it.each<[StreamRule, string, StreamHistory]>([
    ['ordered', 'changes in the wrong order', history([session(0, batch(1, 1), batch(4, 4, 2, 3))])],
    ['ordered', 'a position that leads back', history([session(0, batch(4, 1, 2, 3, 4), batch(3))])],
    ['unique', 'a change that comes twice', history([session(0, batch(1, 1), batch(3, 2, 3, 3))])],
    ['unique', 'a change from before the start', history([session(3, batch(4, 3, 4))], onlyB)],
    ['atomic', 'a commit in two batches', history([session(0, batch(2, 1, 2), batch(3, 3))])],
    ['atomic', 'a part of a commit', history([session(0, batch(1, 1), batch(3, 2))])],
    ['atomic', 'a token inside of a commit where nothing is wanted', history([session(3, batch(5))], onlyB)],
    ['atomic', 'a start inside of a commit', history([session(5, batch(8, 6, 7, 8))], onlyB)],
    ['reliable', 'a change that is left out', history([session(0, batch(1, 1), batch(4, 4))])],
    [
      'reliable',
      'a change that is another one in the log',
      history([session(3, { position: 4, events: [{ ...log[3]!, key: 'c' }] })]),
    ],
    ['reliable', 'a change that is none', history([session(8, batch(9, 9))])],
    ['reliable', 'a change that is not wanted', history([session(3, batch(4, 4))], onlyB)],
    ['resumable', 'a change left out after a resume', history([session(0, batch(1, 1)), session(1, batch(4, 4))])],
    ['resumable', 'a start that nobody gave', history([session(0, batch(1, 1)), session(3, batch(4, 4))])],
    ['bookmarkable', 'a token that promises too much', history([session(0, batch(1, 1), batch(4))])],
    ['bookmarkable', 'a change after the token that covers it', history([session(0, batch(4, 1), batch(4, 2, 3, 4))])],
    ['bookmarkable', 'a token that lies before its own changes', history([session(0, batch(1, 1), batch(3, 2, 3, 4))])],
    ['bookmarkable', 'a token past the end of the log', history([session(8, batch(12))])],
    ['bookmarkable', 'a subscriber that stopped too early', history([session(0, batch(1, 1))], { followedTo: 8 })],
  ])('%s: finds %s', (rule, _, planted) => {
    expect(rulesOf(planted)).toContain(rule)
  })

  it.each<[StreamRule, StreamHistory]>([
    ['ordered', history([session(0, batch(4, 1, 2, 3, 4), batch(3))])],
    ['unique', history([session(0, batch(1, 1), batch(3, 2, 3, 3))])],
    ['atomic', history([session(3, batch(5))], { isWanted: () => false })],
    ['reliable', history([session(3, { position: 4, events: [{ ...log[3]!, key: 'c' }] })])],
    ['resumable', history([session(0, batch(1, 1)), session(3, batch(4, 4))])],
    ['bookmarkable', history([session(0, batch(1, 1), batch(4))])],
  ])('%s finds what no other rule does, and names the place', (rule, planted) => {
    const found = validateStreams([history([session(0, batch(1, 1))]), planted], log)
    expect(found).toMatchObject([{ rule, subscriber: 'tested', session: planted.sessions.length - 1 }])
  })

  it('refuses a log with holes', () => {
    expect(() => validateStreams([], log.slice(1))).toThrow(/has 2 where 1/)
  })
})
