import { compressed } from '@tidemark/codecs'
import { createJsonCodec, createNearMemory } from '@tidemark/core'
import { createRedisFront } from '@tidemark/redis'
import { createSqliteBack } from '@tidemark/sqlite'
import { modelTest, type RedisServer, startRedis, storeConformance } from '@tidemark/testkit'
import { createTiered } from '@tidemark/tiered'
import { afterAll, beforeAll } from 'vitest'
import { encrypting, packed } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

storeConformance('sqlite, compressed and encrypted', ({ clock }) =>
  createSqliteBack({ file: tempFile(), clock, codec: packed() }),
)

storeConformance('near memory and redis over sqlite, JSON that is compressed and encrypted', ({ clock }) => {
  const codec = encrypting(compressed(createJsonCodec(), { minBytes: 0 }))
  const back = createSqliteBack({ file: tempFile(), clock, codec })
  const namespace = `codecs.${back.log.identity.id}`
  const front = createRedisFront({ url: server.url, namespace, codec, clock, commandTimeoutMs: 5_000 })
  return createTiered({ back, near: createNearMemory({ clock }), fronts: [front], clock })
})

modelTest('sqlite, compressed and encrypted', {
  open: () => createSqliteBack({ file: tempFile(), codec: packed() }),
  runs: 20,
})
