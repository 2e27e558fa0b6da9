import type { Back } from '@tidemark/core'
import { follow, type FollowOptions, type FollowStep, type SnapshotSource } from '../../src/index.ts'
import { withLog } from './reading.ts'

export function iterate(source: SnapshotSource, options: FollowOptions = {}): AsyncIterator<FollowStep, undefined> {
  return follow(source, options)[Symbol.asyncIterator]()
}

/** Steps up to the first of this kind. */
export async function until(kind: FollowStep['kind'], stream: AsyncIterator<FollowStep>): Promise<FollowStep[]> {
  const steps: FollowStep[] = []
  for (;;) {
    const { value, done } = await stream.next()
    if (done) throw new Error('the stream ended')
    steps.push(value)
    if (value.kind === kind) return steps
  }
}

/** Calls `task` before and after every call that the stream makes, and `atEnd` while it waits for the log to grow. */
export function disturbed(back: Back, task: () => Promise<unknown>, atEnd = task): SnapshotSource {
  const around = async <R>(call: () => Promise<R>): Promise<R> => {
    await task()
    const result = await call()
    await task()
    return result
  }
  const log = withLog(back.log, {
    read: (options) => around(() => back.log.read(options)),
    head: () => around(() => back.log.head()),
    wait: async (after, signal) => {
      while ((await back.log.head()) <= after) await atEnd()
      await back.log.wait(after, signal)
    },
  })
  return {
    scan: (...args) => around(() => back.scan(...args)),
    read: (...args) => around(() => back.read(...args)),
    log,
  }
}
