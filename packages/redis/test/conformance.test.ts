import { codec, frontConformance, type RedisServer, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { createRedisFront } from '../src/index.ts'
import { PATIENT_MS } from './support/fronts.ts'

let server: RedisServer
let raw: Redis
let opened = 0

beforeAll(async () => {
  server = await startRedis()
  raw = new Redis(server.url)
})

afterAll(async () => {
  raw.disconnect()
  await server[Symbol.asyncDispose]()
})

frontConformance(
  'redis',
  async ({ clock, head }) => {
    const front = createRedisFront({
      url: server.url,
      namespace: `conformance-${++opened}`,
      codec,
      clock,
      head: () => Promise.resolve(head),
      commandTimeoutMs: PATIENT_MS,
    })
    await front.whenReady(PATIENT_MS)
    return front
  },
  // Redis evicts records, never meta: meta has no lifetime, and the policy is volatile-*.
  { evict: async (_front, key) => void (await raw.del(`conformance-${opened}:{p0}:${key.id}`)) },
)
