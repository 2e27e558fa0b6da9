import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createRedisFront } from '@tidemark/redis'

const codec = createCborCodec()
const url = process.env['REDIS_URL'] ?? 'redis://127.0.0.1:6379'
const front = createRedisFront({ url, codec, commandTimeoutMs: 2_000 })
// What a tiered store does: an empty server starts in a new epoch, at the head of the back tier's log.
await front.initialize(async () => ({ epoch: '5f3a09c1', head: 41, mark: '' }))

const key = StoreKey.of(['user', 42])
const payload = Payload.encode(codec, { name: 'Ada' })
const entry = { key, version: 41, payload, writtenAt: Date.now(), expiresAt: undefined, meta: undefined }
await front.fill([{ key, asOf: 41, found: { entry, asOf: 41, until: Infinity, tier: 'back' } }])

// Nothing is read across the end of a session: what was learned about one server says nothing about the next.
const { session } = await front.look()
const [hit] = await front.read([key], session)
console.log(hit?.tier, hit?.entry?.version, hit?.entry?.payload.read()) // redis 41 { name: 'Ada' }
await front.close()
