import type { TidemarkError } from '@tidemark/core'
import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterEach, beforeEach, expect } from 'vitest'
import type { RedisFront } from '../../src/index.ts'
import { change, fillOf, key } from './changes.ts'
import { initialize } from './fronts.ts'

/** What a call may take to fail: generous, because only "it does not hang" is tested. */
const NOT_A_HANG_MS = 2_000

/** One call of each kind that fails when the server cannot be used; a read finds nothing then. */
export const CALLS: Record<string, (front: RedisFront) => Promise<unknown>> = {
  look: (front) => front.look(),
  apply: (front) => front.apply([change(9, key('a'), 9)], 'install'),
  fill: (front) => front.fill([fillOf(key('a'), 9, 9, 9)]),
  tail: (front) => front.tail({ from: 0, to: 9, changes: [change(9, key('a'), 9)], mark: '', tailer: '' }),
  initialize: (front) => initialize(front),
  inspect: (front) => front.inspect(key('a')),
  records: (front) => front.records(undefined, 10),
}

/** Why the call failed. It has to fail, and before anybody would say that it hangs. */
export async function failureOf(call: Promise<unknown>): Promise<TidemarkError> {
  const start = performance.now()
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (reason: unknown) => reason as TidemarkError,
  )
  expect(performance.now() - start).toBeLessThan(NOT_A_HANG_MS)
  return error
}

/** A test of the file fails when it leaves a rejection to nobody. */
export function failOnUnhandledRejections(): void {
  const unhandled: unknown[] = []
  const note = (reason: unknown): void => void unhandled.push(reason)
  beforeEach(() => void process.on('unhandledRejection', note))
  afterEach(() => {
    process.removeListener('unhandledRejection', note)
    expect(unhandled.splice(0)).toEqual([])
  })
}

/** A server of the test's own, to be stopped, killed and filled. */
export async function withServer(
  work: (server: RedisServer) => Promise<void>,
  options?: Parameters<typeof startRedis>[0],
): Promise<void> {
  await using server = await startRedis(options)
  await work(server)
}
