import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createRedisFront } from '@tidemark/redis'

const codec = createCborCodec()
const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
// `head` is the head of the back tier's log, where an empty server starts from.
const front = createRedisFront({ url, codec, head: async () => 41 })
await front.whenReady(2_000)

const key = StoreKey.of(['user', 42])
const payload = Payload.encode(codec, { name: 'Ada' })
const entry = { key, version: 41, payload, writtenAt: Date.now(), expiresAt: undefined, meta: undefined }
await front.fill([{ key, asOf: 41, found: { entry, asOf: 41, until: Infinity, tier: 'back' } }])

const [hit] = await front.read([key])
console.log(hit?.tier, hit?.entry?.version, hit?.entry?.payload.read()) // redis 41 { name: 'Ada' }
await front.close()
