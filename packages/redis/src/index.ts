export { createRedisFront } from './create-redis-front.ts'
export type { RedisConnection } from './connection-settings.ts'
export type { RedisClientOptions, RedisFrontOptions } from './options.ts'
export type {
  RedisFront,
  RedisFrontEvent,
  RedisFrontListener,
  RedisFrontStats,
  RedisFrontStatus,
} from './redis-front.ts'
export { createRedisNudge, type Nudge, type NudgeMessage, type RedisNudgeOptions } from './redis-nudge.ts'
