import { createMemoryBack } from '@tidemark/core'
import { consume } from '@tidemark/hooks'
import { startRedis } from '@tidemark/testkit'
import type { Redis } from 'ioredis'
import { describe, expect, onTestFinished, test } from 'vitest'
import { redisStream, type RedisStreamOptions, type RedisStreamSink, type StreamedContext } from '../src/index.ts'
import { PATIENT_MS, rawClient } from './support/fronts.ts'
import { useServer } from './support/use-server.ts'

const used = useServer()

function open(options: Partial<RedisStreamOptions> = {}): RedisStreamSink {
  const sink = redisStream({ url: used.server.url, stream: 'orders', commandTimeoutMs: PATIENT_MS, ...options })
  onTestFinished(() => sink.close())
  return sink
}

const changeOf = (seq: number, key = 'k') => ({ seq, toJSON: () => ({ seq, key: [key], value: 1n, path: undefined }) })
const changesOf = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, i) => changeOf(first + i))

function contextOf(scope = 'log:1', signal = new AbortController().signal): StreamedContext {
  return { signal, idempotencyKey: ({ seq }) => `${scope}:${seq}` }
}
const context = contextOf()

async function entries(
  raw: Redis = used.raw,
): Promise<{ id: string; change: { id: string; seq: number; key: [string] } }[]> {
  const found = await raw.xrange('orders', '-', '+')
  return found.map(([id, fields]) => ({ id, change: JSON.parse(fields[3]!) as never }))
}

const ids = async (): Promise<string[]> => (await entries()).map(({ id }) => id)
const seqs = async (): Promise<number[]> => (await entries()).map(({ change }) => change.seq)
const failureOf = (adding: Promise<void>): Promise<unknown> =>
  adding.then(
    () => undefined,
    (error: unknown) => error,
  )

describe('an entry', () => {
  test('has the seq of its change for its id, and holds it as JSON', async () => {
    await open()([changeOf(3), changeOf(7)], context)
    expect(await used.raw.xrange('orders', '-', '+')).toEqual([
      ['3-0', ['id', 'log:1:3', 'change', '{"id":"log:1:3","seq":3,"key":["k"],"value":{"$bigint":"1"}}']],
      ['7-0', ['id', 'log:1:7', 'change', '{"id":"log:1:7","seq":7,"key":["k"],"value":{"$bigint":"1"}}']],
    ])
  })

  test('comes behind the last one when later changes are there', async () => {
    const sink = open()
    await sink([changeOf(5), changeOf(9)], context)
    await sink([changeOf(6), changeOf(7), changeOf(12)], context)
    await used.raw.xdel('orders', '12-0')
    await sink([changeOf(10)], context)
    await sink([changeOf(14), changeOf(13)], context)
    expect(await ids()).toEqual(['5-0', '9-0', '9-1', '9-2', '12-1', '14-0', '14-1'])
    expect(await seqs()).toEqual([5, 9, 6, 7, 10, 14, 13])
  })

  test('comes behind those of somebody else', async () => {
    await used.raw.xadd('orders', '*', 'id', 'x', 'change', '{"seq":0}')
    await open()(changesOf(1, 3), context)
    expect(await seqs()).toEqual([0, 1, 2, 3])
  })
})

describe('once', () => {
  test('what comes again is passed over, by whichever process, whole or in part', async () => {
    const [one, other] = [open(), open()]
    await one(changesOf(1, 4), context)
    await other(changesOf(2, 6), context)
    await Promise.all([one(changesOf(5, 9), context), other(changesOf(5, 9), context)])
    expect(await seqs()).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
  })

  test('also when the stream no longer holds it', async () => {
    const sink = open({ maxLength: 1 })
    await sink(changesOf(1, 1_000), context)
    const kept = await ids()
    expect(kept.length).toBeLessThan(300)
    await sink(changesOf(1, 1_000), context)
    expect(await ids()).toEqual(kept)
    const all = open()
    await all(changesOf(1_001, 3_000), context)
    expect(await used.raw.xlen('orders')).toBe(kept.length + 2_000)
  })

  test('across the stretches that are remembered together, and in calls of any size', async () => {
    const sink = open()
    await sink(changesOf(65_500, 66_700), context)
    await sink(changesOf(65_000, 66_800), context)
    await sink(changesOf(1, 10), context)
    const added = await seqs()
    expect(added).toHaveLength(1_811)
    expect(new Set(added).size).toBe(1_811)
    const large = { seq: 70_000, toJSON: () => ({ seq: 70_000, value: 'x'.repeat(2_000_000) }) }
    await sink([large, changeOf(70_001)], context)
    expect((await ids()).slice(-2)).toEqual(['70000-0', '70001-0'])
  })

  test('lanes add at the same time, each in its order', async () => {
    const lanes = ['a', 'b', 'c', 'd']
    const sink = open()
    await Promise.all(
      lanes.map(async (lane, i) => {
        for (let n = 0; n < 25; n++) {
          const batch = [changeOf(n * 8 + i + 1, lane), changeOf(n * 8 + i + 5, lane)]
          await sink(batch, context)
          if (n % 4 === i) await sink(batch, context)
        }
      }),
    )
    const all = await entries()
    expect(all.map(({ change }) => change.seq).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: 200 }, (_, i) => i + 1),
    )
    for (const lane of lanes) {
      const own = all.filter(({ change }) => change.key[0] === lane).map(({ change }) => change.seq)
      expect(own).toEqual(own.toSorted((a, b) => a - b))
    }
  })

  test('logs and epochs that share a stream are told apart', async () => {
    const sink = open()
    for (const scope of ['log:1', 'log:2', 'other:1', 'log:2']) await sink(changesOf(1, 2), contextOf(scope))
    expect((await entries()).map(({ change }) => change.id)).toEqual([
      'log:1:1',
      'log:1:2',
      'log:2:1',
      'log:2:2',
      'other:1:1',
      'other:1:2',
    ])
  })

  test('what is remembered goes when nothing near it has come for as long', async () => {
    await open({ rememberMs: 60_000 })(changesOf(1, 2), context)
    const left = await used.raw.pttl('orders:seen:log:1:0')
    expect(left).toBeGreaterThan(0)
    expect(left).toBeLessThanOrEqual(60_000)
    expect(await used.raw.pttl('orders')).toBe(-1)
  })
})

describe('a server', () => {
  test('that hangs may have taken a batch: it is added once all the same', async () => {
    await using server = await startRedis()
    const sink = open({ url: server.url, commandTimeoutMs: 60 })
    const add = async (last: number): Promise<void> => {
      while ((await failureOf(sink(changesOf(1, last), context))) !== undefined);
    }
    await add(2)
    server.stop()
    try {
      expect(await failureOf(sink(changesOf(1, 4), context))).toMatchObject({
        code: 'DELIVERY_FAILED',
        retryable: true,
      })
    } finally {
      server.cont()
    }
    await add(6)
    const found = await entries(rawClient(server))
    expect(found.map(({ id }) => id)).toEqual(['1-0', '2-0', '3-0', '4-0', '5-0', '6-0'])
  })

  test('that is away is told, and used when it is back', async () => {
    await using server = await startRedis()
    const sink = open({ url: server.url, commandTimeoutMs: 100 })
    await server.kill()
    expect(await failureOf(sink(changesOf(1, 2), context))).toMatchObject({ code: 'DELIVERY_FAILED', retryable: true })
    await server.restart()
    while ((await failureOf(sink(changesOf(1, 2), context))) !== undefined);
    expect(await entries(rawClient(server))).toHaveLength(2)
  })

  test.each(['orders', 'orders:seen:log:1:0'])('whose key %s is no stream of ours is left as it is', async (key) => {
    await used.raw.hset(key, 'a', '1')
    const error = await failureOf(open()(changesOf(1, 2), context))
    expect(error).toMatchObject({ code: 'DELIVERY_FAILED', retryable: false })
    expect(await used.raw.keys('*')).toEqual([key])
  })
})

test('a batch that was taken from its owner is not added', async () => {
  const controller = new AbortController()
  const reason = new Error('lost')
  const adding = failureOf(open()(changesOf(1, 2), contextOf('log:1', controller.signal)))
  controller.abort(reason)
  expect(await adding).toBe(reason)
  expect(await used.raw.exists('orders')).toBe(0)
})

test('without batches it is refused when its consumer begins, and by whoever else hands it a single change', async () => {
  const sink = open()
  const message = 'a sink takes batches: give the consumer the option batch, say batch: 100'
  // As who writes no types can.
  const begin = consume as (...all: unknown[]) => ReturnType<typeof consume>
  await expect(begin(createMemoryBack(), 'to-orders', { from: 'start' }, sink)).rejects.toThrow(new TypeError(message))
  expect(await failureOf(sink(changeOf(1) as never, context))).toEqual(new TypeError(message))
  expect(await used.raw.keys('*')).toEqual([])
})

test('it is closed for good', async () => {
  const sink = open()
  await sink(changesOf(1, 1), context)
  await sink.close()
  await sink.close()
  expect(await failureOf(sink(changesOf(2, 2), context))).toMatchObject({ code: 'CLOSED' })
  expect(await seqs()).toEqual([1])
})

test.each<[object, string]>([
  [{ stream: '' }, 'option stream must be the key of a stream'],
  [{ stream: 'a', namespace: 'b' }, 'unknown option namespace of redisStream'],
  [{ stream: 'a', maxLength: 0 }, 'option maxLength must be a whole number of at least 1'],
  [{ stream: 'a', rememberMs: 0 }, 'option rememberMs must be a number from 1'],
])('the options %j are refused', (options, message) => {
  expect(() => redisStream({ url: 'redis://127.0.0.1', ...options } as RedisStreamOptions)).toThrow(message)
})
