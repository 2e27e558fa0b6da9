import { type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { stripeOf } from '../src/stripes.ts'
import { rawClient } from './support/fronts.ts'
import { PATIENCE_MS, ScriptBench } from './support/script-bench.ts'

const [E1, E2] = ['0000000a', '0000000b']

let server: RedisServer
let bench: ScriptBench
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  bench = new ScriptBench(rawClient(server))
  await bench.client.flushall()
})

/** As a front that has announced nothing before, and has found meta lost. */
const announce = (nonce: string, { seen = '', own = '' } = {}): Promise<unknown> => bench.announce({ nonce, seen, own })

const complete = (nonce: string, epoch: string, head: number): Promise<unknown> =>
  bench.complete({ nonce, epoch, head, mark: `mark ${head}` })

test('a start that was announced is completed, on an empty server and on one that was ready', async () => {
  await bench.client.hset(bench.keyspace.meta, '17', 9)
  for (const [seen, epoch, head] of [
    ['', E1, 5],
    [E1, E2, 3],
  ] as const) {
    expect(await announce('one', { seen })).toBe(1)
    expect(await bench.meta()).not.toHaveProperty('w')
    expect(await complete('one', epoch, head)).toBe(1)
    // What was executed before, or in between, has left its trace, and keeps it.
    const [at, mark] = [`${head}`, `mark ${head}`]
    expect(await bench.meta()).toEqual({ e: epoch, b: at, w: at, k: mark, h: at, m: mark, '17': '9' })
  }
})

test('one whose announcement was lost, or taken over, is not', async () => {
  await announce('one')
  await bench.client.flushall()
  expect(await complete('one', E1, 5)).toBe(0)
  await announce('one')
  expect(await announce('two', { own: 'one' })).toBe(1)
  expect(await complete('one', E1, 5)).toBe(0)
  expect(await complete('two', E2, 6)).toBe(1)
  expect(await complete('two', E1, 7)).toBe(0)
  expect(await bench.meta()).toMatchObject({ e: E2, w: '6' })
})

test('between its steps changes only remove and raise, fills are refused, and the tail stands still', async () => {
  await bench.init(E1, 5)
  await bench.apply(E1, [{ id: 'a', seq: 6, value: 'old' }])
  await announce('one', { seen: E1 })
  const changes = [
    { id: 'a', seq: 7, value: 'new' },
    { id: 'b', seq: 8, value: 'new' },
  ]
  expect(await bench.apply(E1, changes)).toEqual({ epoch: undefined, outcomes: ['removed', 'removed'] })
  expect(await bench.fill(E1, [{ id: 'c', version: 9, asOf: 9, value: 'x' }])).toEqual({
    epoch: undefined,
    outcomes: ['fenced'],
  })
  const step = { epoch: E1, from: 5, to: 6, mark: '', tailer: '', changes: [{ id: 'd', seq: 6 }] }
  expect(await bench.tail(step)).toEqual({ epoch: undefined, watermark: undefined })
  await complete('one', E2, 6)
  // Read after the announcement, the head has seen 6; 7 and 8 have left their fences.
  expect(await bench.meta()).toMatchObject({ b: '6', [stripeOf('a')]: '7', [stripeOf('b')]: '8' })
  expect((await bench.fill(E2, [{ id: 'a', version: 6, asOf: 6, value: 'old' }])).outcomes).toEqual(['fenced'])
})

test('after it, what was sent in the epoch before takes no effect but removing', async () => {
  await bench.init(E1, 5)
  await announce('one', { seen: E1 })
  await complete('one', E2, 5)
  await bench.fill(E2, [{ id: 'a', version: 5, asOf: 5, value: 'x' }])
  const late = { epoch: E1, from: 5, to: 6, mark: '', tailer: '', changes: [{ id: 'a', seq: 6 }] }
  expect(await bench.tail(late)).toEqual({ epoch: E2, watermark: 5 })
  expect((await bench.fill(E1, [{ id: 'b', version: 5, asOf: 5, value: 'x' }])).outcomes).toEqual(['fenced'])
  expect(await bench.record('a')).toEqual({ version: 5, value: 'x' })
  expect((await bench.apply(E1, [{ id: 'a', seq: 6, value: 'y' }])).outcomes).toEqual(['removed'])
})

test('an announcement that comes late, when somebody else has completed a start, is refused and changes nothing', async () => {
  await announce('one', { seen: E1 })
  await complete('one', E2, 5)
  const meta = await bench.meta()
  for (const seen of ['', E1]) expect(await announce('late', { seen })).toBe(E2)
  expect(await bench.meta()).toEqual(meta)
  expect(await announce('late', { seen: E2 })).toBe(1)
})

test('of two that announce a start at once, the first one completes it', async () => {
  await announce('one')
  const meta = await bench.meta()
  expect(await announce('two')).toBe(0)
  expect(await bench.meta()).toEqual(meta)
  expect(await complete('two', E2, 6)).toBe(0)
  expect(await complete('one', E1, 5)).toBe(1)
})

describe('an announcement', () => {
  /** Sets it back, and says what another one is answered then. */
  const takenOver = async (at: number | undefined): Promise<boolean> => {
    await announce('one')
    if (at === undefined) await bench.client.hdel(bench.keyspace.meta, 'a')
    else await bench.client.hset(bench.keyspace.meta, 'a', at)
    const isTaken = (await announce('two')) === 1
    expect(await complete('one', E1, 5)).toBe(isTaken ? 0 : 1)
    return isTaken
  }
  const serverTime = async (): Promise<number> => Number((await bench.client.time())[0]) * 1_000

  test('holds for as long as the other one is patient', async () => {
    expect(await takenOver((await serverTime()) - PATIENCE_MS + 60_000)).toBe(false)
  })

  test('is taken over after that: whoever made it is gone', async () => {
    expect(await takenOver((await serverTime()) - PATIENCE_MS)).toBe(true)
  })

  test('does not hold for longer when the clock of the server steps back', async () => {
    expect(await takenOver((await serverTime()) + 60_000)).toBe(true)
  })

  test('does not hold when nobody knows its age', async () => {
    expect(await takenOver(undefined)).toBe(true)
  })

  test('is repeated at once by the front that made it', async () => {
    await announce('one')
    expect(await announce('two', { own: 'one' })).toBe(1)
    expect(await announce('three', { own: 'one' })).toBe(0)
  })
})

test('with its memory full the server starts anew and takes steps all the same', async () => {
  await bench.init(E1, 0)
  await bench.apply(E1, [{ id: 'a', seq: 1, value: 'old' }])
  await bench.client.config('SET', 'maxmemory', '1')
  try {
    const step = { epoch: E1, from: 0, to: 2, mark: '', tailer: '', changes: [{ id: 'a', seq: 2 }] }
    expect(await bench.tail(step)).toEqual({ epoch: E1, watermark: 2 })
    await announce('one', { seen: E1 })
    expect(await complete('one', E2, 2)).toBe(1)
  } finally {
    await bench.client.config('SET', 'maxmemory', '0')
  }
  expect(await bench.record('a')).toBeUndefined()
})

test('the largest seq there is comes back as itself', async () => {
  const last = Number.MAX_SAFE_INTEGER
  await bench.init(E1, last - 1)
  const step = { epoch: E1, from: last - 1, to: last, mark: '', tailer: '', changes: [{ id: 'a', seq: last }] }
  expect(await bench.tail({ ...step, from: last - 2 })).toEqual({ epoch: E1, watermark: last - 1 })
  expect(await bench.tail(step)).toEqual({ epoch: E1, watermark: last })
  expect((await bench.meta())[stripeOf('a')]).toBe(String(last))
})
