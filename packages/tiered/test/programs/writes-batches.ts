// Writes the same keys together, again and again, and deletes them together now and then.
import { createNearMemory, Store } from '@tidemark/core'
import { createRedisFront } from '@tidemark/redis'
import { createSqliteBack } from '@tidemark/sqlite'
import { codec } from '@tidemark/testkit'
import { createTiered } from '../../src/index.ts'

const [file, namespace, url, times, ...keys] = process.argv.slice(2)
const back = createSqliteBack({ file: file!, synchronous: 'normal', codec })
const fronts = url === '' ? [] : [createRedisFront({ url: url!, namespace: namespace!, codec })]
const store = new Store(createTiered({ back, near: createNearMemory(), fronts }))
for (let n = 1; n <= Number(times); n++) {
  if (n % 3 === 0) await store.deleteMany(keys)
  else await store.setMany(keys.map((key) => [key, n] as const))
}
await store.close()
