import { TidemarkError } from '@tidemark/core'

/** What a sink has to say about another try. */
export interface DeliveryAdvice {
  /** The receiver will never take it: there is no use in another one. */
  readonly isFinal: boolean
  /** How long the receiver wants to be left alone, in milliseconds. */
  readonly waitMs: number
}

const NONE: DeliveryAdvice = Object.freeze({ isFinal: false, waitMs: 0 })

/** Of a handler's error. Only a DELIVERY_FAILED speaks of the delivery itself: others may be of anything that the handler did. */
export function adviceOf(error: unknown): DeliveryAdvice {
  if (!(error instanceof TidemarkError) || error.code !== 'DELIVERY_FAILED') return NONE
  const { retryAfterMs } = error as { readonly retryAfterMs?: unknown }
  const waitMs = typeof retryAfterMs === 'number' && retryAfterMs > 0 ? retryAfterMs : 0
  return { isFinal: !error.retryable, waitMs }
}
