import { TidemarkError } from '@tidemark/core'
import { isRefusal } from '../command-errors.ts'

export interface RefusalsOptions {
  /** Called when the server begins to refuse. */
  readonly onRefused: (error: TidemarkError) => void
  /** Called when it takes again what it had refused. */
  readonly onTaken: () => void
}

/**
 * A server that answers, and does not take what it is given: its memory is full, say, or the user may not write. Unlike one
 * that is out of reach it may go on so for ever, and nobody else would say so. Told once, however often it is tried.
 */
export class Refusals {
  readonly #options: RefusalsOptions
  #current: TidemarkError | undefined

  constructor(options: RefusalsOptions) {
    this.#options = options
  }

  /** What the server refused last; undefined: it takes what it is given, as far as is known. */
  get current(): TidemarkError | undefined {
    return this.#current
  }

  /** @returns whether the error is a refusal of the server; then it is told, if it is news */
  met(error: unknown): boolean {
    if (!(error instanceof TidemarkError && error.code === 'FRONT_UNAVAILABLE' && isRefusal(error.cause))) return false
    const isNews = this.#current === undefined
    this.#current = new TidemarkError('FRONT_UNAVAILABLE', `the log is not copied into Redis: ${error.message}`, {
      retryable: true,
      ...(error.tier !== undefined && { tier: error.tier }),
      cause: error.cause,
    })
    if (isNews) this.#options.onRefused(this.#current)
    return true
  }

  taken(): void {
    if (this.#current === undefined) return
    this.#current = undefined
    this.#options.onTaken()
  }
}
