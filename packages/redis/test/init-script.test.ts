import { type RedisServer, startRedis } from '@tidemark/testkit'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { keyspaceOf } from '../src/keyspace.ts'
import { CLEAR } from '../src/scripts/clear.ts'
import { ANNOUNCE_INIT, COMPLETE_INIT } from '../src/scripts/init.ts'
import { readyFront, rawClient } from './support/fronts.ts'

const { meta } = keyspaceOf('tidemark')

let server: RedisServer
let raw: Redis
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())
beforeEach(async () => {
  raw = rawClient(server)
  await raw.flushall()
})

const announce = (nonce: string): Promise<unknown> => raw.eval(ANNOUNCE_INIT.source, 1, meta, nonce)
const complete = (nonce: string, epoch: string, head: number): Promise<unknown> =>
  raw.eval(COMPLETE_INIT.source, 1, meta, nonce, epoch, head)

test('a start that was announced is completed', async () => {
  await raw.hset(meta, '17', 9)
  expect(await announce('one')).toBe(1)
  expect(await complete('one', '0000000a', 5)).toBe(1)
  // What was executed in between has left its trace, and keeps it.
  expect(await raw.hgetall(meta)).toEqual({ e: '0000000a', b: '5', w: '5', '17': '9' })
  expect(await announce('two')).toBe(0)
})

test('one whose announcement was lost, or taken over, is not', async () => {
  await announce('one')
  await raw.flushall()
  expect(await complete('one', '0000000a', 5)).toBe(0)
  await announce('one')
  await announce('two')
  expect(await complete('one', '0000000a', 5)).toBe(0)
  expect(await complete('two', '0000000b', 6)).toBe(1)
  expect(await complete('two', '0000000c', 7)).toBe(0)
  expect(await raw.hget(meta, 'e')).toBe('0000000b')
})

test('the head of the back tier is read after the announcement', async () => {
  const announced: (string | null)[] = []
  const front = await readyFront(server, {
    async head() {
      announced.push(await raw.hget(meta, 'n'))
      return 3
    },
  })
  expect(announced).toEqual([expect.stringMatching(/^[0-9a-f]{16}$/)])
  expect(await raw.hgetall(meta)).toEqual({ e: front.inspect().epoch, b: '3', w: '3' })
})

test('a flush changes the epoch and nothing else; where meta is lost it does nothing', async () => {
  expect(await raw.eval(CLEAR.source, 1, meta, '0000000b')).toBe(0)
  expect(await raw.exists(meta)).toBe(0)
  await raw.hset(meta, { e: '0000000a', w: 4, b: 2, '17': 9 })
  expect(await raw.eval(CLEAR.source, 1, meta, '0000000b')).toBe(1)
  expect(await raw.hgetall(meta)).toEqual({ e: '0000000b', w: '4', b: '2', '17': '9' })
})
