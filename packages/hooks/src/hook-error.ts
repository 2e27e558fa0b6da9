import type { Change } from './change.ts'

/** A failure beside a write. The write itself is committed, and nobody else was affected. */
export type HookError = HookFailed | HookDisconnected | SubscriberFailed

/** A hook threw or rejected. It gets the next change all the same; this one is not repeated. */
export interface HookFailed {
  readonly kind: 'hook-failed'
  readonly hook: string
  readonly change: Change
  readonly error: unknown
}

/**
 * A hook was removed, because it fell too far behind (`overflow`) or did not finish in time at close (`abandoned`).
 * What it missed is in the log, from `change` on.
 */
export interface HookDisconnected {
  readonly kind: 'hook-disconnected'
  readonly hook: string
  readonly reason: 'overflow' | 'abandoned'
  /** The first change that the hook did not get; undefined when it only did not finish the one it was at. */
  readonly change: Change | undefined
  /** How many changes the hook did not get. */
  readonly missed: number
  readonly error: Error
}

/** A subscriber of `writes$`, or an operator between, threw. */
export interface SubscriberFailed {
  readonly kind: 'subscriber-failed'
  /** What was being delivered; undefined when it happened later, behind an operator that delays. */
  readonly change: Change | undefined
  readonly error: unknown
}

/** Where it happened, in words. */
export function describeHookError(failure: HookError): string {
  const at = failure.change === undefined ? '' : ` at change ${failure.change.seq}`
  switch (failure.kind) {
    case 'hook-failed':
      return `hook ${failure.hook} failed${at}`
    case 'hook-disconnected':
      return `hook ${failure.hook} was disconnected${at}`
    case 'subscriber-failed':
      return `a subscriber of writes$ failed${at}`
  }
}
