import type { Consumer, ConsumerEvent } from '../../src/index.ts'

/** The events of a consumer from now on, in short: kind and seq, where it is about a change. */
export function recordEvents({ events$ }: Pick<Consumer, 'events$'>): ConsumerEvent[] {
  const events: ConsumerEvent[] = []
  events$.subscribe((event) => void events.push(event))
  return events
}

export function kindsOf(events: readonly ConsumerEvent[]): string[] {
  return events.map(({ kind }) => kind)
}
