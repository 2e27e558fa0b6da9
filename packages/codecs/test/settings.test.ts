import { compressed, encrypted } from '@tidemark/codecs'
import { alsoReading, type Codec, createCborCodec, createJsonCodec, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { DatabaseSync } from 'node:sqlite'
import { open } from 'tidemark'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encrypting, KEY_1, KEY_2, packed } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

const LONG = 'a text that repeats itself, and '.repeat(30)

async function withStore<T>(file: string, codec: Codec, work: (store: Store) => Promise<T>): Promise<T> {
  const store = new Store(createSqliteBack({ file, codec }))
  try {
    return await work(store)
  } finally {
    await store.close()
  }
}

/** The first bytes of every stored value and meta, as hexadecimal digits: how each is stored. */
function headers(file: string, digits: number): string[] {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    const rows = db.prepare(
      `SELECT value AS v FROM entry WHERE value <> x'' UNION ALL SELECT meta FROM entry
       UNION ALL SELECT value FROM large_value UNION ALL SELECT meta FROM large_value UNION ALL SELECT value FROM log
       UNION ALL SELECT meta FROM log UNION ALL SELECT value FROM mark`,
    )
    const found = (rows.all() as { v: Uint8Array | null }[]).flatMap(({ v }) =>
      v === null ? [] : [Buffer.from(v).toString('hex').slice(0, digits)],
    )
    return [...new Set(found)].toSorted()
  } finally {
    db.close()
  }
}

const both = (current: number): Codec => packed('zstd', { keys: [KEY_1, KEY_2], current })
const withKey2 = (): Codec => packed('zstd', { keys: [KEY_2], current: 2 })
/** Version, codec, suite; the part is left out. */
const ENCRYPTED_WITH = (key: number): RegExp => new RegExp(`^032001..${key.toString(16).padStart(8, '0')}$`)

test('a store that changes its settings again and again reads everything that it has ever written', async () => {
  const file = tempFile()
  const cbor = createCborCodec()
  const json = createJsonCodec()
  const lives: readonly Codec[] = [
    cbor,
    compressed(cbor, { algorithm: 'gzip' }),
    compressed(cbor, { algorithm: 'zstd' }),
    compressed(alsoReading(json, cbor), { algorithm: 'brotli' }),
    encrypted(compressed(alsoReading(json, cbor)), { keys: [KEY_1], current: 1, readsUnencrypted: true }),
    encrypted(compressed(alsoReading(cbor, json)), { keys: [KEY_1, KEY_2], current: 2, readsUnencrypted: true }),
    alsoReading(
      cbor,
      encrypted(compressed(alsoReading(cbor, json)), { keys: [KEY_1, KEY_2], current: 2 }),
      compressed(alsoReading(cbor, json)),
    ),
  ]
  for (const [life, codec] of lives.entries()) {
    await withStore(file, codec, async (store) => {
      await store.set(['written', life], { life, text: LONG, at: new Date(life) }, { meta: { life, text: LONG } })
      for (let earlier = 0; earlier <= life; earlier++) {
        const entry = await store.entry(['written', earlier])
        expect(entry?.value).toEqual({ life: earlier, text: LONG, at: new Date(earlier) })
        expect(entry?.meta).toEqual({ life: earlier, text: LONG })
      }
      // What keeps its meta keeps it across settings.
      await store.update(['written', 0], (old) => old)
    })
  }
})

describe('codecs of one id', () => {
  class Money {
    cents = 1
  }
  class Colour {
    hue = 2
  }
  const cborOf = (type: typeof Money | typeof Colour): Codec =>
    createCborCodec({ classes: [{ type, name: type.name }] })
  const [cbor, json] = [createCborCodec(), createJsonCodec()]

  test.each<[string, readonly Codec[], (...codecs: Codec[]) => Codec]>([
    ['compressed', [compressed(cbor), compressed(json)], (one, other) => alsoReading(json, one!, other!)],
    [
      'compressed, the second within the first',
      [compressed(cbor), compressed(json)],
      (one, other) => alsoReading(other!, one!),
    ],
    [
      'encrypted',
      [encrypting(), encrypting(json, { keys: [KEY_2], current: 2 })],
      (one, other) => alsoReading(cbor, one!, other!),
    ],
    [
      'encrypted, of two contexts',
      [encrypting(), encrypting(cbor, { context: 'c' })],
      (one, other) => alsoReading(cbor, one!, other!),
    ],
    [
      'encrypted and compressed',
      [encrypting(compressed(json)), compressed(cbor)],
      (one, other) => alsoReading(cbor, one!, other!),
    ],
    ['serializers', [cborOf(Money), cborOf(Colour)], (one, other) => alsoReading(one!, other!)],
    [
      'serializers, compressed',
      [compressed(cborOf(Money)), compressed(cborOf(Colour))],
      (one, other) => compressed(alsoReading(json, one!, other!)),
    ],
  ])('each read what they have written: %s', async (name, codecs, reading) => {
    const file = tempFile()
    const values = [new Money(), new Colour()]
    for (const [i, codec] of codecs.entries()) {
      const value = name.startsWith('serializers') ? values[i] : { i, text: LONG }
      await withStore(file, codec, (store) => store.set(i, value, { meta: { i } }))
    }
    await withStore(file, reading(...codecs), async (store) => {
      for (const i of codecs.keys()) {
        const value = name.startsWith('serializers') ? values[i] : { i, text: LONG }
        expect(await store.entry(i)).toMatchObject({ value, meta: { i } })
      }
    })
  })
})

describe('rewrite', () => {
  test('stores everything with the current key, so that the one before can be given up', async () => {
    const file = tempFile()
    const before = await withStore(file, packed(), async (store) => {
      for (let i = 0; i < 250; i++) await store.set(['n', i], { i, text: LONG }, { meta: { i }, tags: ['t'] })
      await store.delete(['n', 7])
      return Array.fromAsync(store.entries())
    })
    expect(headers(file, 16).every((header) => ENCRYPTED_WITH(1).test(header))).toBe(true)
    await withStore(file, both(2), async (store) => {
      await store.set(['n', 8], 'new')
      const { looked, rewritten, failed } = await store.rewrite({ batch: 64 })
      expect(looked).toBeGreaterThan(500)
      expect(rewritten).toBe(248 + 250)
      expect(failed).toBe(0)
      expect(await store.rewrite()).toMatchObject({ rewritten: 0, failed: 0 })
    })
    expect(headers(file, 16).every((header) => ENCRYPTED_WITH(2).test(header))).toBe(true)
    await withStore(file, withKey2(), async (store) => {
      const after = await Array.fromAsync(store.entries())
      expect(after.filter(({ key }) => key[1] !== 8)).toEqual(before.filter(({ key }) => key[1] !== 8))
      expect(await store.get(['n', 8])).toBe('new')
      // Nothing was told of it: the tag is as valid as before.
      expect(await store.has(['n', 9])).toBe(true)
      await store.invalidateTag('t')
      expect(await store.has(['n', 9])).toBe(false)
    })
  })

  test('changes neither versions nor the log, and tells nobody', async () => {
    const file = tempFile()
    await withStore(file, packed(), async (store) => {
      await store.setMany([
        ['a', 1],
        ['b', { text: LONG }],
      ])
      await store.log('events').append({ n: 1 })
      await store.log('events').append({ n: 2 })
      await store.blob('picture').write(new Uint8Array(300_000).fill(7))
    })
    const store = await open({ file, codec: both(2) })
    onTestFinished(() => store.close())
    const head = await store.head()
    const told: unknown[] = []
    store.writes$.subscribe((change) => told.push(change))
    const versions = await Array.fromAsync(store.entries(), ({ key, version }) => [key, version])
    expect((await store.rewrite()).failed).toBe(0)
    expect(await store.head()).toBe(head)
    expect(told).toEqual([])
    expect(await Array.fromAsync(store.entries(), ({ key, version }) => [key, version])).toEqual(versions)
    await store.close()
    expect(headers(file, 16).every((header) => ENCRYPTED_WITH(2).test(header))).toBe(true)
    await withStore(file, withKey2(), async (store) => {
      expect(await Array.fromAsync(store.log('events'))).toEqual([{ n: 1 }, { n: 2 }])
      expect(await sizeOfSevens((await store.blob('picture').read())!)).toBe(300_000)
      for await (const { changes } of (await reopened(file, withKey2())).changes({ from: 'start' })) {
        expect(changes.length).toBeGreaterThan(3)
        for (const change of changes) if (change.op === 'set') expect(change.value).toBeDefined()
        break
      }
    })
  })

  test('turns encryption, compression or another serializer on and off', async () => {
    const file = tempFile()
    const cbor = createCborCodec()
    await withStore(file, cbor, (store) => store.set('a', { text: LONG }, { meta: 'm' }))
    const steps: readonly [Codec, RegExp][] = [
      [compressed(cbor), /^0110/],
      [encrypting(compressed(cbor), { readsUnencrypted: true }), /^0320/],
      [encrypting(compressed(alsoReading(createJsonCodec(), cbor))), /^0320/],
      [alsoReading(createJsonCodec(), encrypting(compressed(createJsonCodec()))), /^0102/],
    ]
    for (const [codec, expected] of steps) {
      await withStore(file, codec, async (store) => {
        expect((await store.rewrite()).rewritten).toBe(2)
        expect(await store.rewrite()).toMatchObject({ rewritten: 0 })
        expect(await store.entry('a')).toMatchObject({ value: { text: LONG }, meta: 'm' })
      })
      expect(headers(file, 4).every((header) => expected.test(header))).toBe(true)
    }
    await withStore(file, createJsonCodec(), async (store) => expect(await store.get('a')).toEqual({ text: LONG }))
  })

  test('with another key needs no class that values are of, nor changes what is encrypted', async () => {
    class Money {
      cents = 1
    }
    const file = tempFile()
    const keys = [KEY_1, KEY_2]
    const knowing = compressed(createCborCodec({ classes: [{ type: Money, name: 'money' }] }), { minBytes: 0 })
    await withStore(file, knowing, (store) => store.set('price', new Money()))
    const ignorant = compressed(createCborCodec(), { minBytes: 0 })
    const steps = [
      encrypted(ignorant, { keys: [KEY_1], current: 1, readsUnencrypted: true }),
      encrypted(ignorant, { keys, current: 2 }),
      alsoReading(ignorant, encrypted(ignorant, { keys, current: 2 })),
    ]
    for (const codec of steps) {
      await withStore(file, codec, async (store) => {
        expect(await store.rewrite()).toMatchObject({ rewritten: 2, failed: 0 })
        expect(await store.rewrite()).toMatchObject({ rewritten: 0, failed: 0 })
        await expect(store.get('price')).rejects.toThrow(/class money/)
      })
    }
    await withStore(file, knowing, async (store) => expect(await store.get('price')).toEqual(new Money()))
  })

  test('changes the context, by way of a codec that also reads the one before', async () => {
    const file = tempFile()
    const [before, after] = [encrypting(), encrypting(undefined, { context: 'new' })]
    await withStore(file, before, (store) => store.set('a', { n: 1 }, { meta: 'm' }))
    const between = encrypting(alsoReading(createCborCodec(), before), { context: 'new' })
    await withStore(file, between, async (store) => {
      await store.set('b', 2)
      expect(await store.entry('a')).toMatchObject({ value: { n: 1 }, meta: 'm' })
      expect(await store.rewrite()).toMatchObject({ rewritten: 2, failed: 0 })
      expect(await store.rewrite()).toMatchObject({ rewritten: 0, failed: 0 })
    })
    await withStore(file, after, async (store) => {
      expect(await store.entry('a')).toMatchObject({ value: { n: 1 }, meta: 'm' })
      expect(await store.get('b')).toBe(2)
    })
    await withStore(file, before, async (store) => expect(store.get('a')).rejects.toMatchObject({ code: 'TAMPERED' }))
  })

  test('leaves what cannot be read as it is, and counts it', async () => {
    const file = tempFile()
    await withStore(file, packed('zstd', { keys: [KEY_2], current: 2 }), (store) => store.set('lost', 1))
    await withStore(file, packed('zstd', { readsUnencrypted: true }), (store) => store.set('kept', 1))
    await withStore(
      file,
      encrypting(undefined, { keys: [{ id: 3, key: KEY_2.key }, KEY_1], current: 3 }),
      async (store) => {
        const result = await store.rewrite()
        expect(result).toMatchObject({ failed: 2 + 2, rewritten: 0 })
        expect(result.errors.map(({ code, key }) => [code, key])).toEqual([
          ['CORRUPT', 'kept'],
          ['KEY_MISSING', 'lost'],
          ['KEY_MISSING', 'lost'],
          ['CORRUPT', 'kept'],
        ])
      },
    )
    await withStore(file, packed('zstd', { keys: [KEY_1, KEY_2], current: 1 }), async (store) => {
      expect(await store.rewrite()).toMatchObject({ failed: 0, rewritten: 2 })
      expect([await store.get('lost'), await store.get('kept')]).toEqual([1, 1])
    })
  })

  test('can be stopped, goes on where writers write, and refuses wrong options', async () => {
    const file = tempFile()
    await withStore(file, packed(), async (store) => {
      for (let i = 0; i < 100; i++) await store.set(['n', i], i)
    })
    await withStore(file, both(2), async (store) => {
      const signal = AbortSignal.abort(new Error('enough'))
      await expect(store.rewrite({ signal })).rejects.toThrow('enough')
      const writing = Promise.all(Array.from({ length: 100 }, (_, i) => store.update<number>(['n', i], (n) => n! + 1)))
      const [{ failed }] = await Promise.all([store.rewrite({ batch: 7 }), writing])
      expect(failed).toBe(0)
      expect(await store.rewrite()).toMatchObject({ rewritten: 0 })
      await expect(store.rewrite({ batch: 0 })).rejects.toThrow(RangeError)
      await expect(store.rewrite({ prefix: [] } as never)).rejects.toThrow(TypeError)
    })
    await withStore(file, withKey2(), async (store) => {
      const values = await Array.fromAsync(store.entries<number>(), ({ value }) => value)
      expect(values).toEqual(Array.from({ length: 100 }, (_, i) => i + 1))
    })
  })
})

async function reopened(file: string, codec: Codec): Promise<Awaited<ReturnType<typeof open>>> {
  const store = await open({ file, codec })
  onTestFinished(() => store.close())
  return store
}

async function sizeOfSevens(stream: ReadableStream<Uint8Array>): Promise<number> {
  let count = 0
  for await (const chunk of stream) count += chunk.filter((byte) => byte === 7).length
  return count
}
