import type { FailureEvent, ReadEvent, WriteAck, WriteEvent } from './events.ts'

/** One line of a history file. A write takes two: it may be in the log although the second one was never written. */
export type HistoryLine =
  | ReadEvent
  | FailureEvent
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
