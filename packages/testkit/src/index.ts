export { type RedisServer, type RedisServerOptions, startRedis } from './redis-server/redis-server.ts'
