import { type Clock, Store, systemClock } from '@tidemark/core'
import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet, heldIn, type Instance, keyOf, useRedis, withFill, serving } from './support/fleet.ts'
import { StoppableClock } from './support/stoppable-clock.ts'

/** Bounds what a call may take when it waits for Redis twice, on a machine that is busy with other things. */
const BOUNDED_MS = 2_000

const shared = useRedis()

async function ownServer(options: Parameters<typeof startRedis>[0] = {}): Promise<RedisServer> {
  const server = await startRedis(options)
  onTestFinished(() => server.close())
  return server
}

async function within<T>(ms: number, work: Promise<T>): Promise<T> {
  const started = performance.now()
  const result = await work
  expect(performance.now() - started).toBeLessThan(ms)
  return result
}

/** Every kind of call, with the front in trouble: writes and reads are right, and take bounded time. */
async function worksWithoutRedis({ store, events }: Instance, round: string): Promise<void> {
  const written = await within(BOUNDED_MS, store.set('k', round))
  expect(written.tiers).toMatchObject([{ tier: 'redis', outcome: 'failed' }])
  expect(written.tiers[0]!.error).toBeInstanceOf(Error)
  expect(await within(BOUNDED_MS, store.get('k'))).toBe(round)
  expect((await within(BOUNDED_MS, store.getMany(['k', 'absent']))).get('k')).toBe(round)
  expect(
    await within(
      BOUNDED_MS,
      store.update<string>('k', (old) => `${old}!`),
    ),
  ).toMatchObject({ old: round })
  expect(await within(BOUNDED_MS, store.get('k', { readPolicy: 'frontend-first' }))).toBe(`${round}!`)
  expect(await within(BOUNDED_MS, store.delete('gone'))).toMatchObject({ deleted: true })
  expect(await within(BOUNDED_MS, store.get('gone'))).toBeUndefined()
  expect(events).toContainEqual({
    type: 'front-failed',
    tier: 'redis',
    call: 'apply',
    error: expect.any(Error) as Error,
  })
}

describe.each([true, false])('Redis in trouble (near: %s)', (near) => {
  const impatient = { near, redis: { commandTimeoutMs: 100 } } as const

  async function prepared(server: RedisServer): Promise<{ fleet: Fleet; a: Instance }> {
    const fleet = new Fleet(server)
    const a = await fleet.open(impatient)
    await serving(a)
    await a.store.setMany([
      ['k', 'before'],
      ['gone', 'before'],
    ])
    return { fleet, a }
  }

  async function repaired({ fleet, a }: { fleet: Fleet; a: Instance }, k: string | undefined): Promise<void> {
    const onlooker = await fleet.open()
    expect(await onlooker.store.get('k')).toBe(k)
    expect(await onlooker.store.get('gone')).toBeUndefined()
    // Before it has heard of the epoch, what it writes is taken, but not held.
    await eventually('it takes writes again', async () => {
      const { session } = a.front
      if (session?.epoch === undefined || session.epoch !== onlooker.front.session?.epoch) return false
      const { tiers } = await a.store.set('again', 1)
      return tiers[0]!.outcome === 'applied' && a.front.session === session
    })
    expect((await heldIn(onlooker.redis, [keyOf('again')]))[0]?.entry?.payload.read()).toBe(1)
    await eventually(
      'it is read from there',
      async () => (await onlooker.store.get('again', { readPolicy: 'frontend-only' })) === 1,
    )
  }

  test('stopped, and continued', async () => {
    const server = await ownServer()
    const { fleet, a } = await prepared(server)
    server.stop()
    await worksWithoutRedis(a, 'stopped')
    await worksWithoutAgain(a)
    server.cont()
    await repaired({ fleet, a }, 'still stopped')
  })

  async function worksWithoutAgain({ store }: Instance): Promise<void> {
    await within(BOUNDED_MS, store.set('k', 'still stopped'))
    expect(await within(BOUNDED_MS, store.get('k'))).toBe('still stopped')
  }

  test('killed, and started empty', async () => {
    const server = await ownServer()
    const { fleet, a } = await prepared(server)
    await server.kill()
    await worksWithoutRedis(a, 'killed')
    await server.restart()
    await repaired({ fleet, a }, 'killed!')
  })

  test('killed, and back with what it held before', async () => {
    const server = await ownServer({ persistence: 'aof' })
    const { fleet, a } = await prepared(server)
    await server.kill()
    await worksWithoutRedis(a, 'killed')
    await server.restart()
    // Its records are of the same epoch, and older than what was acknowledged.
    await serving(a)
    expect(await a.store.get('k')).toBe('killed!')
    expect(await a.store.get('gone')).toBeUndefined()
    await repaired({ fleet, a }, 'killed!')
  })

  test('never there', async () => {
    const server = await ownServer()
    await server.kill()
    const fleet = new Fleet(server)
    const a = await fleet.open(impatient)
    await a.store.setMany([['gone', 1]])
    await worksWithoutRedis(a, 'alone')
    await server.restart()
    await repaired({ fleet, a }, 'alone!')
  })

  test('wrong password', async () => {
    const server = await ownServer({ password: 'right' })
    const a = await new Fleet(server).open({
      near,
      redis: {
        url: undefined,
        connection: { port: server.port, password: 'wr0ng-secret' },
        commandTimeoutMs: 100,
      } as never,
    })
    // Each kind of call tells its first failure alone: before the answer is there, that it waits for one.
    await eventually('it has been refused', () => /refuses/.test(String(a.redis.error)))
    await a.store.setMany([['gone', 1]])
    await worksWithoutRedis(a, 'refused')
    const told = a.events.flatMap((event) => ('error' in event ? [String(event.error)] : []))
    expect(told.join('\n')).toMatch(/refuses the user name or password/)
    expect(told.join('\n')).not.toContain('wr0ng-secret')
  })
})

test('a front that is full says so once, and that it has room when it has taken everything for some seconds', async () => {
  const server = await ownServer()
  let shift = 0
  let quiet: (() => void) | undefined
  const clock: Clock = {
    ...systemClock,
    monotonic: () => systemClock.monotonic() + shift,
    schedule(ms, task) {
      if (ms !== 5_000) return systemClock.schedule(ms, task)
      quiet = task
      return () => void (quiet = undefined)
    },
  }
  const fleet = new Fleet(server)
  const a = await fleet.open({ clock, redis: { commandTimeoutMs: 2_000 } })
  await serving(a)
  const told = (): string[] => a.events.map(({ type }) => type).filter((type) => /full|room/.test(type))
  /** A write that is given to the front, whatever it said before. */
  const write = async (): Promise<void> => {
    shift += 1_000
    await eventually('it is in use', () => a.front.session !== undefined)
    await a.store.set('k', 1)
  }
  await fleet.raw.config('SET', 'maxmemory', '1')
  for (let i = 0; i < 3; i++) await write()
  expect(a.events).toContainEqual({ type: 'front-full', tier: 'redis', error: expect.any(Error) as Error })
  expect(told()).toEqual(['front-full'])
  await fleet.raw.config('SET', 'maxmemory', '0')
  await write()
  expect(quiet).toBeDefined()
  await fleet.raw.config('SET', 'maxmemory', '1')
  await write()
  expect([quiet, told()]).toEqual([undefined, ['front-full']])
  await fleet.raw.config('SET', 'maxmemory', '0')
  await write()
  quiet!()
  expect(told()).toEqual(['front-full', 'front-has-room'])
})

describe('what the front did not take', () => {
  test('is not believed, not even from a reply that was given before the repair and comes after it', async () => {
    const fleet = new Fleet(shared.server)
    const clock = new StoppableClock()
    const a = await fleet.open({ clock })
    await a.store.set('k', 'old')
    await clock.stopWhenCertified(a)
    a.front.inject(({ method }) => (method === 'apply' ? 'drop-before' : undefined))
    await a.store.set('k', 'new')
    const reply = a.front.hold('read', 'after')
    const reading = a.store.get('k')
    await reply.arrived()
    a.front.inject(undefined)
    const { version } = (await a.store.entry('k', { consistency: 'linearizable' }))!
    await eventually('it is repaired', async () => ((await a.front.look()).watermark ?? 0) >= version)
    reply.release()
    expect(await reading).toBe('new')
  })

  test('counts as not taken when only the reply was lost', async () => {
    const fleet = new Fleet(shared.server)
    const [a, c] = await Promise.all([fleet.open(), fleet.open()])
    a.front.inject(({ method }) => (method === 'apply' ? 'drop-after' : undefined))
    expect(await a.store.set('k', 1)).toMatchObject({ tiers: [{ outcome: 'failed' }] })
    expect(await a.store.get('k')).toBe(1)
    expect((await heldIn(c.redis, [keyOf('k')]))[0]?.entry?.payload.read()).toBe(1)
  })

  test('a failed read or fill is told, and costs nothing else', async () => {
    const fleet = new Fleet(shared.server)
    const clock = new StoppableClock()
    const a = await fleet.open({ clock })
    await clock.stopWhenCertified(a)
    await a.store.set('k', 1, { writePolicy: 'write-around' })
    a.front.inject(({ method }) => (method === 'read' ? 'drop-after' : undefined))
    expect(await withFill(a.front, () => a.store.get('k'))).toBe(1)
    a.front.inject(({ method }) => (method === 'fill' ? 'drop-before' : undefined))
    await a.store.set('k', 2, { writePolicy: 'write-around' })
    expect(await a.store.get('k')).toBe(2)
    await eventually('it is told', () => a.events.length === 2)
    expect(a.events.map((event) => event.type === 'front-failed' && event.call)).toEqual(['read', 'fill'])
  })
})

describe('closing', () => {
  test('settles everything in flight, and can be called again', async () => {
    const fleet = new Fleet(shared.server)
    const a = await fleet.open({ near: true })
    await a.store.setMany(
      Array.from({ length: 50 }, (_, i) => [i, i] as const),
      { writePolicy: 'write-around' },
    )
    const apply = a.front.hold('apply')
    const inFlight = [
      ...Array.from({ length: 50 }, (_, i) => a.store.get(i)),
      a.store.getMany([1, 2, 3, 4]),
      ...Array.from({ length: 20 }, (_, i) => a.store.set(`w${i}`, i)),
      a.store.update<number>(1, (old) => old! + 1),
      a.tiers.expire(10),
    ]
    const settling = Promise.allSettled(inFlight)
    await apply.arrived()
    const closing = a.tiers.close()
    expect(a.tiers.close()).toBe(closing)
    apply.release()
    await closing
    for (const outcome of await settling) {
      if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ code: 'CLOSED' })
    }
    // Writes that were accepted are durable, and acknowledged.
    const b = await fleet.open()
    for (let i = 0; i < 20; i++) expect(await b.store.get(`w${i}`)).toBe(i)
  })

  test.each(['closing', 'closed'])('%s: every method refuses, and what only looks is harmless', async (state) => {
    const fleet = new Fleet(shared.server)
    const a = await fleet.open({ near: true, nearMaxStaleMs: 60_000 })
    await a.store.set('k', 1)
    await a.store.get('k')
    const view = new Store(a.tiers)
    const apply = a.front.hold('apply')
    const writing = a.store.set('k', 2)
    await apply.arrived()
    const closing = a.tiers.close()
    if (state === 'closed') {
      apply.release()
      await closing
    }
    const closed = { code: 'CLOSED' }
    const only = { readPolicy: 'frontend-only' } as const
    await expect(view.get('k')).rejects.toMatchObject(closed)
    await expect(view.get('k', only)).rejects.toMatchObject(closed)
    await expect(view.getMany(['k'], only)).rejects.toMatchObject(closed)
    await expect(view.has('k')).rejects.toMatchObject(closed)
    await expect(view.set('k', 3)).rejects.toMatchObject(closed)
    await expect(view.clear()).rejects.toMatchObject(closed)
    await expect(view.transaction((tx) => tx.set('k', 3))).rejects.toMatchObject(closed)
    await expect(Array.fromAsync(view.keys())).rejects.toMatchObject(closed)
    await expect(a.tiers.expire(1)).rejects.toMatchObject(closed)
    await expect(a.tiers.count({ start: undefined, end: undefined } as never)).rejects.toMatchObject(closed)
    expect(() => a.tiers.onCommit(() => {})).toThrow(expect.objectContaining(closed) as Error)
    await expect(
      new Promise((resolve, reject) => a.tiers.warm().subscribe({ error: reject, complete: () => resolve('done') })),
    ).rejects.toMatchObject(closed)
    expect(a.tiers.tierStats().reads).toBeGreaterThan(0)
    a.tiers.peek(keyOf('k').id)
    apply.release()
    await closing
    expect(await writing).toMatchObject({ tiers: [{ outcome: 'applied' }] })
  })
})

test('where a proof lasts for long, the first one does not wait for as long', async () => {
  const fleet = new Fleet(shared.server)
  const lasting = { frontMaxStaleMs: 60_000 }
  const writer = await fleet.open(lasting)
  await writer.store.set('k', 1)
  const reader = await fleet.open({ ...lasting, redis: {} })
  reader.front.inject(({ method, nth }) => (method === 'look' && nth < 3 ? 'drop-before' : undefined))
  // Then it finds that the log was not replayed, which is the writer's to do, and then that nobody does.
  await serving(reader)
  expect(await reader.store.get('k')).toBe(1)
})
