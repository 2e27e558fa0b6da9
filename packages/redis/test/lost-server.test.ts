import { eventually } from '@tidemark/testkit'
import { expect, test } from 'vitest'
import { change, key } from './support/changes.ts'
import { CALLS, failureOf, failOnUnhandledRejections, withServer } from './support/failing-calls.ts'
import { initialize, openFront, rawClient, readNow, readyFront } from './support/fronts.ts'

failOnUnhandledRejections()

test('a server that is killed in the middle of calls: each one settles, and a new server is used when it comes', () =>
  withServer(async (server) => {
    const front = await readyFront(server)
    const former = front.session!
    const calls = Array.from({ length: 200 }, (_, i) => front.apply([change(i + 1, key('k', i), i)], 'install'))
    const [settled] = await Promise.all([Promise.allSettled(calls), server.kill()])
    for (const each of settled) {
      if (each.status === 'rejected') expect(each.reason).toMatchObject({ code: 'FRONT_UNAVAILABLE', tier: 'redis' })
    }
    await eventually('it is noticed', () => front.status === 'disconnected')
    expect(front.session).toBeUndefined()
    for (const call of Object.values(CALLS)) {
      expect(await failureOf(call(front))).toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true })
    }
    await server.restart()
    await eventually('it is back', () => front.status === 'fenced')
    expect(front.session).toEqual({ server: expect.stringMatching(/^[0-9a-f]{40}$/), epoch: undefined })
    expect(front.session!.server).not.toBe(former.server)
    await initialize(front, 200)
    expect(await readNow(front, [key('k', 1)])).toEqual([undefined])
  }))

test('a server that comes back with what it had saved is another one, in the same epoch', () =>
  withServer(
    async (server) => {
      const front = await readyFront(server)
      const former = front.session!
      await front.apply([change(1, key('a'), 1)], 'install')
      await rawClient(server).save()
      await server.restart()
      await eventually('it is back', () => front.session !== undefined && front.session !== former)
      expect(front.session!.epoch).toBe(former.epoch)
      expect(front.session!.server).not.toBe(former.server)
      expect(await front.read([key('a')], former)).toEqual([undefined])
      expect((await readNow(front, [key('a')]))[0]?.asOf).toBe(1)
    },
    { persistence: 'rdb' },
  ))

test('a connection that the server closes voids what is known until the next one confirms it', () =>
  withServer(async (server) => {
    const front = await readyFront(server)
    const raw = rawClient(server)
    const statuses: string[] = []
    front.on((event) => {
      if (event.type === 'status') statuses.push(`${event.status} ${front.session !== undefined}`)
    })
    await raw.call('CLIENT', 'KILL', 'TYPE', 'normal', 'SKIPME', 'yes')
    await eventually('it is back', () => statuses.includes('ready true'))
    expect(statuses).toEqual(['disconnected false', 'ready true'])
  }))

test('no server at all: calls wait for the first attempt, then fail at once and say what to do', async () => {
  await withServer(async (server) => {
    await server.kill()
    const front = openFront(server)
    expect(front.status).toBe('connecting')
    const error = await failureOf(front.look())
    expect(error).toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true, tier: 'redis' })
    expect(error.message).toMatch(/nothing listens there; start it, or correct the url \(ECONNREFUSED\)/)
    await expect(front.whenReady(50)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
    await server.restart()
    await eventually('it is connected', () => front.status === 'fenced')
  })
})

test('calls made before the connection stands wait for it', () =>
  withServer(async (server) => {
    await readyFront(server)
    const front = openFront(server)
    expect(await front.apply([change(1, key('a'), 1)], 'install')).toEqual(['installed'])
    expect(front.status).toBe('ready')
  }))

test('scripts that the server forgot are sent again', () =>
  withServer(async (server) => {
    const front = await readyFront(server)
    const raw = rawClient(server)
    for (const call of Object.values(CALLS)) {
      await raw.script('FLUSH')
      await call(front)
    }
    expect(front.status).toBe('ready')
  }))
