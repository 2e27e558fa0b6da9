export type { RedisConnection } from './connection-settings.ts'
export type { RedisClientOptions, RedisFrontOptions } from './options.ts'
export {
  createRedisFront,
  type RedisFront,
  type RedisFrontEvent,
  type RedisFrontInspection,
  type RedisFrontListener,
  type RedisFrontStatus,
} from './redis-front.ts'
export { createRedisNudge, type Nudge, type NudgeMessage, type RedisNudgeOptions } from './redis-nudge.ts'
