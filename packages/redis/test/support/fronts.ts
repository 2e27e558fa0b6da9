import type { RedisServer } from '@tidemark/testkit'
import { Redis } from 'ioredis'
import { onTestFinished } from 'vitest'
import { createRedisFront, type RedisFront, type RedisFrontOptions } from '../../src/index.ts'
import { codec } from './changes.ts'

/** Far longer than any test machine takes, where the time itself is not what is tested. */
export const PATIENT_MS = 5_000

/** A front that closes with the test, and that a busy machine does not trip. */
export function openFront(server: RedisServer, options: Partial<RedisFrontOptions> = {}): RedisFront {
  const front = createRedisFront({
    ...(options.connection === undefined && { url: server.url }),
    codec,
    head: () => Promise.resolve(0),
    commandTimeoutMs: PATIENT_MS,
    ...options,
  })
  onTestFinished(() => front.close())
  return front
}

export async function readyFront(server: RedisServer, options: Partial<RedisFrontOptions> = {}): Promise<RedisFront> {
  const front = openFront(server, options)
  await front.whenReady(PATIENT_MS)
  return front
}

/** A client that knows nothing of fronts. */
export function rawClient(server: RedisServer): Redis {
  const client = new Redis(server.url, { maxRetriesPerRequest: 0 })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}
