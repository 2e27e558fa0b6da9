import type { Redis } from 'ioredis'

/**
 * Runs `fn` as if that much time had passed: for the clocks of this process, and for what expires at the server. Memory
 * tiers with a monotonic clock stay where they are: open new instances.
 */
export async function later<T>(ms: number, server: Redis, fn: () => Promise<T>): Promise<T> {
  for (const key of await server.keys('*')) {
    const left = await server.pttl(key)
    if (left >= 0) await server.pexpire(key, Math.max(0, left - ms))
  }
  const now = Date.now
  Date.now = () => now() + ms
  try {
    return await fn()
  } finally {
    Date.now = now
  }
}
