import { eventually, ManualClock, type RedisServer } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { change, fillOf, key } from './support/changes.ts'
import { CALLS, failureOf, failOnUnhandledRejections, withServer } from './support/failing-calls.ts'
import { fakeRedis, healthy } from './support/fake-redis.ts'
import { openFront, PATIENT_MS, readNow, readyFront } from './support/fronts.ts'

failOnUnhandledRejections()

test('a server that hangs: calls time out, then fail at once, and work again when it goes on', () =>
  withServer(async (server) => {
    const front = await readyFront(server, { commandTimeoutMs: 60 })
    await eventually('a value is installed', async () => {
      const [outcome] = await front.apply([change(1, key('a'), 1)], 'install').catch(() => [])
      return outcome === 'installed' || outcome === 'newer'
    })
    await eventually('it is ready', () => front.status === 'ready')
    const session = front.session!
    server.stop()
    try {
      expect(await failureOf(front.read([key('a')], session))).toMatchObject({
        code: 'TIMEOUT',
        retryable: true,
        tier: 'redis',
      })
      // At the first call that was not answered.
      expect(front.session).toBeUndefined()
      expect(['suspended', 'disconnected']).toContain(front.status)
      for (const call of Object.values(CALLS)) {
        expect(await failureOf(call(front))).toMatchObject({
          code: 'FRONT_UNAVAILABLE',
          retryable: true,
          tier: 'redis',
        })
      }
      // What is sent to a server that does not answer does not pile up.
      const before = front.stats().commands
      await Promise.all(Array.from({ length: 1_000 }, () => failureOf(front.look())))
      expect(await front.read([key('a')], session)).toEqual([undefined])
      expect(front.stats().commands - before).toBeLessThan(10)
    } finally {
      server.cont()
    }
    await eventually('it is back', () => front.session !== undefined)
    expect(front.session).toEqual(session)
    expect(front.session).not.toBe(session)
    await eventually('it is read again', async () => (await readNow(front, [key('a')]).catch(() => []))[0]?.asOf === 1)
  }))

test('a look that is not answered takes a hung server out of service', () =>
  withServer(async (server) => {
    const front = await readyFront(server, { commandTimeoutMs: 60 })
    server.stop()
    expect(await failureOf(front.look())).toMatchObject({ code: 'TIMEOUT' })
    expect(front.session).toBeUndefined()
    expect(front.stats().timeouts).toBeGreaterThan(0)
    server.cont()
    await eventually('it is back', () => front.status === 'ready')
  }))

test('a server that hangs for long is connected to anew', () =>
  withServer(async (server) => {
    const front = await readyFront(server, { commandTimeoutMs: 60, connectTimeoutMs: 200 })
    server.stop()
    await failureOf(front.look())
    await eventually('the link was dropped', () => front.status === 'disconnected')
    server.cont()
    await eventually('it is back', () => front.status === 'ready')
    expect(front.stats().connections).toBeGreaterThan(1)
  }))

test('a busy process: a reply that has waited in the socket for longer than any timeout is still one', () =>
  withServer(async (server) => {
    const front = await readyFront(server, { commandTimeoutMs: 60, connectTimeoutMs: 200 })
    // The first look under load may be late for good reason.
    await eventually('it answers in time', () =>
      front.look().then(
        () => true,
        () => false,
      ),
    )
    await eventually('it is ready', () => front.status === 'ready')
    const { session } = front
    const call = front.look()
    const end = performance.now() + 500
    while (performance.now() < end);
    expect(await call).toMatchObject({ session })
    expect(front.session).toBe(session)
  }))

describe('a server that answers, but later than a call may take', () => {
  /** Stands still, and notes what is waited for. */
  class NotingClock extends ManualClock {
    readonly delays: number[] = []

    override schedule(delayMs: number, run: () => void): () => void {
      this.delays.push(delayMs)
      return super.schedule(delayMs, run)
    }
  }

  test('is not used, and asked ever more rarely, until it is quick again', async () => {
    const commandTimeoutMs = 60
    const clock = new NotingClock()
    let isSlow = false
    const held: (() => void)[] = []
    const connection = await fakeRedis((command) => {
      if (!isSlow || command[0] !== 'INFO') return healthy(command)
      return new Promise((resolve) => held.push(() => resolve(healthy(command))))
    })
    const front = openFront({} as RedisServer, { connection, clock, commandTimeoutMs })
    await eventually('it is ready', () => front.status === 'ready')
    const statuses: string[] = []
    front.on((event) => void (event.type === 'status' && statuses.push(event.status)))
    const { session } = front

    const answer = async (isLate: boolean): Promise<number> => {
      await eventually('it is asked', () => held.length > 0)
      if (isLate) clock.advance(commandTimeoutMs)
      // What falls due is looked at after a turn.
      await new Promise((resolve) => setImmediate(resolve))
      clock.delays.length = 0
      held.pop()!()
      await eventually('something follows', () => clock.delays.length > 0 || front.status === 'ready')
      return clock.delays[0] ?? 0
    }
    const outOfService = async (): Promise<void> => {
      isSlow = true
      front.reconnect()
      await eventually('it is noticed', () => front.status === 'disconnected')
      clock.advance(50)
    }

    await outOfService()
    const pauses: number[] = []
    for (let i = 0; i < 8; i++) {
      pauses.push(await answer(true))
      clock.advance(pauses.at(-1)!)
    }
    expect(pauses).toEqual([50, 100, 200, 400, 800, 1_600, 2_000, 2_000])
    expect(statuses).not.toContain('ready')
    expect([front.status, front.session]).toEqual(['suspended', undefined])
    expect(await answer(false)).toBe(0)
    expect(front.session).toEqual(session)

    await outOfService()
    expect(await answer(true)).toBe(50)
  })
})

test('a server that accepts connections and says nothing', async () => {
  const connection = await fakeRedis(() => undefined)
  const front = openFront({} as RedisServer, { connection, commandTimeoutMs: 40 })
  await failureOf(front.look())
  await eventually('it gives up on the connection', () => front.status === 'disconnected')
})

test.each(['apply', 'fill', 'read'] as const)('the parts of a large %s wait for each other', async (call) => {
  const parts: string[] = []
  const connection = await fakeRedis((command) => {
    if (healthy(command) === undefined) parts.push(command[0]!)
    // Replies come in order: behind the first part, nothing is answered.
    return parts.length === 0 ? healthy(command) : undefined
  })
  const front = openFront({} as RedisServer, { connection, commandTimeoutMs: 200 })
  await front.whenReady(PATIENT_MS)
  const keys = Array.from({ length: 6_000 }, (_, i) => key('k', i))
  const calls = {
    apply: () => {
      const changes = keys.map((each, i) => change(i + 1, each, i))
      return front.apply(changes, 'install')
    },
    fill: () => front.fill(keys.map((each, i) => fillOf(each, i, i + 1, 6_000))),
    read: () => front.read(keys, front.session!),
  }
  expect(await failureOf(calls[call]())).toMatchObject({ code: 'TIMEOUT' })
  expect(parts).toEqual([call === 'read' ? 'MGET' : 'EVALSHA'])
})
