import { assertKnown, type Clock, clockOption, port } from '@tidemark/core'

/** How often who has asked looks for the answer, at the longest. */
export const POLL_MS = 100

export interface ParkedRequestOptions {
  /** Ends the wait for the owners of lanes. What they were asked for, they do all the same. */
  readonly signal?: AbortSignal | undefined
  /** @default the clock of the machine */
  readonly clock?: Clock | undefined
}

export interface ResolvedParkedRequest {
  readonly signal: AbortSignal | undefined
  readonly clock: Clock
}

/** @throws TypeError */
export function resolveParkedRequest(options: ParkedRequestOptions, where: string): ResolvedParkedRequest {
  assertKnown(options, ['signal', 'clock'], where)
  const { signal } = options
  if (signal !== undefined) port<AbortSignal>('option signal', signal, ['addEventListener', 'throwIfAborted'])
  return { signal, clock: clockOption(options.clock) }
}
