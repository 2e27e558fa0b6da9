import type { VirtualClock } from './virtual-clock.ts'

/** So many turns of the event loop in a row without a timer, and nothing will ever happen any more. */
const IDLE_TURNS = 50

/**
 * Lets a virtual clock go on whenever everything that can happen at its present time has happened, until `work` is done.
 * The real event loop is used for its order only, so the same work runs the same way each time, unless something in it
 * waits for a real timer or a real file.
 * @param limitMs virtual time, after which it fails
 */
export async function runInVirtualTime<T>(clock: VirtualClock, work: Promise<T>, limitMs: number): Promise<T> {
  let isDone = false
  const settled = Promise.allSettled([work]).then(() => (isDone = true))
  let idle = 0
  while (!isDone) {
    await turn()
    await turn()
    if (isDone) break
    if (clock.step()) idle = 0
    else if (++idle > IDLE_TURNS) throw new Error(`at ${clock.monotonic()} ms, nothing is left that could go on`)
    if (clock.monotonic() > limitMs) throw new Error(`not done within ${limitMs} ms of virtual time`)
  }
  await settled
  return work
}

/** One turn: everything that was ready has run, and what it left for after the turn comes next. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
