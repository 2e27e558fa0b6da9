import { Redis } from 'ioredis'
import { itemOf } from '../../workload/item.ts'
import { machineMicros } from './machine-time.ts'
import { channelOf, type Writer } from './writer.ts'

/** Publishes the values themselves: whoever is not there has missed them. */
export function publisher(url: string): Promise<Writer> {
  return redisWriter(url, (redis, text) => redis.publish(channelOf(url), text))
}

/** Appends the values to a stream, which is as durable as this Redis: not at all. */
export function appender(url: string): Promise<Writer> {
  return redisWriter(url, (redis, text) => redis.xadd(channelOf(url), 'MAXLEN', '~', 50_000, '*', 'v', text))
}

async function redisWriter(url: string, send: (redis: Redis, text: string) => Promise<unknown>): Promise<Writer> {
  const redis = new Redis(url)
  await redis.ping()
  let times: number[] = []
  let sending: Promise<unknown>[] = []
  return {
    write(numbers) {
      for (const number of numbers) {
        times.push(machineMicros())
        sending.push(send(redis, JSON.stringify(itemOf(number, number))))
      }
    },
    async committed() {
      await Promise.all(sending)
      const done = times
      sending = []
      times = []
      return done
    },
  }
}
