import { type KeyTuple, type LogChange, noteOfAbsence, renderKey, tagOfKey } from '@tidemark/core'
import type { SeenBatch, StreamEvent, StreamHistory, StreamSession } from './stream-history.ts'

/** A change as a stream shows it. */
export interface ShownChange {
  readonly seq: number
  readonly txn: { readonly first: number; readonly last: number }
  readonly key: KeyTuple
  readonly op: string
}

export interface ShownBatch {
  readonly changes: readonly ShownChange[]
  readonly token: string
}

export interface StreamRecorderOptions {
  readonly subscriber: string
  /** The seq in a token. */
  readonly positionOf: (token: string) => number
  /** @default everything */
  readonly isWanted?: ((event: StreamEvent) => boolean) | undefined
}

/** Writes down what one subscriber is given. */
export class StreamRecorder {
  readonly #options: StreamRecorderOptions
  readonly #sessions: (Omit<StreamSession, 'batches'> & { readonly batches: SeenBatch[] })[] = []

  constructor(options: StreamRecorderOptions) {
    this.#options = options
  }

  /** A session begins after this position, or token. @param how `anew`: and it was told so */
  start(after: number | string, how?: 'anew'): void {
    const position = typeof after === 'number' ? after : this.#options.positionOf(after)
    this.#sessions.push({ after: position, isAnew: how === 'anew', batches: [] })
  }

  batch({ changes, token }: ShownBatch): void {
    const events = changes.map(({ seq, txn: { first, last }, key, op }) => ({
      seq,
      first,
      last,
      key: key.length === 0 ? '' : renderKey(key),
      op,
    }))
    this.#sessions.at(-1)!.batches.push({ events, position: this.#options.positionOf(token) })
  }

  /** @param followedTo where the subscriber must have arrived */
  history(followedTo?: number): StreamHistory {
    const { subscriber, isWanted = () => true } = this.#options
    return { subscriber, isWanted, sessions: this.#sessions, followedTo }
  }
}

/** What a stream is expected to show of a row of the log. */
export function eventOf({ seq, first, last, key, op, meta }: LogChange): StreamEvent {
  if (tagOfKey(key) !== undefined) return { seq, first, last, key: '', op: 'invalidate-tag' }
  return { seq, first, last, key: key.id, op: op === 'set' && noteOfAbsence(meta) ? 'delete' : op }
}
