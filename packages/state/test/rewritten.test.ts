import { compressed, encrypted } from '@tidemark/codecs'
import { alsoReading, type Codec, createCborCodec, createJsonCodec, Store } from '@tidemark/core'
import { expect, test } from 'vitest'
import { prevalent, states } from '../src/index.ts'
import { bank, transactions } from './support/bank.ts'
import { openTemp, tempFile } from './support/temp.ts'

const [cbor, json] = [createCborCodec(), createJsonCodec()]
const zipped = compressed(cbor, { minBytes: 0 })
const keys = { keys: [{ id: 1, key: new Uint8Array(32).fill(1) }], current: 1 }

test.each<[what: string, before: Codec, between: Codec, after: Codec]>([
  ['the serializer', cbor, alsoReading(json, cbor), json],
  ['compression', zipped, alsoReading(cbor, zipped), cbor],
  [
    'encryption, to some',
    cbor,
    encrypted(alsoReading(json, cbor), { ...keys, readsUnencrypted: true }),
    encrypted(json, keys),
  ],
  ['encryption, to none', encrypted(zipped, keys), alsoReading(json, encrypted(zipped, keys)), json],
])(
  'after a change of %s, and rewrite(), all of it is there without the codec before',
  async (_what, before, between, after) => {
    const file = tempFile()
    const options = { name: 'bank', initial: bank, transactions, leaseMs: 100 }
    const large = { list: Array.from({ length: 6_000 }, (_, i) => ({ i, text: `number ${i}` })) }
    {
      const { back } = openTemp({ file, codec: before })
      await using db = await prevalent({ store: new Store(back), ...options })
      for (let i = 0; i < 3_000; i++) await db.execute('put', `before ${i}`, i)
      await db.snapshot()
      await db.execute('put', 'after', 1)
      const app = await states(back)
      app.define('large', large)
      await app.saveAll()
    }
    {
      const { back } = openTemp({ file, codec: between })
      const store = new Store(back)
      expect(await store.rewrite()).toMatchObject({ failed: 0 })
      expect(await store.rewrite()).toMatchObject({ rewritten: 0, failed: 0 })
    }
    const { back } = openTemp({ file, codec: after })
    await using db = await prevalent({ store: back, ...options })
    expect(db.recovery).toEqual({ snapshot: 3_000, replayed: 1, dropped: [] })
    expect([db.state.accounts.size, db.state.accounts.get('before 2999'), db.state.accounts.get('after')]).toEqual([
      3_001, 2_999, 1,
    ])
    expect((await states(back)).define('large', {}).value).toEqual(large)
  },
)
