import { NO_GENERATION } from '../scripts/stream.ts'

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
}

/** Reads the fields of STREAM_FIELDS. @returns undefined: there is no stream */
export function readState(fields: readonly (Buffer | null)[]): StreamState | undefined {
  const [id, epoch, generation, base, last] = fields.map((field) => field?.toString())
  const numbers = [epoch, base, last].map(Number)
  if (id === undefined || generation === undefined || !numbers.every((n) => Number.isSafeInteger(n) && n >= 0)) {
    return undefined
  }
  return { generation, id, epoch: numbers[0]!, base: numbers[1]!, last: numbers[2]! }
}

export function generationOf(state: StreamState | undefined): string {
  return state?.generation ?? NO_GENERATION
}
