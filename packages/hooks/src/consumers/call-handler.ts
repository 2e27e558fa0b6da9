import { type Clock, TidemarkError } from '@tidemark/core'

export type CallOutcome = { readonly kind: 'done' } | { readonly kind: 'failed'; readonly error: unknown } | Interrupted

/** The lane ended, which is no fault of the handler's. */
interface Interrupted {
  readonly kind: 'interrupted'
}

export interface CallOptions {
  readonly clock: Clock
  readonly timeoutMs: number
  /** Ends the call from outside. */
  readonly interrupt: AbortSignal
}

/** Calls a handler, for as long as it may take. It is not waited for beyond that: its signal tells it. */
export function callHandler(
  { clock, timeoutMs, interrupt }: CallOptions,
  handler: (signal: AbortSignal) => unknown,
): Promise<CallOutcome> {
  if (interrupt.aborted) return Promise.resolve({ kind: 'interrupted' })
  const controller = new AbortController()
  return new Promise<CallOutcome>((resolve) => {
    const end = (outcome: CallOutcome): void => {
      cancel()
      interrupt.removeEventListener('abort', onInterrupt)
      resolve(outcome)
    }
    const onInterrupt = (): void => {
      end({ kind: 'interrupted' })
      controller.abort(interrupt.reason)
    }
    const cancel = clock.schedule(timeoutMs, () => {
      const error = new TidemarkError('HANDLER_TIMEOUT', `the handler took longer than ${timeoutMs} ms`, {
        retryable: true,
      })
      end({ kind: 'failed', error })
      controller.abort(error)
    })
    interrupt.addEventListener('abort', onInterrupt)
    // The handler may throw at once.
    void new Promise((settle) => settle(handler(controller.signal))).then(
      () => end({ kind: 'done' }),
      (error: unknown) => end({ kind: 'failed', error }),
    )
  })
}
