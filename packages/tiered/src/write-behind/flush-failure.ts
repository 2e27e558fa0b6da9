import { TidemarkError } from '@tidemark/core'
import type { Dirty, Failure } from './batch.ts'

/** Writes that were refused for good: they are set aside, with their payload, and kept nobody else's from being flushed. */
export class FlushFailure extends TidemarkError {
  override readonly name = 'FlushFailure'
  /** What was refused, by the ids of the keys, and why; of a checkpoint alone, no keys. */
  readonly failures: readonly { readonly keys: readonly string[]; readonly error: unknown }[]

  constructor(failures: FlushFailure['failures']) {
    const keys = failures.flatMap((failure) => failure.keys)
    const named = keys.slice(0, 3).join(', ') + (keys.length > 3 ? ` and ${keys.length - 3} more` : '')
    const what = keys.length === 0 ? 'a checkpoint was' : `the writes of ${named} were`
    super('FLUSH_FAILED', `${what} refused and set aside as dead letters; see failures`, { cause: failures[0]?.error })
    this.failures = failures
  }
}

/** What they are the writes of: a checkpoint has no key. */
function keysOf(writes: readonly Dirty[]): readonly string[] {
  return writes.flatMap(({ id, checkpoint }) => (checkpoint === undefined ? [id] : []))
}

export function bufferFull(name: string): TidemarkError {
  const message = `${name} holds as many writes as it may, because flushes are slow or fail; nothing was written: try again later`
  return new TidemarkError('BUFFER_FULL', message, { retryable: true })
}

export function flushFailure(failures: readonly Failure<Dirty>[]): FlushFailure {
  return new FlushFailure(failures.map(({ writes, error }) => ({ keys: keysOf(writes), error })))
}
