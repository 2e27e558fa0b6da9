import { type SessionRule, wantedBetween } from './stream-history.ts'

/** A token says that everything up to its position has come, and is right: also where nothing came with it. */
export const bookmarkable: SessionRule = (session, history, log) => {
  const wrong: string[] = []
  let last = session.after
  let position = session.after
  for (const batch of session.batches) {
    for (const { seq } of batch.events) {
      if (seq <= position) wrong.push(`${seq} came after the position ${position} had been given`)
      if (seq > batch.position) wrong.push(`${seq} came with the position ${batch.position}`)
      last = Math.max(last, seq)
    }
    position = batch.position
    const missing = wantedBetween(log, history, last, position).map(({ seq }) => seq)
    if (missing.length > 0) wrong.push(`position ${position} was given, and ${missing.join(', ')} had not come`)
    if (position > log.length) wrong.push(`position ${position} was given, and the log ends at ${log.length}`)
  }
  const { followedTo } = history
  if (followedTo !== undefined && session === history.sessions.at(-1) && position < followedTo) {
    wrong.push(`it ended at ${position}, and should have come to ${followedTo}`)
  }
  return wrong
}
