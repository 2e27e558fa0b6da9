import { ClosedError, systemClock, type TidemarkError } from '@tidemark/core'
import { eventually, ManualClock, type RedisServer, startRedis } from '@tidemark/testkit'
import { inspect } from 'node:util'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import type { RedisFront } from '../src/index.ts'
import { change, fillOf, key } from './support/changes.ts'
import { fakeRedis, healthy } from './support/fake-redis.ts'
import { initialize, openFront, PATIENT_MS, rawClient, readNow, readyFront } from './support/fronts.ts'

/** What a call may take to fail: generous, because only "it does not hang" is tested. */
const NOT_A_HANG_MS = 2_000

const CALLS: Record<string, (front: RedisFront) => Promise<unknown>> = {
  look: (front) => front.look(),
  apply: (front) => front.apply([change(9, key('a'), 9)], 'install'),
  fill: (front) => front.fill([fillOf(key('a'), 9, 9, 9)]),
  tail: (front) => front.tail({ from: 0, to: 9, changes: [change(9, key('a'), 9)], mark: '', tailer: '' }),
  initialize: (front) => initialize(front),
  inspect: (front) => front.inspect(key('a')),
  records: (front) => front.records(undefined, 10),
}

async function failureOf(call: Promise<unknown>): Promise<TidemarkError> {
  const start = performance.now()
  const error = await call.then(
    () => expect.fail('the call succeeded'),
    (reason: unknown) => reason as TidemarkError,
  )
  expect(performance.now() - start).toBeLessThan(NOT_A_HANG_MS)
  return error
}

const unhandled: unknown[] = []
const note = (reason: unknown): void => void unhandled.push(reason)
beforeEach(() => void process.on('unhandledRejection', note))
afterEach(() => {
  process.removeListener('unhandledRejection', note)
  expect(unhandled.splice(0)).toEqual([])
})

async function withServer(
  work: (server: RedisServer) => Promise<void>,
  options?: Parameters<typeof startRedis>[0],
): Promise<void> {
  await using server = await startRedis(options)
  await work(server)
}

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

test('a wrong password is told as such, and nowhere repeated', () =>
  withServer(
    async (server) => {
      const { port } = server
      const wrong = openFront(server, { connection: { port, password: 'wr0ng-secret' } })
      const error = await failureOf(wrong.look())
      expect(error.message).toMatch(/refuses the user name or password.*WRONGPASS/)
      expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('wr0ng-secret')
      const none = openFront(server, { connection: { port } })
      expect((await failureOf(none.look())).message).toMatch(/asks for a password.*NOAUTH/)
      const right = await readyFront(server)
      expect(await right.apply([change(1, key('a'), 1)], 'install')).toEqual(['installed'])
    },
    { password: 'right' },
  ))

describe('a replica', () => {
  test('is of no use, and says so, until it is promoted', () =>
    withServer(async (primary) => {
      await using replica = await startRedis({ replicaOf: { host: '127.0.0.1', port: primary.port } })
      const epoch = (await readyFront(primary)).session!.epoch
      const raw = rawClient(replica)
      await eventually('the replica has meta', async () => (await raw.keys('*')).length === 1)
      const front = openFront(replica)
      const error = await failureOf(front.look())
      expect(error).toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true })
      expect(error.message).toMatch(/it is a replica; point the url at the primary/)
      expect([front.status, front.session]).toEqual(['suspended', undefined])
      await eventually('its address is asked for again', () => front.stats().connections > 1)
      await raw.replicaof('NO', 'ONE')
      await eventually('it is used', () => front.status === 'ready')
      expect(front.session!.epoch).toBe(epoch)
    }))

  test('is what a primary may become', () =>
    withServer(async (server) => {
      await using other = await startRedis()
      const front = await readyFront(server)
      await rawClient(server).replicaof('127.0.0.1', other.port)
      expect((await failureOf(front.apply([change(1, key('a'), 1)], 'install'))).message).toMatch(/it is a replica/)
      await eventually('it is out of service', () => front.status === 'suspended')
      expect(front.session).toBeUndefined()
    }))
})

test('a full server refuses fills, and still takes invalidations', () =>
  withServer(async (server) => {
    const front = await readyFront(server)
    await front.apply([change(1, key('a'), 1)], 'install')
    await rawClient(server).config('SET', 'maxmemory', '1')
    expect((await failureOf(front.fill([fillOf(key('b'), 1, 1, 1)]))).message).toMatch(
      /its memory is full; raise maxmemory/,
    )
    expect(await front.apply([change(2, key('a'), 2)], 'invalidate')).toEqual(['removed'])
    expect(await readNow(front, [key('a')])).toEqual([undefined])
  }))

describe('a full server that evicts nothing', () => {
  function settable() {
    let monotonic = 0
    return { clock: { ...systemClock, monotonic: () => monotonic }, later: () => void (monotonic += 1_000) }
  }

  test('has what changes replace removed, and is given nothing to hold until a second has passed', () =>
    withServer(async (server) => {
      const { clock, later } = settable()
      const front = await readyFront(server, { clock })
      const events: string[] = []
      front.on((event) => void events.push(event.type))
      await front.apply([change(1, key('a'), 'old')], 'install')
      const raw = rawClient(server)
      await raw.config('SET', 'maxmemory', '1')
      expect(await front.apply([change(2, key('a'), 'x'), change(3, key('b'), 'x')], 'install')).toEqual([
        'removed',
        'removed',
      ])
      expect(await readNow(front, [key('a')])).toEqual([undefined])
      expect(front.stats()).toMatchObject({ full: true, status: 'ready' })
      const { roundTrips } = front.stats()
      expect(await front.fill([fillOf(key('b'), 'x', 3, 3)])).toEqual(['fenced'])
      expect(front.stats().roundTrips).toBe(roundTrips)
      await raw.config('SET', 'maxmemory', '0')
      expect(await front.apply([change(4, key('a'), 'x')], 'install')).toEqual(['removed'])
      expect(events).toEqual(['full'])
      later()
      expect(front.stats().full).toBe(false)
      expect(events).toEqual(['full'])
      expect(await front.apply([change(5, key('a'), 'new')], 'install')).toEqual(['installed'])
      expect(await front.apply([change(6, key('a'), 'newer')], 'install')).toEqual(['installed'])
      expect(events).toEqual(['full', 'room'])
    }))

  test('takes no more memory than it may, however much is written', () =>
    withServer(async (server) => {
      const { clock, later } = settable()
      const front = await readyFront(server, { clock })
      const raw = rawClient(server)
      const used = async (): Promise<number> => Number(/used_memory:(\d+)/.exec(await raw.info('memory'))![1])
      const limit = (await used()) + 4_000_000
      await raw.config('SET', 'maxmemory', String(limit))
      const value = 'x'.repeat(10_000)
      for (let seq = 1; seq <= 2_000; seq += 50) {
        const changes = Array.from({ length: 50 }, (_, i) => change(seq + i, key('k', seq + i), value))
        await front.apply(changes, 'install')
        later()
      }
      // One batch may pass the limit, and the server's buffers come and go.
      expect(await used()).toBeLessThan(limit + 4_000_000)
    }))
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

describe('an error reply', () => {
  test.each([
    ['LOADING Redis is loading the dataset in memory', /still loading its data set/],
    ['MASTERDOWN Link with MASTER is down', /lost its primary/],
    ["NOPERM this user has no permissions to run the 'hmget' command", /lacks a permission; allow it INFO, MGET/],
    ['MOVED 3999 127.0.0.1:6381', /it is a cluster, which this front does not speak yet/],
    ['CLUSTERDOWN The cluster is down', /a cluster that is down/],
    ['BUSY Redis is busy running a script', /a script of somebody else is blocking it/],
    ['ERR something new', /ERR something new/],
  ])('%s: not available, and used again when it is over', async (reply, message) => {
    let over = false
    const connection = await fakeRedis((command) => {
      if (!over) return `-${reply}\r\n`
      return healthy(command) ?? '*1\r\n$-1\r\n'
    })
    const front = openFront({} as RedisServer, { connection })
    const error = await failureOf(front.look())
    expect(error).toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true, tier: 'redis' })
    expect(error.message).toMatch(message)
    expect(front.status).toBe('suspended')
    over = true
    await eventually('it is ready', () => front.status === 'ready')
    expect(await readNow(front, [key('a')])).toEqual([undefined])
    expect(front.stats().connections).toBe(1)
  })
})

test('a server that begins to refuse looks is taken out of service, one that tells no run_id is not taken into it', async () => {
  let refuses = false
  const busy = '-BUSY Redis is busy running a script\r\n'
  const connection = await fakeRedis((command) => (refuses && command[0] === 'HMGET' ? busy : healthy(command)))
  const front = openFront({} as RedisServer, { connection })
  await front.whenReady(PATIENT_MS)
  const former = front.session
  refuses = true
  expect((await failureOf(front.look())).message).toMatch(/a script of somebody else is blocking it/)
  expect([front.status, front.session]).toEqual(['suspended', undefined])
  refuses = false
  await eventually('it is ready', () => front.status === 'ready')
  expect(front.session).toEqual(former)

  const odd = await fakeRedis((command) => (command[0] === 'INFO' ? '$11\r\nrole:master\r\n' : healthy(command)))
  const none = openFront({} as RedisServer, { connection: odd })
  expect((await failureOf(none.look())).message).toMatch(/does not tell its run_id/)
})

test('a server that is still loading answers who it is, and is not used before it is done', async () => {
  let loading = true
  const refusal = '-LOADING Redis is loading the dataset in memory\r\n'
  const connection = await fakeRedis((command) => (loading && command[0] !== 'INFO' ? refusal : healthy(command)))
  const front = openFront({} as RedisServer, { connection })
  expect((await failureOf(front.look())).message).toMatch(/still loading its data set/)
  expect([front.status, front.session]).toEqual(['suspended', undefined])
  loading = false
  await eventually('it is ready', () => front.status === 'ready')
  expect(front.session).toEqual({ server: 'f00', epoch: '0000000a' })
})

test('a server that accepts connections and says nothing', async () => {
  const connection = await fakeRedis(() => undefined)
  const front = openFront({} as RedisServer, { connection, commandTimeoutMs: 40 })
  await failureOf(front.look())
  await eventually('it gives up on the connection', () => front.status === 'disconnected')
})

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

describe('close()', () => {
  test('settles what is in flight, leaves nothing behind, and can be called again', () =>
    withServer(async (server) => {
      const front = await readyFront(server)
      const calls = Object.values(CALLS).map((call) => call(front))
      const closing = front.close()
      expect(front.close()).toBe(closing)
      await closing
      await Promise.all(calls)
      expect(front.status).toBe('closed')
      for (const call of Object.values(CALLS)) await expect(call(front)).rejects.toBeInstanceOf(ClosedError)
      await expect(front.whenReady(50)).rejects.toBeInstanceOf(ClosedError)
      const raw = rawClient(server)
      await eventually(
        'the server sees it go',
        async () => !String(await raw.client('LIST')).includes('tidemark-front'),
      )
    }))

  test.each(['connecting', 'disconnected', 'suspended'])('while %s', (status) =>
    withServer(async (server) => {
      const timers = (): number => process.getActiveResourcesInfo().filter((each) => each === 'Timeout').length
      const before = timers()
      if (status === 'disconnected') await server.kill()
      const front = openFront(server, { commandTimeoutMs: status === 'suspended' ? 60 : PATIENT_MS })
      if (status === 'suspended') {
        await eventually('it is connected', () => front.status === 'fenced')
        server.stop()
        await failureOf(front.look())
      }
      await eventually('it is there', () => front.status === status)
      await front.close()
      expect(front.status).toBe('closed')
      await eventually('no timer is left', () => timers() <= before)
      if (status === 'suspended') server.cont()
    }),
  )
})
