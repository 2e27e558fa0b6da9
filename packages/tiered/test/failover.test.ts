import { type Clock, systemClock } from '@tidemark/core'
import { eventually, type Hold, type RedisServer, startRedis, startRelay, type SwitchedRelay } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { Fleet, type Instance, type InstanceOptions, keyOf, serving } from './support/fleet.ts'

/** So long that a certificate does not run out by chance. */
const LONG_MS = 2_000

const only = { readPolicy: 'frontend-only' } as const

/** Two servers of which one follows the other, until it is promoted with what it has got by then. */
class Pair {
  readonly former: RedisServer
  readonly promoted: RedisServer

  private constructor(former: RedisServer, promoted: RedisServer) {
    this.former = former
    this.promoted = promoted
  }

  static async start(): Promise<Pair> {
    const [former, promoted] = await Promise.all([startRedis(), startRedis()])
    onTestFinished(async () => void (await Promise.all([former.close(), promoted.close()])))
    await rawClient(promoted).replicaof('127.0.0.1', former.port)
    return new Pair(former, promoted)
  }

  /** From here on it gets nothing more of what the former primary takes. */
  async promote(fleet: Fleet, key: string, value: unknown): Promise<void> {
    await eventually('the replica has the record', async () => {
      const record = await recordIn(this.promoted, fleet, key)
      return record !== undefined && record.equals((await recordIn(this.former, fleet, key))!)
    })
    expect(await valueIn(this.promoted, fleet, key)).toContain(value)
    await rawClient(this.promoted).replicaof('NO', 'ONE')
  }
}

function rawClient(server: RedisServer): Redis {
  const raw = new Redis(server.url, { maxRetriesPerRequest: 0, lazyConnect: false })
  raw.on('error', () => {})
  onTestFinished(() => raw.disconnect())
  return raw
}

/** The record as it stands in this very server, whoever may read it. */
async function recordIn(server: RedisServer, { namespace }: Fleet, key: string): Promise<Buffer | undefined> {
  const raw = rawClient(server)
  const name = (await raw.keys('*')).find((each) => each.includes(namespace) && each.endsWith(keyOf(key).id))
  return name === undefined ? undefined : ((await raw.getBuffer(name)) ?? undefined)
}

async function valueIn(server: RedisServer, fleet: Fleet, key: string): Promise<string | undefined> {
  return (await recordIn(server, fleet, key))?.toString('latin1')
}

async function ways(pair: Pair, count: number): Promise<readonly SwitchedRelay[]> {
  const relays = await Promise.all(Array.from({ length: count }, () => startRelay(pair.former.port)))
  onTestFinished(async () => void (await Promise.all(relays.map((relay) => relay.close()))))
  return relays
}

async function openBy(fleet: Fleet, { url }: SwitchedRelay, options: InstanceOptions = {}): Promise<Instance> {
  const instance = await fleet.open({ ...options, redis: { url } })
  await serving(instance)
  return instance
}

/** What the server holds stays as it is, whatever this process knows. */
function leaveAsItIs({ front }: Instance): void {
  front.inject(({ method }) => (method === 'tail' || method === 'fill' ? 'drop-before' : undefined))
}

describe.each(['bounded', 'strict'] as const)('a failover that lost writes, acknowledged %s', (ack) => {
  test('what the promoted replica lacks is read by nobody, and repaired from the log', async () => {
    const pair = await Pair.start()
    const fleet = new Fleet(pair.former)
    const relays = await ways(pair, 2)
    const [writer, reader] = await Promise.all(relays.map((relay) => openBy(fleet, relay, { ack })))
    await writer!.store.setMany([
      ['k', 'old'],
      ['gone', 'old'],
    ])
    expect(await reader!.store.get('k', only)).toBe('old')
    await pair.promote(fleet, 'gone', 'old')
    const written = await writer!.store.set('k', 'new')
    expect(written.tiers).toMatchObject([{ outcome: 'applied' }])
    await writer!.store.delete('gone')
    expect(await reader!.store.get('k', only)).toBe('new')
    // Both are led to a server that holds what was replaced, and is not told of it yet.
    for (const instance of [writer!, reader!]) leaveAsItIs(instance)
    const former = reader!.front.session!.server
    await pair.former.kill()
    for (const relay of relays) relay.target = pair.promoted.port
    await eventually('both are connected to the promoted one', async () => {
      expect(await writer!.store.get('k')).toBe('new')
      expect(await writer!.store.get('gone')).toBeUndefined()
      return [writer!, reader!].every(({ front }) => ![undefined, former].includes(front.session?.server))
    })
    // The reader asks for the first time since: there is nothing that it would know from the back tier.
    const found = await reader!.store.getMany(['k', 'gone'])
    expect([found.get('k'), found.get('gone')]).toEqual(['new', undefined])
    expect(await valueIn(pair.promoted, fleet, 'k')).toContain('old')
    expect(await valueIn(pair.promoted, fleet, 'gone')).toContain('old')
    for (const { front } of [writer!, reader!]) front.inject(undefined)
    await eventually('it serves again', () => reader!.isServing())
    expect(await reader!.store.get('k')).toBe('new')
    expect(await reader!.store.get('gone')).toBeUndefined()
    for (const key of ['k', 'gone']) expect((await valueIn(pair.promoted, fleet, key)) ?? '').not.toContain('old')
  })
})

describe('split brain: an old primary answers on', () => {
  /** A reader that stays with the old primary while everybody else, and the log, go on with the promoted one. */
  async function split(
    writing: InstanceOptions,
    reading: InstanceOptions,
    beforehand: () => void = () => {},
  ): Promise<{ writer: Instance; reader: Instance; looks: Hold; held: () => Promise<string | undefined> }> {
    const pair = await Pair.start()
    const fleet = new Fleet(pair.former)
    const [toWriter, toReader] = await ways(pair, 2)
    const writer = await openBy(fleet, toWriter!, writing)
    const reader = await openBy(fleet, toReader!, reading)
    await writer.store.set('k', 'old', { ack: 'bounded' })
    expect(await reader.store.get('k', only)).toBe('old')
    beforehand()
    await pair.promote(fleet, 'k', 'old')
    // It does not hear of the change while nobody lets it look.
    const looks = reader.front.hold('look')
    onTestFinished(() => looks.release())
    leaveAsItIs(reader)
    toWriter!.target = pair.promoted.port
    ;(writer.events as unknown[]).length = 0
    toWriter!.cut()
    await eventually('the writer has gone over', () => writer.events.some(({ type }) => type === 'front-bypassed'))
    await eventually('and uses the promoted one', writer.isServing)
    return { writer, reader, looks, held: () => valueIn(pair.former, fleet, 'k') }
  }

  test('bounded: who stayed with it may miss a write for as long as the bound, and no longer', async () => {
    let stoppedAt: number | undefined
    const clock: Clock = { ...systemClock, monotonic: () => stoppedAt ?? systemClock.monotonic() }
    const bound = { frontMaxStaleMs: LONG_MS }
    const stop = (): void => void (stoppedAt = systemClock.monotonic())
    const { writer, reader, held } = await split(bound, { ...bound, clock }, stop)
    const written = await writer.store.set('k', 'new')
    expect(written.tiers).toMatchObject([{ outcome: 'applied' }])
    expect(await reader.store.get('k')).toBe('old')
    stoppedAt! += LONG_MS
    expect(await reader.store.get('k')).toBe('new')
    expect(await held()).toContain('old')
  })

  test('strict: a write is acknowledged when nobody reads from it what the write replaced', async () => {
    const { writer, reader, held } = await split({ ack: 'strict' }, { frontMaxStaleMs: LONG_MS })
    expect((await writer.store.set('k', 'new')).tiers).toMatchObject([{ outcome: 'applied' }])
    expect(await held()).toContain('old')
    expect(await reader.store.get('k')).toBe('new')
    expect(await reader.store.get('k', only)).toBeUndefined()
  })

  test('who stayed with it finds out that another server counts, and reads from the back tier', async () => {
    const { writer, reader, looks, held } = await split({}, {})
    looks.release()
    await writer.store.set('k', 'new')
    await eventually('it is told', () =>
      reader.events.some((event) => event.type === 'front-bypassed' && event.reason === 'displaced'),
    )
    expect(await reader.store.get('k')).toBe('new')
    expect(await held()).toContain('old')
  })
})
