import { codec, type RedisServer, sharedFrontConformance, startRedis } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { afterAll, beforeAll } from 'vitest'
import { createRedisFront } from '../src/index.ts'
import { keyspaceOf } from '../src/keyspace.ts'
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
  await server.close()
})

sharedFrontConformance('redis', ({ clock }) => {
  const namespace = `conformance-${++opened}`
  const { meta, prefix } = keyspaceOf(namespace)
  return {
    open: () => createRedisFront({ url: server.url, namespace, codec, clock, commandTimeoutMs: PATIENT_MS }),
    evict: async (key) => void (await raw.del(prefix + key.id)),
    loseMeta: async () => void (await raw.del(meta)),
    refuseMore: async (refuses) => void (await raw.config('SET', 'maxmemory', refuses ? '1' : '0')),
  }
})
