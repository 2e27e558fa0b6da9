import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { inspect } from 'node:util'
import { describe, expect, test } from 'vitest'
import { change, key } from './support/changes.ts'
import { failureOf, failOnUnhandledRejections, withServer } from './support/failing-calls.ts'
import { fakeRedis, healthy } from './support/fake-redis.ts'
import { openFront, PATIENT_MS, rawClient, readNow, readyFront } from './support/fronts.ts'

failOnUnhandledRejections()

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

test('a real server that loads what it saved: refuses meanwhile, and is another one with the same records afterwards', () =>
  withServer(
    async (server) => {
      const front = await readyFront(server)
      await front.apply([change(1, key('a'), 'kept')], 'install')
      const former = front.session!
      const filler = rawClient(server)
      await filler.mset(Object.fromEntries(Array.from({ length: 1_500 }, (_, i) => [`filler ${i}`, 'x'.repeat(2_048)])))
      await filler.save()
      filler.disconnect()
      const restarted = server.restart()
      await eventually('it is met loading', () => /still loading its data set/.test(front.error?.message ?? ''))
      expect([front.status, front.session]).toEqual(['suspended', undefined])
      expect(await failureOf(front.apply([change(2, key('a'), 'new')], 'install'))).toMatchObject({
        code: 'FRONT_UNAVAILABLE',
        retryable: true,
      })
      // It listens to this while it loads.
      const raw = rawClient(server, { enableReadyCheck: false })
      await raw.config('SET', 'key-load-delay', '0')
      await restarted
      await eventually('it is ready', () => front.status === 'ready')
      expect(front.session!.epoch).toBe(former.epoch)
      expect(front.session!.server).not.toBe(former.server)
      expect((await readNow(front, [key('a')]))[0]?.entry?.payload.read()).toBe('kept')
    },
    {
      persistence: 'rdb',
      // 5 ms for each key, and a look at its connections after each.
      args: ['--key-load-delay', '5000', '--loading-process-events-interval-bytes', '1024', '--rdbcompression', 'no'],
    },
  ))
