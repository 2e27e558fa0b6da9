import { Queue, Worker } from 'bullmq'

/** A queue, and the one worker that works on it. */
export interface JobQueue<T> {
  /** While the worker rests. */
  add(items: readonly T[]): Promise<void>
  /** Resolves when so many jobs were completed. Rejects when one fails. */
  workOff(count: number): Promise<void>
  close(): Promise<void>
}

/** So many jobs per call: what its guide shows for bulk, in portions that Redis answers quickly. */
const BULK = 1_000

/**
 * As in the guide of BullMQ. What it removes by itself is the fastest that it has: completed jobs leave nothing behind.
 * It loads ioredis itself, whichever it finds.
 */
export function openBullmq<T>(
  redisUrl: string,
  { concurrency }: { readonly concurrency: number },
  handle: (item: T) => Promise<void> | void,
): JobQueue<T> {
  const { hostname, port, pathname } = new URL(redisUrl)
  const connection = { host: hostname, port: Number(port), db: Number(pathname.slice(1)) }
  const queue = new Queue('bench', { connection })
  const worker = new Worker<T>('bench', async ({ data }) => handle(data), { connection, concurrency, autorun: false })
  worker.on('error', (error) => console.error('bullmq:', error))
  let isRunning = false
  return {
    async add(items) {
      for (let from = 0; from < items.length; from += BULK) {
        const jobs = items.slice(from, from + BULK).map((data) => ({
          name: 'item',
          data,
          opts: { removeOnComplete: true, removeOnFail: true },
        }))
        await queue.addBulk(jobs)
      }
    },
    async workOff(count) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      let completed = 0
      const onCompleted = (): void => {
        if (++completed === count) resolve()
      }
      const onFailed = (_job: unknown, error: Error): void => reject(error)
      worker.on('completed', onCompleted)
      worker.on('failed', onFailed)
      const working = isRunning ? worker.resume() : worker.run()
      working.catch(reject)
      isRunning = true
      try {
        await promise
      } finally {
        worker.off('completed', onCompleted)
        worker.off('failed', onFailed)
      }
      // Not waited for: it belongs to no job.
      worker.pause(true).catch(reject)
    },
    async close() {
      await worker.close(true)
      await queue.close()
    },
  }
}
