import type { Log, MemoryBack } from '@tidemark/core'
import { commit, eventually, setting, startRedis } from '@tidemark/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createRedisRelay,
  dropRedisRelay,
  findRelayedLogs,
  type RedisRelay,
  type RedisRelayOptions,
} from '../src/index.ts'
import { keyspaceOf, streamKeysOf } from '../src/keyspace.ts'
import { PATIENT_MS, rawClient } from './support/fronts.ts'
import { allOf, logWith, openBack, openRelay, openStreamLog } from './support/relays.ts'
import { useServer } from './support/use-server.ts'

const KEYS = streamKeysOf(keyspaceOf('tidemark'))
const NEVER: Promise<never> = new Promise(() => {})

const used = useServer()
let back: MemoryBack
beforeEach(() => {
  back = openBack()
})

async function write(n: number): Promise<void> {
  for (let i = 0; i < n; i++) await commit(back, setting('key', i))
}

describe('a server that refuses the copy', () => {
  /** What one is told, in the order in which it is. */
  function told(): { events: string[]; options: Pick<RedisRelayOptions, 'onError' | 'onRecovered'> } {
    const events: string[] = []
    return {
      events,
      options: {
        onError: (error) => events.push((error as Error).message),
        onRecovered: () => events.push('recovered'),
      },
    }
  }

  /** Until it has tried in vain so often. */
  async function refused(relay: RedisRelay, raw: ReturnType<typeof rawClient>, times: number): Promise<void> {
    const rejected = async (): Promise<number> =>
      Array.from((await raw.info('commandstats')).matchAll(/cmdstat_eval\w*:.*failed_calls=(\d+)/g)).reduce(
        (sum, [, calls]) => sum + Number(calls),
        0,
      )
    const before = await rejected()
    await eventually('it was refused', async () => (await rejected()) >= before + times)
    await eventually('it knows', () => relay.stats.refusal !== undefined)
  }

  test('because its memory is full is told once, and so is the end of it', async () => {
    await using own = await startRedis()
    const { events, options } = told()
    const relay = openRelay(own, back.log, { url: own.url, ...options })
    const log = await openStreamLog(own, { url: own.url })
    await write(3)
    await allOf(log, 0, 3)
    const raw = rawClient(own)
    await raw.config('SET', 'maxmemory', '1')
    await write(3)
    await refused(relay, raw, 4)
    expect(events).toEqual([expect.stringMatching(/^the log is not copied into Redis: .*its memory is full.*\(OOM\)$/)])
    expect(relay.stats.refusal).toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true, message: events[0] })
    await raw.config('SET', 'maxmemory', '0')
    expect(await allOf(log, 3, 6)).toHaveLength(3)
    await eventually('it is over', () => relay.stats.refusal === undefined)
    expect(events.slice(1)).toEqual(['recovered'])
    await raw.config('SET', 'maxmemory', '1')
    await write(1)
    await refused(relay, raw, 1)
    expect(events).toEqual([events[0], 'recovered', events[0]])
    await raw.config('SET', 'maxmemory', '0')
    await allOf(log, 6, 7)
  })

  test('is told by a relay that has nothing to copy, too: readers no longer learn that everything is there', async () => {
    await using own = await startRedis()
    const { events, options } = told()
    const relay = openRelay(own, back.log, { url: own.url, ...options })
    await eventually('there is a stream', () => relay.stats.head === 0)
    await rawClient(own).config('SET', 'maxmemory', '1')
    await eventually('it is told', () => events.length > 0)
    expect(relay.stats.refusal).toBeDefined()
  })

  test('because it is a replica is left, since its address may lead to another one by now', async () => {
    await using own = await startRedis()
    const { events, options } = told()
    const relay = openRelay(own, back.log, { url: own.url, ...options })
    const log = await openStreamLog(own, { url: own.url })
    await write(1)
    await allOf(log, 0, 1)
    const raw = rawClient(own)
    const connected = async (): Promise<number | undefined> => {
      const clients = String(await raw.call('CLIENT', 'LIST'))
      const id = /id=(\d+) .*name=tidemark-relay/.exec(clients)?.[1]
      return id === undefined ? undefined : Number(id)
    }
    const first = await connected()
    // Of nobody: it goes on serving what it has.
    await raw.replicaof('127.0.0.1', 1)
    await eventually('it has another connection', async () => {
      const now = await connected()
      return now !== undefined && now !== first
    })
    await raw.replicaof('NO', 'ONE')
    await write(1)
    expect(await allOf(log, 1, 2)).toHaveLength(1)
    await eventually('it is over', () => relay.stats.refusal === undefined)
    expect(events).toEqual([expect.stringContaining('READONLY'), 'recovered'])
  })

  test("is not one that is not there, which is nobody's fault here", async () => {
    const own = await startRedis()
    const { events, options } = told()
    const relay = openRelay(own, back.log, { url: own.url, ...options })
    await eventually('there is a stream', () => relay.stats.head === 0)
    await own.kill()
    await write(1)
    await own.restart()
    await allOf(await openStreamLog(own, { url: own.url }), 0, 1)
    await relay.close()
    await own.close()
    expect(events).toEqual([])
  })
})

describe('close() waits for nobody who never answers', () => {
  const hung: readonly [what: string, log: () => Partial<Log>][] = [
    ['a read', () => ({ read: () => NEVER })],
    ['a look at the head', () => ({ head: () => NEVER })],
    ['a wait', () => ({ wait: () => NEVER })],
  ]
  test.each(hung)('%s', async (_what, log) => {
    await write(1)
    let asked = false
    const [[name, hang]] = Object.entries(log()) as [[keyof Log, () => Promise<never>]]
    const relay = openRelay(
      used.server,
      logWith(back.log, {
        [name]: () => {
          asked = true
          return hang()
        },
      }),
    )
    await eventually('it was asked', () => asked)
    await Promise.all([relay.close(), relay.close()])
  })

  test('nor does a late answer do anything any more', async () => {
    await write(1)
    let answer: () => void = () => {}
    const late = new Promise<void>((resolve) => (answer = resolve))
    let asked = false
    const read: Log['read'] = async (options) => {
      asked = true
      await late
      return back.log.read(options)
    }
    const relay = openRelay(used.server, logWith(back.log, { read }))
    await eventually('it was asked', () => asked)
    await relay.close()
    const before = await used.raw.xlen(KEYS[0]!)
    answer()
    await back.log.head()
    expect([await used.raw.xlen(KEYS[0]!), relay.stats.appended]).toEqual([before, 0])
  })
})

describe('what a relay leaves behind', () => {
  const ttls = (): Promise<number[]> => Promise.all(KEYS.map((key) => used.raw.pttl(key)))

  test.each([
    [undefined, 7 * 86_400_000],
    [3_600_000, 3_600_000],
  ])('goes by itself, %o', async (ttlMs, expected) => {
    openRelay(used.server, back.log, { ...(ttlMs !== undefined && { ttlMs }), announceIn: 'fleet' })
    await write(2)
    await allOf(await openStreamLog(used.server), 0, 2)
    for (const left of await ttls()) {
      expect(left).toBeGreaterThan(expected * 0.75)
      expect(left).toBeLessThanOrEqual(expected)
    }
    expect(await used.raw.pttl('fleet:logs')).toBeGreaterThan(0)
  })

  test('stays with a ttl of Infinity, also what was to go by an earlier one', async () => {
    const first = openRelay(used.server, back.log)
    await write(2)
    const log = await openStreamLog(used.server)
    await allOf(log, 0, 2)
    await first.close()
    openRelay(used.server, back.log, { ttlMs: Infinity })
    await write(1)
    await allOf(log, 2, 3)
    expect(await ttls()).toEqual([-1, -1, -1])
  })

  test('is begun anew by a relay that comes when it has gone, and readers go on', async () => {
    const first = openRelay(used.server, back.log)
    await write(4)
    const log = await openStreamLog(used.server)
    await allOf(log, 0, 4)
    await first.close()
    for (const key of KEYS) await used.raw.pexpire(key, 1)
    await eventually('it has gone', async () => (await used.raw.exists(...KEYS)) === 0)
    openRelay(used.server, back.log)
    await write(1)
    expect((await allOf(log, 2, 5)).map(({ seq }) => seq)).toEqual([3, 4, 5])
  })

  test.each([{ ttlMs: 59_999 }, { ttlMs: 90_000.5 }, { ttlMs: NaN }, { onRecovered: 1 }])(
    'a wrong option is refused: %o',
    (options) => {
      const all = { url: used.server.url, log: back.log, onError: () => {}, ...options }
      expect(() => createRedisRelay(all as unknown as RedisRelayOptions)).toThrow(/option (ttlMs|onRecovered)/)
    },
  )
})

describe('dropRedisRelay', () => {
  const drop = (): Promise<boolean> =>
    dropRedisRelay({
      url: used.server.url,
      announcedIn: 'fleet',
      logId: back.log.identity.id,
    })

  test('deletes what relays have copied, and nothing else', async () => {
    const others = ['tidemark:{p0}.m', 'tidemark:{p0}:s:42', 'tidemark:{p0}.s2', 'tidemark.x:{p0}.s', 'orders']
    for (const key of others) await used.raw.set(key, 'kept')
    await used.raw.zadd('fleet:logs', '1e12', 'another')
    const relay = openRelay(used.server, back.log, { announceIn: 'fleet' })
    await write(2)
    await allOf(await openStreamLog(used.server), 0, 2)
    await relay.close()
    expect(await used.raw.exists(...KEYS)).toBe(3)
    expect(await drop()).toBe(true)
    expect((await used.raw.keys('*')).toSorted()).toEqual([...others, 'fleet:logs'].toSorted())
    expect(await used.raw.zrange('fleet:logs', '0', '-1')).toEqual(['another'])
    expect(await drop()).toBe(false)
  })

  test('under a relay that runs: it begins anew, and a reader misses nothing', async () => {
    const relay = openRelay(used.server, back.log, { announceIn: 'fleet' })
    await write(5)
    const log = await openStreamLog(used.server)
    const before = await allOf(log, 0, 5)
    await drop()
    await write(2)
    const all = [...before, ...(await allOf(log, 5, 7))]
    expect(all.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(relay.stats.starts).toBe(2)
    await eventually('it is announced again', async () => {
      const found = await findRelayedLogs({ url: used.server.url, namespace: 'fleet' }, PATIENT_MS)
      return found.includes(back.log.identity.id)
    })
  })

  test('says that the server cannot be reached', async () => {
    const options = { url: 'redis://127.0.0.1:1', withinMs: 100 }
    await expect(dropRedisRelay(options)).rejects.toMatchObject({ code: 'FRONT_UNAVAILABLE', retryable: true })
    await expect(dropRedisRelay({ ...options, log: 'x' } as never)).rejects.toThrow(TypeError)
  })
})
