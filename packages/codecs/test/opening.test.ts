import { compressed } from '@tidemark/codecs'
import { alsoReading, type Codec, createCborCodec, createJsonCodec, Store } from '@tidemark/core'
import { createSqliteBack } from '@tidemark/sqlite'
import { DatabaseSync } from 'node:sqlite'
import { open, type OpenOptions, sync } from 'tidemark'
import { describe, expect, onTestFinished, test } from 'vitest'
import { encrypting, KEY_1, KEY_2 } from './support/keys.ts'
import { tempFile } from './support/temp.ts'

const plain = createCborCodec()
const keys = [KEY_1, KEY_2]

/** A file that a store with this codec has written. */
async function written(codec: Codec): Promise<string> {
  const file = tempFile()
  const store = await open({ file, codec })
  await store.set('a', { n: 1 })
  await store.close()
  return file
}

async function attempt(file: string, codec: Codec, options: OpenOptions = {}): Promise<string> {
  try {
    await (await open({ ...options, file, codec })).close()
    return 'opened'
  } catch (error) {
    return (error as { code: string }).code
  }
}

/** Every stored byte, so that nothing was written. */
function dump(file: string): unknown {
  const db = new DatabaseSync(file, { readOnly: true })
  try {
    return ['entry', 'large_value', 'log', 'mark'].map((table) => db.prepare(`SELECT * FROM ${table}`).all())
  } finally {
    db.close()
  }
}

describe('a store that is encrypted', () => {
  test.each<[string, Codec, string]>([
    ['the same codec', encrypting(), 'opened'],
    ['compression and one more key', encrypting(compressed(plain), { keys, current: 2 }), 'opened'],
    ['a codec that is not encrypted any more, and reads it', alsoReading(plain, encrypting()), 'opened'],
    ['a wrong key', encrypting(plain, { keys: [{ ...KEY_2, id: 1 }] }), 'KEY_WRONG'],
    ['another key', encrypting(plain, { keys: [KEY_2], current: 2 }), 'KEY_MISSING'],
    ['another context', encrypting(plain, { context: 'other' }), 'TAMPERED'],
    ['another serializer', encrypting(createJsonCodec()), 'CORRUPT'],
    ['no encryption', plain, 'CORRUPT'],
  ])('is opened with %s, or not', async (_what, codec, outcome) => {
    const file = await written(encrypting())
    const before = dump(file)
    expect(await attempt(file, codec)).toBe(outcome)
    if (outcome !== 'opened') expect(dump(file)).toEqual(before)
    expect(await attempt(file, encrypting())).toBe('opened')
  })

  test('can be looked at with any codec, with readOnly', async () => {
    const file = await written(encrypting())
    const store = await open({ file, codec: encrypting(plain, { keys: [KEY_2], current: 2 }), readOnly: true })
    onTestFinished(() => store.close())
    expect(await Array.fromAsync(store.keys())).toEqual([['a']])
    await expect(store.get('a')).rejects.toMatchObject({ code: 'KEY_MISSING' })
  })

  test('whose key is lost gives what can be read to another store', async () => {
    const file = await written(encrypting())
    const writer = await open({ file, codec: encrypting(plain, { keys, current: 2 }) })
    await writer.set('readable', 2)
    await writer.close()
    const codec = encrypting(plain, { keys: [KEY_2], current: 2 })
    const from = await open({ file, codec, readOnly: true })
    onTestFinished(() => from.close())
    const to = await open({ file: tempFile(), codec })
    onTestFinished(() => to.close())
    const rescue = sync(from, to, { name: 'rescue' })
    const failed: unknown[] = []
    rescue.events$.subscribe((event) => failed.push(event.kind === 'entry-failed' ? event.key : event))
    await rescue.caughtUp()
    await rescue.close()
    expect(await Array.fromAsync(to.entries(), ({ key, value }) => [key, value])).toEqual([[['readable'], 2]])
    expect(failed).toEqual(['a'])
  })

  test('needs its key until it is rewritten with another one, or without any', async () => {
    const file = await written(encrypting())
    const [both, second] = [encrypting(plain, { keys, current: 2 }), encrypting(plain, { keys: [KEY_2], current: 2 })]
    const rewritten = async (codec: Codec): Promise<void> => {
      const store = await open({ file, codec })
      expect(await store.rewrite()).toMatchObject({ failed: 0 })
      await store.close()
    }
    const store = await open({ file, codec: both })
    await store.set('b', 2)
    await store.close()
    expect(await attempt(file, second)).toBe('KEY_MISSING')
    await rewritten(both)
    expect([await attempt(file, second), await attempt(file, encrypting())]).toEqual(['opened', 'KEY_MISSING'])
    await rewritten(alsoReading(plain, second))
    expect([await attempt(file, plain), await attempt(file, second)]).toEqual(['opened', 'NOT_ENCRYPTED'])
  })

  test('is not given up for a mark that is damaged', async () => {
    const file = await written(encrypting())
    const db = new DatabaseSync(file)
    const [mark] = db.prepare('SELECT value FROM mark').all() as [{ value: Uint8Array }]
    db.prepare('UPDATE mark SET value = ?').run(mark.value.with(50, mark.value[50]! ^ 1))
    db.close()
    expect(await attempt(file, encrypting(plain, { context: 'other' }))).toBe('TAMPERED')
    expect(await attempt(file, encrypting())).toBe('opened')
    expect(await attempt(file, encrypting())).toBe('opened')
  })
})

test('a store that is not encrypted yet is opened with a codec that reads what is there, or none that encrypts', async () => {
  const file = await written(plain)
  const before = dump(file)
  expect(await attempt(file, encrypting())).toBe('NOT_ENCRYPTED')
  expect(dump(file)).toEqual(before)
  expect(await attempt(file, plain)).toBe('opened')
  expect(await attempt(file, encrypting(plain, { readsUnencrypted: true }))).toBe('opened')
  expect(await attempt(tempFile(), encrypting())).toBe('opened')
})

test('a store that was encrypted without a mark is opened with its key alone', async () => {
  const file = tempFile()
  const store = new Store(createSqliteBack({ file, codec: encrypting() }))
  await store.set('a', 1)
  await store.delete('a')
  await store.close()
  expect(await attempt(file, encrypting(plain, { keys: [KEY_2], current: 2 }))).toBe('KEY_MISSING')
  expect(await attempt(file, encrypting())).toBe('opened')
})
