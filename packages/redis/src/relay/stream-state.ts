import { NO_GENERATION, STREAM_FIELDS } from '../scripts/stream.ts'

/** Where a stream stands, as its hash says. */
export interface StreamState {
  /** Which start of the stream this is. */
  readonly generation: string
  /** Of the log. */
  readonly id: string
  readonly epoch: number
  readonly base: number
  /** The seq of the last change. */
  readonly last: number
  /** The seq of the last change whose commit is all there: nobody is to know of what is behind it. */
  readonly whole: number
  /** When a relay has last seen that everything in the log is there, in milliseconds of the server's clock. */
  readonly completeAt: number
}

/** Reads the fields of STREAM_FIELDS. @returns undefined: there is no stream */
export function readState(fields: readonly (Buffer | null)[]): StreamState | undefined {
  const [id, epoch, generation, base, last, whole, completeAt] = fields.map((field) => field?.toString())
  const numbers = [epoch, base, last, whole, completeAt].map(Number)
  if (id === undefined || generation === undefined || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    return undefined
  }
  return {
    generation,
    id,
    epoch: numbers[0]!,
    base: numbers[1]!,
    last: numbers[2]!,
    whole: numbers[3]!,
    completeAt: numbers[4]!,
  }
}

/** Of whatever is there, complete or not: it is what START replaces. */
export function generationOf(fields: readonly (Buffer | null)[]): string {
  return fields[STREAM_FIELDS.indexOf('g')]?.toString() ?? NO_GENERATION
}
