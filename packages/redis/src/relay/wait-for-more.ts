import type { Clock, Log } from '@tidemark/core'

/**
 * Waits for the log to grow past `after`, for `ms` at most.
 * @returns whether it has, perhaps; false: the time is up
 * @throws the reason of `signal` when it aborts; what the log throws
 */
export async function waitForMore(
  log: Log,
  after: number,
  ms: number,
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<boolean> {
  signal.throwIfAborted()
  // One that lives as long as the wait: nothing may pile up on the one that lives as long as its owner.
  const enough = new AbortController()
  const end = (): void => enough.abort()
  signal.addEventListener('abort', end)
  const cancel = clock.schedule(ms, end)
  try {
    await log.wait(after, enough.signal)
    return true
  } catch (error) {
    if (enough.signal.aborted && !signal.aborted) return false
    throw error
  } finally {
    cancel()
    signal.removeEventListener('abort', end)
  }
}
