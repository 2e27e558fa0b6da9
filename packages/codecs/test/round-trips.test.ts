import { type AlgorithmName, compressed } from '@tidemark/codecs'
import { type Codec, createCborCodec, createJsonCodec, createMemoryBack, createNearMemory, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { createTiered } from '@tidemark/tiered'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encrypting } from './support/keys.ts'
import { META, VALUE } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

const SERIALIZERS: Readonly<Record<string, () => Codec>> = { CBOR: createCborCodec, JSON: createJsonCodec }
const COMPRESSIONS: readonly (AlgorithmName | 'none')[] = ['none', 'zstd', 'gzip', 'brotli']
const ENCRYPTIONS = ['plain', 'encrypted'] as const

/** ancestors.md, behaviour 20. */
describe('every compression x encryption x serializer round-trips', () => {
  const cases = Object.entries(SERIALIZERS).flatMap(([name, create]) =>
    COMPRESSIONS.flatMap((algorithm) => ENCRYPTIONS.map((encryption) => ({ name, create, algorithm, encryption }))),
  )

  test.each(cases)('$name, $algorithm, $encryption', async ({ create, algorithm, encryption }) => {
    const codecOf = (): Codec => {
      const inner = algorithm === 'none' ? create() : compressed(create(), { algorithm, minBytes: 64 })
      return encryption === 'encrypted' ? encrypting(inner) : inner
    }
    const file = tempFile()
    const memory = new Store(createMemoryBack({ codec: codecOf() }))
    const sqlite = new Store(createSqliteBack({ file, codec: codecOf() }))
    const near = new Store(
      createTiered({ back: createSqliteBack({ file, codec: codecOf() }), near: createNearMemory(), fronts: [] }),
    )
    for (const store of [memory, sqlite, near]) onTestFinished(() => store.close())
    for (const store of [memory, sqlite]) await store.set(['k', 1], VALUE, { meta: META, tags: ['t'] })
    for (const store of [memory, sqlite, near, near]) {
      expect(await store.get(['k', 1])).toEqual(VALUE)
      expect(await store.entry(['k', 1])).toMatchObject({ value: VALUE, meta: META })
      expect(await Array.fromAsync(store.entries(), ({ value, meta }) => [value, meta])).toEqual([[VALUE, META]])
    }
    await near.update<typeof VALUE>(['k', 1], (old) => ({ ...old!, text: 'changed' }))
    expect(await sqlite.entry(['k', 1])).toMatchObject({ value: { text: 'changed', big: 7n }, meta: META })
    await near.invalidateTag('t')
    expect(await sqlite.has(['k', 1])).toBe(false)
  })
})
