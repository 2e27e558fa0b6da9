import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Codec, createCborCodec, createMemoryBack, Payload, Store, StoreKey } from '../../src/index.ts'
import { type EntryNotes, metaOf, metaWithNotes, notesOf } from '../../src/store/entry-notes.ts'

const cbor = createCborCodec()
const json: Codec = {
  id: 200,
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
  decode: (bytes) => JSON.parse(new TextDecoder().decode(bytes)) as unknown,
}

function entryWith(meta: Payload | undefined): { key: StoreKey; version: number; meta: Payload | undefined } {
  return { key: StoreKey.of('k'), version: 7, meta }
}

const notes: fc.Arbitrary<EntryNotes> = fc.record({
  freshUntil: fc.option(fc.nat(), { nil: undefined }),
  isAbsence: fc.boolean(),
  type: fc.constantFrom('value', 'log', 'blob'),
  tags: fc.option(
    fc.array(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), { minLength: 1, maxLength: 64 }),
    {
      nil: undefined,
    },
  ),
})

/** As stored. A change here makes entries unreadable that users have. */
const GOLDEN: readonly (readonly [name: string, notes: EntryNotes, meta: unknown, bytes: string])[] = [
  ['one tag', { tags: ['t'] }, undefined, '020100060104010001' + '74'],
  ['tags and meta', { tags: ['t', 'é'] }, 'm', '0201000a01040200017400' + '02c3a9' + '616d'],
  ['the end of freshness', { freshUntil: 1 }, undefined, '0201000a0101' + '3ff0000000000000'],
  ['an absence', { isAbsence: true }, null, '020100020102' + 'f6'],
  ['a log', { type: 'log' }, undefined, '02010003010801'],
  ['a blob with tags and meta', { type: 'blob', tags: ['t'] }, 'm', '02010007010c0100017402' + '616d'],
]

describe('the notes of an entry', () => {
  it('come back, and so does what the writer attached, with any codec', () => {
    fc.assert(
      fc.property(notes, fc.option(fc.jsonValue(), { nil: undefined }), (given, meta) => {
        const plain = meta === undefined ? undefined : (JSON.parse(JSON.stringify(meta)) as unknown)
        for (const codec of [cbor, json]) {
          const sealed = metaOf(codec, plain, given)
          const stored = sealed && Payload.fromBytes(codec, Uint8Array.of(9, ...sealed.bytes), 1)
          const { freshUntil, isAbsence = false, tags, type = 'value' } = notesOf(entryWith(stored))
          expect({ freshUntil, isAbsence, tags, type }).toEqual(given)
          expect(stored?.read()).toEqual(plain)
        }
      }),
    )
  })

  it('are exchanged without touching what the writer attached', () => {
    fc.assert(
      fc.property(notes, notes, fc.option(fc.jsonValue(), { nil: undefined }), (before, after, value) => {
        const plain = value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown)
        const meta = metaWithNotes(cbor, metaOf(cbor, plain, before), after)
        expect(notesOf(entryWith(meta))).toEqual(notesOf(entryWith(metaOf(cbor, undefined, after))))
        expect(meta?.read()).toEqual(plain)
        expect(metaWithNotes(cbor, meta, {})?.bytes).toEqual(metaOf(cbor, plain, undefined)?.bytes)
      }),
    )
  })

  it.each(GOLDEN)('are stored like this: %s', (_name, given, meta, hex) => {
    expect(Buffer.from(metaOf(cbor, meta, given)!.bytes).toString('hex')).toBe(hex)
  })

  it('are not there where there is nothing to note', async () => {
    const back = createMemoryBack()
    const store = new Store(back)
    await store.set('a', 1)
    await store.set('b', 1, { ttlMs: 1000, tags: [] })
    await store.getOrSet('c', () => 1, { ttlMs: 1000 })
    await store.set('d', 1, { meta: 'm' })
    const { changes } = await back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ meta }) => meta?.notes)).toEqual([undefined, undefined, undefined, undefined])
    expect(changes.slice(0, 3).map(({ meta }) => meta)).toEqual([undefined, undefined, undefined])
  })

  it.each([
    ['a layout of the future', '020100020200'],
    ['unknown flags', '02010002' + '0108'],
    ['a number that is cut off', '02010003' + '010100'],
    ['a tag that is cut off', '02010005' + '0104010005'],
    ['more than they say', '02010003' + '010000'],
    ['less than the envelope says', '0201ffff0104'],
    ['a tag that is no text', '02010006' + '010401' + '0001ff'],
  ])('that are damaged are found out by who reads the value: %s', async (_what, hex) => {
    const back = createMemoryBack()
    const store = new Store(back)
    const meta = Payload.fromBytes(cbor, Uint8Array.from(Buffer.from(hex, 'hex')))
    const write = { op: 'set', key: StoreKey.of('k'), payload: Payload.encode(cbor, 1), expiresAt: undefined } as const
    await back.commit({ reads: [], decide: () => [{ ...write, meta, path: undefined }] })
    await store.set('fine', 2, { tags: ['t'] })
    await expect(store.get('k')).rejects.toMatchObject({ code: 'CORRUPT', key: 'k' })
    const many = await store.getMany(['k', 'fine'])
    expect(many.get('fine')).toBe(2)
    expect(() => many.get('k')).toThrow('damaged')
    expect(await Array.fromAsync(store.keys())).toEqual([['fine'], ['k']])
    expect(await store.getOrSet('k', () => 'loaded')).toBe('loaded')
    expect(await store.get('k')).toBe('loaded')
  })
})
