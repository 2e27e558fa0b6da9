import { type RedisFrontOptions, resolveFrontOptions } from './options.ts'
import type { RedisFront } from './redis-front.ts'
import { RedisSharedFront } from './redis-shared-front.ts'

/**
 * Starts to connect, and keeps connecting for as long as it takes. Never throws for a server that is not there.
 * @throws TypeError or RangeError for a wrong option.
 */
export function createRedisFront(options: RedisFrontOptions): RedisFront {
  return new RedisSharedFront(resolveFrontOptions(options))
}
