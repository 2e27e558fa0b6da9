import { startRedis } from '@tidemark/testkit/redis-server'
import { Redis } from 'ioredis'

/** A Redis of this run's own: on a free port, in memory only, gone when the run ends. */
export interface RedisServer {
  readonly version: string
  url(database: number): string
  /** Forgets everything in every database. */
  flush(): Promise<void>
  close(): Promise<void>
}

/** @throws when there is no server program on PATH. */
export async function startRedisServer(databases: number): Promise<RedisServer> {
  const server = await startRedis({ args: ['--databases', String(databases)] })
  const client = new Redis(server.url)
  const info = await client.info('server')
  return {
    version: /^(?:redis|valkey)_version:(\S+)/m.exec(info)?.[1] ?? 'unknown',
    url: (database) => `redis://127.0.0.1:${server.port}/${database}`,
    async flush() {
      await client.flushall()
    },
    async close() {
      client.disconnect()
      await server.close()
    },
  }
}
