import { randomUUID } from 'node:crypto'
import { answers } from './ping.ts'
import { findRedisServer, startRedisServer } from './redis-server.ts'

/** The front tier that the instances share, if there is one. */
export interface Front {
  readonly kind: 'redis' | 'memory'
  /** One line for people. */
  readonly description: string
  /** undefined: each instance has a front in its own memory, kept coherent by the log of the shared file. */
  readonly redis: { readonly url: string; readonly namespace: string } | undefined
  /** Stops what was started for it. Idempotent. */
  stop(): Promise<void>
}

const NOTHING_TO_STOP = async (): Promise<void> => {}

/** `REDIS_URL`, else a private server from PATH, else memory. @throws Error when the one that was named does not answer. */
export async function findFront(useRedis: boolean): Promise<Front> {
  if (!useRedis) return memory('--no-redis')
  const url = process.env['REDIS_URL']
  // A new name for every run: what an earlier one left there may be older than the file is now.
  const namespace = `tidemark-demo-${randomUUID().slice(0, 8)}`
  if (url !== undefined && url !== '') {
    const shown = await reachable(url)
    return {
      kind: 'redis',
      description: `Redis at ${shown} (REDIS_URL)`,
      redis: { url, namespace },
      stop: NOTHING_TO_STOP,
    }
  }
  const path = await findRedisServer()
  if (path === undefined) return memory('no redis-server or valkey-server on PATH, and no REDIS_URL')
  const server = await startRedisServer(path)
  return {
    kind: 'redis',
    description: `${server.title} at ${new URL(server.url).host} (private, stopped at exit)`,
    redis: { url: server.url, namespace },
    stop: () => server.stop(),
  }
}

function memory(why: string): Front {
  const description = `memory in each instance over the shared SQLite file (${why})`
  return { kind: 'memory', description, redis: undefined, stop: NOTHING_TO_STOP }
}

/** @returns host and port, which unlike the URL hold no password */
async function reachable(url: string): Promise<string> {
  const { hostname, port = '' } = URL.canParse(url) ? new URL(url) : { hostname: '' }
  const host = hostname.replace(/^\[(.*)\]$/, '$1')
  if (host !== '' && (await answers(host, Number(port || 6379), 2_000))) return `${hostname}:${port || 6379}`
  throw new Error('nothing answers at REDIS_URL; start it, unset REDIS_URL, or use --no-redis')
}
