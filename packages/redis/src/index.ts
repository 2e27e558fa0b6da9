export { createRedisFront } from './create-redis-front.ts'
export { dropRedisFront } from './drop-front.ts'
export type { DropRedisOptions } from './drop-redis.ts'
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
export { createRedisJournal } from './journal/redis-journal.ts'
export { dropRedisRelay } from './relay/drop-relay.ts'
export { createRedisRelay, type RedisRelay, type RelayStats } from './relay/redis-relay.ts'
export { openRedisStreamLog, type RedisStreamLog, type RedisStreamLogOptions } from './relay/redis-stream-log.ts'
export type { RedisRelayOptions } from './relay/relay-options.ts'
export { openRedisReader, type RedisReader, type RedisReaderOptions } from './reader/redis-reader.ts'
export { findRelayedLogs } from './relay/relayed-logs.ts'
export { redisStream, type RedisStreamSink, type StreamedChange, type StreamedContext } from './stream-sink.ts'
export type { RedisStreamOptions } from './stream-sink-options.ts'
