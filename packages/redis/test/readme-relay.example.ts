import { createMemoryBack, Store, StoreKey } from '@tidemark/core'
import { createRedisRelay, openRedisReader } from '@tidemark/redis'

const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const onError = console.error
// Where the log is:
const back = createMemoryBack()
const relay = createRedisRelay({ url, log: back.log, onError })

// On any other host:
const reader = await openRedisReader({ url, codec: back.codec, onError })
await new Store(back).set(['user', 42], { name: 'Ada' })
await reader.log.wait(0, AbortSignal.timeout(10_000))
const { changes } = await reader.log.read({ after: 0, limit: 100 })
console.log(changes.map(({ seq, op, key }) => [seq, op, key.tuple])) // [[1, 'set', ['user', 42]]]
const { entry } = await reader.readOne(StoreKey.of(['user', 42]))
console.log(entry?.version, entry?.payload.read()) // 1 { name: 'Ada' }
await reader.close()
await relay.close()
