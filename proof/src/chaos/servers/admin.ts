import { Redis } from 'ioredis'

const TIMEOUT_MS = 5_000

/** Gives a server some commands past every proxy, on a connection of their own. @returns the reply to the last one */
export async function tellRedis(
  port: number,
  ...commands: readonly (readonly [string, ...string[]])[]
): Promise<unknown> {
  const redis = new Redis({
    port,
    host: '127.0.0.1',
    lazyConnect: true,
    retryStrategy: null,
    maxRetriesPerRequest: 0,
    commandTimeout: TIMEOUT_MS,
  })
  // Commands reject by themselves; without a listener the client would write to the console too.
  redis.on('error', () => undefined)
  try {
    await redis.connect()
    let reply: unknown
    for (const [command, ...args] of commands) reply = await redis.call(command, ...args)
    return reply
  } finally {
    redis.disconnect()
  }
}

/** One field of INFO. */
export async function redisInfo(port: number, section: string, field: string): Promise<string | undefined> {
  const text = String(await tellRedis(port, ['INFO', section]))
  return new RegExp(`^${field}:(.*?)\\r?$`, 'm').exec(text)?.[1]
}
