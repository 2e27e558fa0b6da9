import type { History, ReadEvent } from '../history.ts'
import type { Timeline } from './timeline.ts'
import type { Violation } from './violation.ts'

/** Answers to one read of several keys were all true at once: after some commit, and before the next one. */
export function checkMoments({ events }: History, timeline: Timeline): readonly Violation[] {
  const reads = new Map<number, ReadEvent[]>()
  for (const event of events) {
    if (event.type !== 'read' || event.together === undefined) continue
    const known = reads.get(event.together)
    if (known === undefined) reads.set(event.together, [event])
    else known.push(event)
  }
  return [...reads.values()].flatMap((read) => mixture(read, timeline) ?? [])
}

function mixture(read: readonly ReadEvent[], timeline: Timeline): Violation | undefined {
  // What was never true at all is told as that.
  const standings = read.flatMap((event) => {
    const standing = timeline.standingOf(event)
    return standing === undefined
      ? []
      : [{ event, from: standing.from, until: standing.replacedBy[0]?.seq ?? Infinity }]
  })
  const latest = Math.max(...standings.map(({ from }) => from))
  const outdated = standings.find(({ until }) => until <= latest)
  if (outdated === undefined) return undefined
  const { event, until } = outdated
  const what = `it answers, together with this, what ${latest} wrote, and ${until} had replaced this by then`
  return { invariant: 'one-moment', what, event }
}
