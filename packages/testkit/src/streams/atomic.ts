import type { SessionRule } from './stream-history.ts'

/** What a commit changed comes in one batch, all that is wanted of it; no start and no token lies inside of a commit. */
export const atomic: SessionRule = (session, history, log) => {
  const wrong: string[] = []
  for (const { events, position } of session.batches) {
    const seen = new Set(events.map(({ seq }) => seq))
    for (const event of events) {
      const rest = log.slice(event.first - 1, event.last).filter(({ seq }) => !seen.has(seq))
      const missing = rest.filter((other) => history.isWanted(other)).map(({ seq }) => seq)
      if (missing.length > 0) wrong.push(`${event.seq} came without ${missing.join(', ')} of its commit`)
    }
    if (splits(position)) wrong.push(`position ${position} lies inside of a commit`)
  }
  if (splits(session.after)) wrong.push(`the start ${session.after} lies inside of a commit`)
  return wrong

  function splits(position: number): boolean {
    const at = log[position - 1]
    return at !== undefined && at.last !== position
  }
}
