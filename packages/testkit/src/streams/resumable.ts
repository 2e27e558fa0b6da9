import { eventsOf, type SessionRule, wantedBetween } from './stream-history.ts'

/** Who resumes does so where it was told to, and gets the very next thing that it wants first. */
export const resumable: SessionRule = (session, history, log) => {
  const wrong: string[] = []
  const index = history.sessions.indexOf(session)
  const earlier = history.sessions.slice(0, index)
  const given = new Set(earlier.flatMap(({ after, batches }) => [after, ...batches.map(({ position }) => position)]))
  if (index > 0 && session.isAnew !== true && !given.has(session.after))
    wrong.push(`nobody gave the position ${session.after} that it started after`)
  const first = eventsOf(session)[0]
  const missed = wantedBetween(log, history, session.after, (first?.seq ?? 1) - 1).map(({ seq }) => seq)
  if (missed.length > 0)
    wrong.push(`${missed.join(', ')} is missing between the start ${session.after} and ${first!.seq}`)
  return wrong
}
