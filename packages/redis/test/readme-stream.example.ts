import { createMemoryBack, Store } from '@tidemark/core'
import { consume } from '@tidemark/hooks'
import { redisStream } from '@tidemark/redis'

const back = createMemoryBack()
await new Store(back).set(['order', 7], { total: 12.5 })

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const sink = redisStream({ url, stream: 'orders', maxLength: 100_000 })
const consumer = await consume(back, 'to-orders', { from: 'start', batch: 500 }, sink)
// XREAD STREAMS orders 0 → 1-0: id <log>:<epoch>:1, change {"id":…,"seq":1,"op":"set","key":["order",7],…}
await consumer.caughtUp()
await consumer.close()
await sink.close()
