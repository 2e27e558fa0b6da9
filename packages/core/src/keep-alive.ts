/** The longest interval that timers can have; nothing happens when it is over. */
const IDLE_MS = 0x7fff_ffff

/**
 * Waits for `work`, which may come from timers that keep no process alive. Where somebody awaits it, Node.js would
 * otherwise find nothing left to do and end the process in the middle.
 */
export async function keepAlive<T>(work: () => Promise<T>): Promise<T> {
  const reason = setInterval(() => {}, IDLE_MS)
  try {
    return await work()
  } finally {
    clearInterval(reason)
  }
}
