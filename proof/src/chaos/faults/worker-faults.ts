import { type Fault, workerFault } from './fault.ts'

/** kill -9 at any moment; a fresh one takes its place. */
export const killWorker: Fault = workerFault(async (seat) => {
  await seat.replace()
  return ''
})

/** SIGSTOP: it holds what it holds, its certificates and locks among them, and goes on later as if nothing had been. */
export const pauseWorker: Fault = workerFault(async ({ worker }, { sleep }, draw) => {
  const ms = draw.between(100, 2_000)
  worker.pause()
  try {
    await sleep(ms)
  } finally {
    worker.resume()
  }
  return `for ${ms.toFixed(0)} ms`
})
