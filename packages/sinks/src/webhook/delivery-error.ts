import { TidemarkError } from '@tidemark/core'

/** A receiver could not be reached, or refuses. It may have taken the batch all the same. */
export class DeliveryError extends TidemarkError {
  override readonly name = 'DeliveryError'
  /** Of the answer; undefined: there was none. */
  readonly status: number | undefined
  /** How long the receiver wants to be left alone; undefined: it did not say. */
  readonly retryAfterMs: number | undefined

  constructor(message: string, details: DeliveryErrorDetails) {
    super('DELIVERY_FAILED', message, { retryable: details.retryable, cause: details.cause })
    this.status = details.status
    this.retryAfterMs = details.retryAfterMs
  }
}

interface DeliveryErrorDetails {
  readonly retryable: boolean
  readonly status?: number | undefined
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}
