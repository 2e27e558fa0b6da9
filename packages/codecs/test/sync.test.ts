import { DatabaseSync } from 'node:sqlite'
import { open, sync, type Tidemark } from 'tidemark'
import { expect, test, vi } from 'vitest'
import { KEY_2, packed } from './support/keys.ts'
import { LONG, META, openStore, VALUE } from './support/stored.ts'
import { tempFile } from './support/temp.ts'

test('a sync encrypts anew: with the keys of the target, at its keys and versions', async () => {
  const source = await openStore({ file: tempFile(), codec: packed() })
  const targetCodec = packed('gzip', { keys: [KEY_2], current: 2, context: 'replica' })
  const target = await openStore({ file: tempFile(), codec: targetCodec })
  const plain = await openStore({ file: tempFile() })
  await target.set('shift', 'versions differ')
  await source.set(['k', 1], VALUE, { meta: META, tags: ['t'] })
  const map = (key: readonly unknown[]) => ['copy', ...key] as never
  await using there = sync(source, target, { name: 'there', map })
  await using onwards = sync(target, plain, { name: 'onwards', prefix: ['copy'] })
  await source.set(['k', 2], VALUE, { meta: META })
  await there.caughtUp()
  await onwards.caughtUp()
  for (const store of [target, plain])
    for (const key of [1, 2]) expect(await store.entry(['copy', 'k', key])).toMatchObject({ value: VALUE, meta: META })
  await source.invalidateTag('t')
  await there.caughtUp()
  expect(await target.has(['copy', 'k', 1])).toBe(false)
})

test('a sync leaves out what is damaged, and copies everything else, logs and blobs too', async () => {
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const file = tempFile()
  const writer = await open({ file, codec: packed() })
  await writer.set('bad', VALUE)
  await writer.set('worse', 1, { meta: META })
  await writer.blob('torn').write(new Uint8Array(200_000).fill(7))
  await writer.set('good', VALUE, { meta: META })
  await writer.log('events').append({ n: 1 })
  await writer.blob('whole').write(new Uint8Array(200_000).fill(7))
  await writer.close()
  const db = new DatabaseSync(file)
  const cut = `CAST(substr(value, 1, length(value) - 3) AS BLOB)`
  for (const table of ['entry', 'log']) {
    db.exec(`UPDATE ${table} SET value = ${cut} WHERE key = (SELECT key FROM log WHERE seq = 1)`)
    db.exec(`UPDATE ${table} SET meta = value WHERE key = (SELECT key FROM log WHERE seq = 2)`)
    db.exec(`UPDATE ${table} SET value = ${cut} WHERE key = (SELECT key FROM log WHERE seq = 3)`)
  }
  db.close()
  const codec = packed()
  const [source, target] = [await openStore({ file, codec }), await openStore({ file: tempFile(), codec })]
  const other = await openStore({ file: tempFile(), codec: packed('gzip', { keys: [KEY_2], current: 2 }) })
  for (const to of [target, other]) {
    await using copying = sync(source, to, { name: 'copy' })
    await copying.caughtUp()
    expect(await to.entry('good')).toMatchObject({ value: VALUE, meta: META })
    expect(await Array.fromAsync(to.log('events'))).toEqual([{ n: 1 }])
    expect(await to.blob('whole').size()).toBe(200_000)
    for (const key of ['bad', 'worse', 'torn']) expect(await to.has(key)).toBe(false)
  }
})

test('two stores that both write agree on what is the same, whatever they encrypt it with', async () => {
  const a = await openStore({ file: tempFile(), codec: packed() })
  const b = await openStore({ file: tempFile(), codec: packed('zstd', { keys: [KEY_2], current: 2 }) })
  const conflict = { policy: 'lastWriter' } as const
  await using there = sync(a, b, { name: 'there', conflict })
  await using back = sync(b, a, { name: 'back', conflict })
  await Promise.all(Array.from({ length: 30 }, (_, i) => (i % 2 === 0 ? a : b).set(['k', i % 6], { i, text: LONG })))
  for (let round = 0; round < 3; round++) {
    await there.caughtUp()
    await back.caughtUp()
  }
  const contents = (store: Tidemark): Promise<unknown> =>
    Array.fromAsync(store.entries(), ({ key, value }) => [key, value])
  expect(await contents(a)).toEqual(await contents(b))
})
