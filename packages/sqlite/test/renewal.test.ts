import { alsoReading, createCborCodec, createJsonCodec, RENEWAL_START, type RenewalPlace, Store } from '@tidemark/core'
import { expect, onTestFinished, test } from 'vitest'
import { createSqliteBack, type SqliteBack } from '../src/index.ts'
import { tempFile } from './support/temp.ts'

const [cbor, json] = [createCborCodec(), createJsonCodec()]
const MB = 1024 * 1024

/** A store that holds these values, opened with a codec that reads what the one before has written. */
async function reopened(values: readonly unknown[], codec = alsoReading(json, cbor)): Promise<SqliteBack> {
  const file = tempFile()
  const store = new Store(createSqliteBack({ file, codec: cbor }))
  for (const [i, value] of values.entries()) await store.set(i, value)
  await store.close()
  const back = createSqliteBack({ file, codec })
  onTestFinished(() => back.close())
  return back
}

test('a transaction renews about four megabytes, or one value that is larger', async () => {
  const back = await reopened([1, 'x'.repeat(3 * MB), 'x'.repeat(3 * MB), 'x'.repeat(6 * MB), 2, 3])
  const looked: number[] = []
  for (let place: RenewalPlace | undefined = RENEWAL_START; place?.of === 'entries';) {
    const step = await back.renewal.renew(place, 100)
    looked.push(step.looked)
    place = step.next
  }
  expect(looked).toEqual([2, 1, 1, 2])
})

test('what its codec does not write is left as it is, with its key, and keeps nothing else back', async () => {
  const choosy = {
    id: 200,
    encode: (value: unknown) => {
      if (value === 'unwelcome') throw new Error('not this')
      return json.encode(value)
    },
    decode: (bytes: Uint8Array) => json.decode(bytes),
  }
  const back = await reopened(['a', 'unwelcome', 'c'], alsoReading(choosy, cbor))
  const store = new Store(back)
  const { looked, rewritten, failed, errors } = await store.rewrite()
  expect({ looked, rewritten, failed }).toEqual({ looked: 6, rewritten: 4, failed: 2 })
  expect(errors).toMatchObject([
    { code: 'UNENCODABLE', key: '1' },
    { code: 'UNENCODABLE', key: '1' },
  ])
  expect(await Array.fromAsync(store.entries(), ({ value }) => value)).toEqual(['a', 'unwelcome', 'c'])
})
