// Writes and compacts for ever, and keeps about a hundred changes.
import { createCborCodec, Payload, StoreKey } from '@tidemark/core'
import { createSqliteBack } from '../../src/index.ts'

const [file = ''] = process.argv.slice(2)
const back = createSqliteBack({ file, synchronous: 'normal', busyTimeoutMs: 25_000 })
const payload = Payload.encode(createCborCodec(), 'value')
process.stdout.write('ready\n')
for (let i = 0; ; i++) {
  const writes = Array.from({ length: 1 + (i % 5) }, (_, j) => {
    const key = StoreKey.of(['k', (i + j) % 500])
    return { op: 'set' as const, key, payload, expiresAt: undefined, meta: undefined, path: undefined }
  })
  await back.commit({ reads: [], decide: () => writes })
  if (i === 60) process.stdout.write('full\n')
  const upTo = Math.max(0, (await back.log.head()) - 100)
  await back.compaction.compact({ upTo, limit: 10, keepLatest: i % 100 < 50 })
}
