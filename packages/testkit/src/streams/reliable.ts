import { eventsOf, type SessionRule, wantedBetween } from './stream-history.ts'

/**
 * Between the first change that came and the last one, nothing that is wanted is missing; what came is what the log
 * holds there, and wanted.
 */
export const reliable: SessionRule = (session, history, log) => {
  const wrong: string[] = []
  const events = eventsOf(session)
  const seen = new Set(events.map(({ seq }) => seq))
  const [from, to] = [Math.min(...seen), Math.max(...seen)]
  for (const { seq } of seen.size === 0 ? [] : wantedBetween(log, history, from - 1, to)) {
    if (!seen.has(seq)) wrong.push(`${seq} is missing between ${from} and ${to}`)
  }
  for (const event of events) {
    const logged = log[event.seq - 1]
    if (logged === undefined) wrong.push(`${event.seq} is not in the log`)
    else if (!isSame(logged, event))
      wrong.push(`${event.seq} is ${text(logged)} in the log, and came as ${text(event)}`)
    else if (!history.isWanted(event)) wrong.push(`${event.seq} came, and is not wanted`)
  }
  return wrong
}

type Told = Pick<Parameters<typeof wantedBetween>[0][number], 'key' | 'op' | 'first' | 'last'>

function isSame(one: Told, other: Told): boolean {
  return text(one) === text(other)
}

function text({ op, key, first, last }: Told): string {
  return `${op} ${key} in ${first}..${last}`
}
