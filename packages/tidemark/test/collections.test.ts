import { eventually, type RedisServer, startRedis } from '@tidemark/testkit'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { type Change, open, openReader, sync, type Tidemark } from '../src/index.ts'
import { tempFile } from './support/temp.ts'

const CHUNK = 256 * 1024

let server: RedisServer
beforeAll(async () => {
  server = await startRedis()
})
afterAll(() => server.close())

async function openStore(file = tempFile(), options: Parameters<typeof open>[0] = {}): Promise<Tidemark> {
  const opened = await open({ file, redis: { url: server.url, commandTimeoutMs: 5_000 }, relay: true, ...options })
  onTestFinished(() => opened.close())
  return opened
}

const summary = ({ op, key, value, size }: Change): unknown => [op, key, value ?? size]

test('two instances append to one log and read one blob, and both hear of each, once', async () => {
  const file = tempFile()
  const [a, b] = [await openStore(file), await openStore(file)]
  const heard: Change[][] = [[], []]
  for (const [i, store] of [a, b].entries()) {
    const subscription = store.changes$({ from: 'start' }).subscribe(({ changes }) => void heard[i]!.push(...changes))
    onTestFinished(() => subscription.unsubscribe())
  }
  await a.log('l').append('a')
  await b.log('l').append('b')
  await a.blob('b').write(new Uint8Array(5 * CHUNK))
  await b.delete('l')
  const expected = [
    ['append', ['l'], 'a'],
    ['append', ['l'], 'b'],
    ['blob', ['b'], 5 * CHUNK],
    ['delete', ['l'], undefined],
  ]
  await eventually('both have heard', () => heard.every((changes) => changes.length === 4))
  for (const changes of heard) expect(changes.map(summary)).toEqual(expected)
  for (const store of [a, b]) {
    expect(await store.log('l').length()).toBe(0)
    expect((await store.blob('b').bytes())!.length).toBe(5 * CHUNK)
    expect(await store.explain('b')).toMatchObject({ key: 'b' })
  }
  expect((await a.sweep({ before: Date.now() + 60_000 })).deleted).toEqual([['b']])
  expect(await b.blob('b').size()).toBeUndefined()
})

test('a host without the file hears of elements and blobs, and is told what it cannot read', async () => {
  const store = await openStore()
  const reader = await openReader({ redis: server.url, log: store.logId })
  onTestFinished(() => reader.close())
  await store.log('l').append({ n: 1 })
  await store.blob('b').write(new Uint8Array(9 * CHUNK), { meta: 'of the blob' })
  await store.log('l').append({ n: 2 })
  await store.set('v', 1)
  const heard: Change[] = []
  for await (const { changes } of reader.changes({ from: 'start' })) {
    heard.push(...changes)
    if (heard.length >= 4) break
  }
  expect(heard.map(summary)).toEqual([
    ['append', ['l'], { n: 1 }],
    ['blob', ['b'], 9 * CHUNK],
    ['append', ['l'], { n: 2 }],
    ['set', ['v'], 1],
  ])
  expect(heard[1]!.meta).toBe('of the blob')
  await eventually('it has caught up', async () => reader.position === (await store.head()))
  await expect(reader.get('l')).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  const refused = { code: 'NEEDS_FILE', message: expect.stringMatching(/^a log, a blob, .* needs the file/) as unknown }
  await expect(Array.fromAsync(reader.log('l'))).rejects.toMatchObject(refused)
  await expect(reader.blob('b').read()).rejects.toMatchObject(refused)
  await expect(reader.log('l').append(3)).rejects.toMatchObject({ code: 'READ_ONLY' })
  await expect(reader.blob('b').write(new Uint8Array(1))).rejects.toMatchObject({ code: 'READ_ONLY' })
})

test('closing ends the write of a blob and its lease: the key holds what it held, and others remove what was stored', async () => {
  const file = tempFile()
  const [a, b] = [await openStore(file), await openStore(file)]
  await b.blob('b').write(new Uint8Array([1]))
  const [begun, more] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
  const writing = a.blob('b').write(
    (async function* () {
      yield new Uint8Array(4 * CHUNK)
      begun.resolve()
      await more.promise
      yield new Uint8Array(4 * CHUNK)
    })(),
  )
  const ended = writing.catch((error: { code?: unknown }) => error.code)
  await begun.promise
  await a.close()
  expect(await b.sweep({ orphanAgeMs: 0 })).toMatchObject({ parts: 4 })
  more.resolve()
  expect(await ended).toBe('CLOSED')
  expect(await b.blob('b').bytes()).toEqual(new Uint8Array([1]))
})

test('a sync brings logs and blobs into a store in memory, which reads them', async () => {
  const source = await openStore()
  const target = await open()
  onTestFinished(() => target.close())
  await source.log('l').appendMany([1, 2])
  await source.blob('b').write(new Uint8Array(3 * CHUNK).fill(7))
  const copying = sync(source, target, { name: 'copy' })
  await copying.caughtUp()
  await source.log('l').append(3)
  await copying.caughtUp()
  expect(await Array.fromAsync(target.log('l'))).toEqual([1, 2, 3])
  expect((await target.blob('b').bytes())![0]).toBe(7)
  expect(await target.entry('b')).toMatchObject({ type: 'blob' })
})

test('the past of a key that holds a log is none that get can tell', async () => {
  const store = await openStore()
  const { version } = await store.log('l').append(1)
  await store.delete('l')
  await expect(store.get('l', { at: version })).rejects.toMatchObject({ code: 'WRONG_TYPE' })
  expect(store.peek('l')).toBeUndefined()
})

test.each(['closing', 'closed'])('%s: logs and blobs refuse, those that were at hand too', async (state) => {
  const store = await openStore()
  const [log, blob] = [store.log('l'), store.blob('b')]
  await log.append(1)
  await blob.write(new Uint8Array(1))
  const closing = store.close()
  if (state === 'closed') await closing
  for (const call of [
    () => log.append(2),
    () => log.appendMany([]),
    () => log.length(),
    () => Array.fromAsync(log),
    () => Array.fromAsync(log.elements()),
    () => log.reduce((sum: number) => sum, 0),
    () => blob.write(new Uint8Array(1)),
    () => blob.read(),
    () => blob.bytes(),
    () => blob.size(),
    () => store.sweep(),
    async () => store.log('l'),
    async () => store.blob('b'),
  ]) {
    await expect(call()).rejects.toMatchObject({ code: 'CLOSED' })
  }
  await closing
})

test('a store that is closed while a blob is written, or read, says so to who does it', async () => {
  const store = await openStore()
  await store.blob('read').write(new Uint8Array(20 * CHUNK))
  const reader = (await store.blob('read').read())!.getReader()
  await reader.read()
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) yield new Uint8Array(CHUNK)
  }
  const refused = store
    .blob('b')
    .write(endless())
    .then(
      () => 'written',
      (error: unknown) => (error as { code?: unknown }).code,
    )
  await eventually('something of it is stored', async () => (await store.head()) > 100)
  await store.close()
  expect(await refused).toBe('CLOSED')
  const reading = async (): Promise<void> => {
    while (!(await reader.read()).done);
  }
  await expect(reading()).rejects.toMatchObject({ code: 'CLOSED' })
})
