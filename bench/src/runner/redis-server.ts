import { spawn, spawnSync } from 'node:child_process'
import { createServer } from 'node:net'
import { Redis } from 'ioredis'

const SERVERS: readonly string[] = ['redis-server', 'valkey-server']

/** A Redis of this run's own: on a free port, in memory only, gone when the run ends. */
export interface RedisServer {
  readonly version: string
  url(database: number): string
  /** Forgets everything in every database. */
  flush(): Promise<void>
  /** At once; safe in an exit handler. */
  kill(): void
}

/** @throws when there is no server program on PATH. */
export async function startRedisServer(databases: number): Promise<RedisServer> {
  const program = SERVERS.find((name) => spawnSync(name, ['--version']).status === 0)
  if (program === undefined) throw new Error(`install ${SERVERS.join(' or ')}, so that it is on PATH`)
  const port = await freePort()
  const settings = { port, bind: '127.0.0.1', save: '', appendonly: 'no', databases, daemonize: 'no' }
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)])
  const server = spawn(program, args, { stdio: ['ignore', 'ignore', 'inherit'] })
  const died = new Promise<never>((_, reject) => {
    server.once('error', reject)
    server.once('exit', (code) => reject(new Error(`${program} ended with code ${code}`)))
  })
  // Later on, its end shows in whoever needs it.
  died.catch(() => undefined)
  const client = new Redis(port, '127.0.0.1', { retryStrategy: () => 50, maxRetriesPerRequest: 100 })
  // Until the server listens, connecting fails, and is tried again.
  client.on('error', () => undefined)
  const info = await Promise.race([client.info('server'), died])
  return {
    version: /^(?:redis|valkey)_version:(\S+)/m.exec(info)?.[1] ?? 'unknown',
    url: (database) => `redis://127.0.0.1:${port}/${database}`,
    async flush() {
      await client.flushall()
    },
    kill() {
      client.disconnect()
      server.kill('SIGKILL')
    },
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}
