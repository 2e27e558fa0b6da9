import { eventually, type RedisServer, startRedis, startRelay } from '@tidemark/testkit'
import type { Redis } from 'ioredis'
import { expect, onTestFinished, test } from 'vitest'
import type { RedisFront } from '../src/index.ts'
import { change, fillOf, key } from './support/changes.ts'
import { initialize, rawClient, readNow, readyFront } from './support/fronts.ts'

const CALLS: Record<string, (front: RedisFront) => Promise<unknown>> = {
  apply: (front) => front.apply([change(9, key('a'), 'sent'), change(10, key('b'), 'sent')], 'install'),
  invalidate: (front) => front.apply([change(9, key('a'), 'sent')], 'invalidate'),
  fill: (front) => front.fill([fillOf(key('b'), 9, 9, 9)]),
  tail: (front) => front.tail({ from: 1, to: 9, changes: [change(9, key('a'), 'sent')], mark: '', tailer: 'me' }),
  discard: (front) => front.discard([key('a')]),
  read: (front) => readNow(front, [key('a')]),
  records: (front) => front.records(undefined, 10),
}

/** What a server is told, by everybody. */
async function listen(server: RedisServer): Promise<() => Promise<readonly string[][]>> {
  const raw = rawClient(server)
  const monitor: Redis = await raw.monitor()
  onTestFinished(() => monitor.disconnect())
  const commands: string[][] = []
  monitor.on('monitor', (_time: string, args: string[]) => commands.push(args))
  return async () => {
    const mark = `mark ${commands.length}`
    await raw.echo(mark)
    await eventually('everything up to now was heard', () => commands.some((args) => args[1] === mark))
    return commands
  }
}

async function prepared() {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const relay = await startRelay(server.port)
  onTestFinished(() => relay.close())
  const front = await readyFront(server, { url: relay.url })
  await front.apply([change(1, key('a'), 'before')], 'install')
  await front.tail({ from: 0, to: 1, changes: [], mark: '', tailer: 'me' })
  return { server, relay, front }
}

/** As the server has it, whoever may read it. */
async function heldIn(server: RedisServer): Promise<readonly string[]> {
  const raw = rawClient(server)
  const names = await raw.keys('*')
  const types = await Promise.all(names.map(async (name) => [name, await raw.type(name)] as const))
  const values = types.map(async ([name, type]) =>
    type === 'hash'
      ? `${name} ${JSON.stringify(await raw.hgetallBuffer(name))}`
      : `${name} ${(await raw.getBuffer(name))!.toString('hex')}`,
  )
  return (await Promise.all(values)).toSorted()
}

test.each(Object.keys(CALLS))(
  'a connection that breaks: %s, which was on its way, has failed, and is not sent again on the next one',
  async (name) => {
    const { server, relay, front } = await prepared()
    const before = await heldIn(server)
    const heard = await listen(server)
    const session = front.session!
    const { commands, connections } = front.stats()
    relay.swallow()
    const calls = Promise.allSettled([CALLS[name]!(front), CALLS[name]!(front)])
    await eventually('they were sent', () => front.stats().commands > commands)
    relay.cut()
    for (const call of await calls) {
      expect(call).toMatchObject({ status: 'rejected', reason: { code: 'FRONT_UNAVAILABLE', retryable: true } })
    }
    // Nor is what is asked for in between kept for later.
    if (front.status !== 'ready') await expect(CALLS['apply']!(front)).rejects.toMatchObject({ retryable: true })
    await eventually('the next connection is in use', () => front.status === 'ready')
    expect(front.stats().connections).toBeGreaterThan(connections)
    expect(front.session).toEqual(session)
    expect((await readNow(front, [key('a')]))[0]?.entry?.payload.read()).toBe('before')
    const told = (await heard()).map(([command]) => command!.toLowerCase())
    expect(told).toContain('info')
    expect(told.filter((command) => ['evalsha', 'eval', 'del', 'unlink', 'scan'].includes(command))).toEqual([])
    expect(told.filter((command) => command === 'mget')).toHaveLength(1)
    expect(await heldIn(server)).toEqual(before)
  },
)

test('a start that was on its way when the connection broke is not sent again either', async () => {
  const { server, relay, front } = await prepared()
  await rawClient(server).flushall()
  await front.look()
  relay.swallow()
  const { commands } = front.stats()
  const starting = initialize(front, 5)
  starting.catch(() => {})
  await eventually('it was sent', () => front.stats().commands > commands)
  relay.cut()
  await expect(starting).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE' })
  await eventually('the next connection is in use', () => front.status === 'fenced')
  expect(await heldIn(server)).toEqual([])
})
