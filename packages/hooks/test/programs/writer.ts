// Commits to the given file: `count` numbers under its own name, one to three at a time, then a delete of the first.
import { createCborCodec, Payload, StoreKey, type Write } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'

const [file = '', name = '', count = '0'] = process.argv.slice(2)
const codec = createCborCodec()
const back = createSqliteBack({ file, synchronous: 'normal' })

function setting(n: number): Write {
  const key = StoreKey.of([name, n])
  return {
    op: 'set',
    key,
    payload: Payload.encode(codec, { n }),
    expiresAt: undefined,
    meta: undefined,
    path: undefined,
  }
}

for (let n = 1; n <= Number(count);) {
  const size = Math.min(1 + (n % 3), Number(count) - n + 1)
  const writes = Array.from({ length: size }, (_, i) => setting(n + i))
  await back.commit({ reads: [], decide: () => writes })
  n += size
}
await back.commit({ reads: [], decide: () => [{ op: 'delete', key: StoreKey.of([name, 1]) }] })
await back.close()
