import { randomBytes } from 'node:crypto'
import type { Found, StoreKey } from '@tidemark/core'
import { eventually, type RedisServer } from '@tidemark/testkit'
import { Redis, type RedisOptions } from 'ioredis'
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
    commandTimeoutMs: PATIENT_MS,
    ...options,
  })
  onTestFinished(() => front.close())
  return front
}

/** A front on a server that was initialized, by this one if by nobody else yet. */
export async function readyFront(server: RedisServer, options: Partial<RedisFrontOptions> = {}): Promise<RedisFront> {
  const front = openFront(server, options)
  await eventually('it is ready', async () => {
    if (front.session !== undefined && (await front.look()).watermark === undefined) await initialize(front)
    return front.status === 'ready'
  })
  return front
}

export function newEpoch(): string {
  return randomBytes(4).toString('hex')
}

/** As who keeps the front in step does. */
export function initialize(front: RedisFront, head = 0, mark = ''): Promise<boolean> {
  return front.initialize(() => Promise.resolve({ epoch: newEpoch(), head, mark }))
}

/** In the session that is under way. */
export function readNow(front: RedisFront, keys: readonly StoreKey[]): Promise<readonly (Found | undefined)[]> {
  const { session } = front
  return session === undefined ? Promise.resolve(keys.map(() => undefined)) : front.read(keys, session)
}

/** A client that knows nothing of fronts. */
export function rawClient(server: RedisServer, options: Pick<RedisOptions, 'enableReadyCheck'> = {}): Redis {
  const client = new Redis(server.url, { maxRetriesPerRequest: 0, ...options })
  client.on('error', () => {})
  onTestFinished(() => client.disconnect())
  return client
}
