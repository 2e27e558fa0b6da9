// Writes for ever, many at once, and prints each version that was acknowledged: "<version> <key> <value>".
import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = '', name = '', synchronous] = process.argv.slice(2)
const back = createSqliteBack({ file, synchronous: synchronous === 'normal' ? 'normal' : 'full' })
const codec = createCborCodec()
process.stdout.write('ready\n')
let count = 0
await Promise.all(
  Array.from({ length: 32 }, async (_, lane) => {
    for (;;) {
      const key = StoreKey.of([name, lane % 16])
      const value = count++
      const payload = Payload.encode(codec, value)
      const remove = value % 7 === 0
      const { changes } = await back.commit({
        reads: [],
        decide: () =>
          remove
            ? [{ op: 'delete', key }]
            : [{ op: 'set', key, payload, expiresAt: undefined, meta: undefined, path: undefined }],
      })
      for (const { seq, op } of changes) process.stdout.write(`${seq} ${key.id} ${op === 'set' ? value : 'deleted'}\n`)
    }
  }),
)
