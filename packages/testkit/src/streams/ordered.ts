import { eventsOf, type SessionRule } from './stream-history.ts'

/** Changes come in the order of the log, and tokens never lead back. */
export const ordered: SessionRule = (session) => {
  const wrong: string[] = []
  let seq = 0
  for (const event of eventsOf(session)) {
    if (event.seq < seq) wrong.push(`${event.seq} came after ${seq}`)
    seq = event.seq
  }
  let position = session.after
  for (const batch of session.batches) {
    if (batch.position < position) wrong.push(`position ${batch.position} came after ${position}`)
    position = batch.position
  }
  return wrong
}
