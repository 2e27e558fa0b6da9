import { Worker } from 'node:worker_threads'
import { systemClock } from '@tidemark/core'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { createRedisNudge, type Nudge, type NudgeMessage } from '../src/index.ts'
import { PATIENT_MS, rawClient } from './support/fronts.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

async function openNudge(of = server, namespace = 'tidemark'): Promise<Nudge> {
  const nudge = createRedisNudge({ url: of.url, namespace, commandTimeoutMs: PATIENT_MS })
  onTestFinished(() => nudge.close())
  await eventually('it is active', () => nudge.active)
  return nudge
}

function heardBy(nudge: Nudge): NudgeMessage[] {
  const heard: NudgeMessage[] = []
  nudge.onNudge((message) => heard.push(message))
  return heard
}

test('others hear that a log has grown', async () => {
  const [one, other, apart] = await Promise.all([openNudge(), openNudge(), openNudge(server, 'apart')])
  const [heard, mine, foreign] = [heardBy(other), heardBy(one), heardBy(apart)]
  one.publish({ log: 'l', epoch: 1, head: 7 })
  await eventually('both have heard', () => heard.length > 0 && mine.length > 0)
  expect(heard).toEqual([{ log: 'l', epoch: 1, head: 7 }])
  expect(foreign).toEqual([])
})

test('a message leaves before the turn goes on', async () => {
  const nudge = await openNudge()
  const heard = new Int32Array(new SharedArrayBuffer(8))
  const workerData = { url: server.url, channel: 'tidemark:nudge', heard }
  const listener = new Worker(new URL('programs/listener.ts', import.meta.url), { workerData })
  onTestFinished(async () => void (await listener.terminate()))
  await eventually('it listens', () => Atomics.load(heard, 1) === 1)
  nudge.publish({ log: 'l', epoch: 1, head: 1 })
  // The whole process stands still until it is there.
  expect(Atomics.wait(heard, 0, 0, PATIENT_MS)).not.toBe('timed-out')
})

test('what is published in the rest of the turn travels as one message per log, with the highest head', async () => {
  const [one, other] = await Promise.all([openNudge(), openNudge()])
  const heard = heardBy(other)
  for (const head of [3, 9, 5]) one.publish({ log: 'a', epoch: 1, head })
  one.publish({ log: 'b', epoch: 1, head: 1 })
  one.publish({ log: 'a', epoch: 2, head: 4 })
  await eventually('all are heard', () => heard.length >= 4)
  one.publish({ log: 'a', epoch: 1, head: 10 })
  await eventually('the next turn begins anew', () => heard.length >= 5)
  expect(heard).toEqual([
    { log: 'a', epoch: 1, head: 3 },
    { log: 'b', epoch: 1, head: 1 },
    { log: 'a', epoch: 2, head: 4 },
    { log: 'a', epoch: 1, head: 9 },
    { log: 'a', epoch: 1, head: 10 },
  ])
})

test('a listener that throws, one that has gone, and a message that is none hurt nobody', async () => {
  const nudge = await openNudge()
  const gone: unknown[] = []
  nudge.onNudge(() => {
    throw new Error('of no concern')
  })
  nudge.onNudge((message) => gone.push(message))()
  const heard = heardBy(nudge)
  const raw = rawClient(server)
  for (const text of ['', 'null', '{', '{"log":1,"epoch":1,"head":1}']) await raw.publish('tidemark:nudge', text)
  nudge.publish({ log: 'l', epoch: 1, head: 1 })
  await eventually('it is heard', () => heard.length > 0)
  expect([heard.length, gone.length]).toEqual([1, 0])
})

test('it comes back after the server was killed, and publishing meanwhile is lost in silence', async () => {
  await using own = await startRedis()
  const [one, other] = await Promise.all([openNudge(own), openNudge(own)])
  const heard = heardBy(other)
  await own.kill()
  await eventually('both have noticed', () => !one.active && !other.active)
  one.publish({ log: 'l', epoch: 1, head: 1 })
  await own.restart()
  await eventually('both are back', () => one.active && other.active)
  one.publish({ log: 'l', epoch: 1, head: 2 })
  await eventually('it is heard', () => heard.length > 0)
  expect(heard).toEqual([{ log: 'l', epoch: 1, head: 2 }])
})

test('a hung server makes it inactive', async () => {
  await using own = await startRedis()
  // The subscription is silent: only the question whether it is alive finds out, and that comes rarely.
  const hurried = { ...systemClock, schedule: (ms: number, run: () => void) => systemClock.schedule(ms / 20, run) }
  const nudge = createRedisNudge({ url: own.url, commandTimeoutMs: 1_200, clock: hurried })
  onTestFinished(() => nudge.close())
  await eventually('it is active', () => nudge.active)
  own.stop()
  await eventually('it is inactive', () => !nudge.active)
  own.cont()
  await eventually('it is active again', () => nudge.active)
})

test('close() ends it, however often', async () => {
  const nudge = await openNudge()
  await Promise.all([nudge.close(), nudge.close()])
  expect(nudge.active).toBe(false)
  nudge.publish({ log: 'l', epoch: 1, head: 1 })
})
