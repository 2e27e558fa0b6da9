// Rewrites the store in <file> with one key and then with the other, for ever, and says each step on stdout; killed whenever it
// is. Beside that it writes, one value after the other, and says which were acknowledged.
import { compressed, encrypted } from '@tidemark/codecs'
import { createCborCodec, RENEWAL_START, type RenewalPlace, type RenewalStep, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'

const [file = '', first = '0'] = process.argv.slice(2)
const keys = [1, 2].map((id) => ({ id, key: new Uint8Array(32).fill(id) }))

for (let round = 0; ; round++) {
  const codec = encrypted(compressed(createCborCodec()), { keys, current: 1 + (round % 2) })
  const back = createSqliteBack({ file, codec })
  const store = new Store(back)
  for (let place: RenewalPlace | undefined = RENEWAL_START; place !== undefined;) {
    const number = Number(first) + round
    const renewing: Promise<RenewalStep> = back.renewal.renew(place, 40)
    await store.set(['written', number], number)
    const step = await renewing
    process.stdout.write(`${number} ${step.failed.length}\n`)
    place = step.next
  }
  await store.close()
}
