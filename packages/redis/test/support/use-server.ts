import { type RedisServer, startRedis } from '@tidemark/testkit'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, beforeEach } from 'vitest'
import { rawClient } from './fronts.ts'

export interface UsedServer {
  readonly server: RedisServer
  /** A client that knows nothing of fronts, of the test that runs. */
  readonly raw: Redis
}

/** One server for the tests of a file, and nothing in it when a test begins. */
export function useServer(): UsedServer {
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
  return {
    get server() {
      return server
    },
    get raw() {
      return raw
    },
  }
}
