import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { createMemoryBack, KeyMap, Payload, Store, StoreKey } from '../../src/index.ts'

test('a console shows what is in a map with keys', () => {
  expect(inspect(new KeyMap([[['user', 42], { name: 'Ada' }]]))).toBe("Map(1) { [ 'user', 42 ] => { name: 'Ada' } }")
})

test('a console shows what getMany found, and what deleteMany deleted', async () => {
  await using store = new Store(createMemoryBack())
  await store.setMany([
    ['a', 1],
    ['b', { n: [2] }],
  ])
  const found = await store.getMany(['a', 'b', 'none'])
  expect(inspect(found)).toBe("Map(2) { [ 'a' ] => 1, [ 'b' ] => { n: [ 2 ] } }")
  expect(inspect((await store.deleteMany(['a', 'none'])).deleted)).toBe(
    "Map(2) { [ 'a' ] => true, [ 'none' ] => false }",
  )
})

test('a console shows the values of the elements of a log', async () => {
  await using store = new Store(createMemoryBack())
  const { version } = await store.log('l').append({ page: '/' })
  const [element] = await Array.fromAsync(store.log('l').elements())
  expect(inspect(element)).toMatch(/^{\s+value: { page: '\/' },\s+version: 2,\s+at: \d{4}-/)
  expect(JSON.parse(JSON.stringify(element))).toEqual({ value: { page: '/' }, version, at: element!.at.toISOString() })
  expect([...store.sync!.log('l').elements()].map((each) => inspect(each))).toEqual([inspect(element)])
})

test('a console shows what is damaged as its error, and all the rest', async () => {
  const back = createMemoryBack()
  await using store = new Store(back)
  await store.set('a', 1)
  const payload = Payload.fromBytes(back.codec, new Uint8Array([255, 255]))
  const write = { op: 'set', payload, expiresAt: undefined, meta: undefined, path: undefined } as const
  await back.commit({ reads: [], decide: () => [{ ...write, key: StoreKey.of('b') }] })
  const found = inspect(await store.getMany(['a', 'b']))
  expect(found).toContain("[ 'a' ] => 1")
  expect(found).toContain("[ 'b' ] => CorruptError")
  expect(inspect(await store.entry('b'))).toMatch(/key: \[ 'b' \][^]*CorruptError[^]*version: 2/)
})
