import type { History } from '../history.ts'
import type { Timeline } from './timeline.ts'
import type { Violation } from './violation.ts'

/** Acknowledged writes are in the log, as they were meant, and in an order that fits real time; no increment is lost. */
export function checkWrites({ events }: History, timeline: Timeline): readonly Violation[] {
  const violations: Violation[] = []
  const add = (invariant: Violation['invariant'], what: string, event: Violation['event']): void =>
    void violations.push({ invariant, what, event })
  for (const event of events) {
    if (event.type === 'trouble') add('availability', event.what, event)
    if (event.type !== 'write' || event.version === undefined) continue
    const commit = timeline.at(event.version)
    if (commit === undefined || commit.key !== event.key || commit.value !== event.value) {
      add('durability', 'the log does not have it', event)
    } else if (commit.at < event.invokedAt || commit.at > event.returnedAt) {
      add('log-order', `it was committed at ${commit.at}`, event)
    }
  }
  const counts = new Map<string, number>()
  for (const [i, commit] of timeline.commits.entries()) {
    if (commit.seq !== i + 1) add('log-order', `the log has a gap before ${commit.seq}`, commit)
    if (!isCounter(commit.key)) continue
    const expected = (counts.get(commit.key) ?? 0) + 1
    counts.set(commit.key, expected)
    if (commit.value !== expected) add('lost-update', `it was to be ${expected}`, commit)
  }
  return violations
}

function isCounter(id: string): boolean {
  return id.includes('counter')
}
