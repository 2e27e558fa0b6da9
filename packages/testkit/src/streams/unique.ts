import { eventsOf, type SessionRule } from './stream-history.ts'

/** No change comes twice, and none that the start was said to lie behind. */
export const unique: SessionRule = (session) => {
  const wrong: string[] = []
  const seen = new Set<number>()
  for (const { seq } of eventsOf(session)) {
    if (seen.has(seq)) wrong.push(`${seq} came twice`)
    if (seq <= session.after) wrong.push(`${seq} came although the start was after ${session.after}`)
    seen.add(seq)
  }
  return wrong
}
