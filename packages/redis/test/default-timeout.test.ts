import { eventually, ManualClock, type RedisServer } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import type { RedisFront } from '../src/index.ts'
import { change, fillOf, key } from './support/changes.ts'
import { fakeRedis, healthy } from './support/fake-redis.ts'
import { openFront } from './support/fronts.ts'

/** What the documentation says. */
const DEFAULT_MS = 50

const CALLS: Record<string, (front: RedisFront) => Promise<unknown>> = {
  look: (front) => front.look(),
  read: (front) => front.read([key('a')], front.session!),
  apply: (front) => front.apply([change(9, key('a'), 9)], 'install'),
  fill: (front) => front.fill([fillOf(key('a'), 9, 9, 9)]),
  tail: (front) => front.tail({ from: 0, to: 9, changes: [change(9, key('a'), 9)], mark: '', tailer: '' }),
  inspect: (front) => front.inspect(key('a')),
}

/** What falls due is looked at after a turn. */
async function someTurns(): Promise<void> {
  for (let i = 0; i < 5; i++) await new Promise((resolve) => setImmediate(resolve))
}

test.each(Object.keys(CALLS))('unless told otherwise, %s waits 50 ms for a server that is silent', async (name) => {
  const clock = new ManualClock()
  let isSilent = false
  const received: string[] = []
  const connection = await fakeRedis((command) => {
    received.push(command[0]!)
    return isSilent ? undefined : healthy(command)
  })
  const front = openFront({} as RedisServer, { connection, clock, commandTimeoutMs: undefined })
  await eventually('it is ready', () => front.status === 'ready')
  isSilent = true
  received.length = 0
  let settled = false
  const call = CALLS[name]!(front)
    .finally(() => (settled = true))
    .then(
      () => 'answered',
      (error: unknown) => error,
    )
  await eventually('it was asked', () => received.length > 0)
  clock.advance(DEFAULT_MS - 1)
  await someTurns()
  expect([settled, front.status]).toEqual([false, 'ready'])
  clock.advance(1)
  await someTurns()
  expect(settled).toBe(true)
  expect(await call).toMatchObject({ code: 'TIMEOUT', retryable: true, tier: 'redis' })
  expect(front.session).toBeUndefined()
})
