import type { FailureEvent, LoadEvent, ReadEvent, WriteAck, WriteEvent } from './events.ts'

/** One line of a history file. Writes and loads take two: they may be in the log although the second one was never written. */
export type HistoryLine =
  | ReadEvent
  | FailureEvent
  | Omit<LoadEvent, 'returned'>
  | ({ readonly kind: 'loaded' } & Pick<LoadEvent, 'id'> & { readonly return: number })
  | ({ readonly kind: 'begin' } & Omit<WriteEvent, 'kind' | 'ack'>)
  | ({ readonly kind: 'ack'; readonly id: string } & WriteAck)

/** @returns undefined for a line that is not whole */
export function parseLine(text: string): HistoryLine | undefined {
  try {
    return JSON.parse(text) as HistoryLine
  } catch {
    return undefined
  }
}
