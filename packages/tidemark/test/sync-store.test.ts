import { ClosedError, ConflictError, open, type Tidemark } from 'tidemark'
import { describe, expect, onTestFinished, test } from 'vitest'
import { startRedis } from '@tidemark/testkit'
import { spawnLocker } from './support/locker.ts'
import { tempFile } from './support/temp.ts'

async function opened(kind: 'memory' | 'sqlite'): Promise<Tidemark> {
  const store = await open({ file: kind === 'memory' ? undefined : tempFile() })
  onTestFinished(() => store.close())
  return store
}

describe.each(['memory', 'sqlite'] as const)('konserve sync calls on an embedded store: %s', (kind) => {
  test('every call answers at once, and the others see the same', async () => {
    const store = await opened(kind)
    const sync = store.sync!
    expect(sync.set('a', { n: 1 })).toMatchObject({ version: 1 })
    expect(sync.get('a')).toEqual({ n: 1 })
    expect(await store.get('a')).toEqual({ n: 1 })
    expect(sync.has('b')).toBe(false)
    expect(sync.entry('a')).toMatchObject({ key: ['a'], version: 1, type: 'value' })
    expect(sync.update<{ n: number }>('a', (old) => ({ n: old!.n + 1 }))).toMatchObject({
      old: { n: 1 },
      new: { n: 2 },
    })
    expect(sync.updateIn<number>('a', ['n'], (n) => n! + 1)).toMatchObject({ old: 2, new: 3 })
    sync.setIn('a', ['deep', 'er'], true)
    expect(sync.getIn('a', ['deep', 'er'])).toBe(true)
    expect(sync.getIn('a', ['none'], { default: 7 })).toBe(7)
    expect([sync.get('none', { default: 7 }), sync.get('none')]).toEqual([7, undefined])
    sync.setMany([
      [['k', 1], 1],
      [['k', 2], 2],
      [['k', 3], 3, { meta: 'm' }],
    ])
    expect([
      ...sync
        .getMany([
          ['k', 1],
          ['k', 9],
        ])
        .entries(),
    ]).toEqual([[['k', 1], 1]])
    expect([...sync.keys({ prefix: 'k', reverse: true, limit: 2 })]).toEqual([
      ['k', 3],
      ['k', 2],
    ])
    expect([...sync.entries({ prefix: 'k' })].map(({ value, meta }) => [value, meta])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, 'm'],
    ])
    expect(sync.delete(['k', 1])).toMatchObject({ deleted: true })
    expect([
      ...sync.deleteMany([
        ['k', 1],
        ['k', 2],
      ]).deleted,
    ]).toEqual([
      [['k', 1], false],
      [['k', 2], true],
    ])
    expect(await store.get(['k', 2])).toBeUndefined()
  })

  test('conditions, tags and misuse are as ever', async () => {
    const store = await opened(kind)
    const sync = store.sync!
    sync.set('a', 1, { tags: ['t'] })
    expect(() => sync.set('a', 2, { ifVersion: 0 })).toThrow(ConflictError)
    expect(() => sync.set('a', undefined)).toThrow(TypeError)
    expect(() => sync.set('a', 1, { ttl: 5 } as never)).toThrow('unknown option ttl of set')
    expect(() => sync.update('a', (async () => 1) as never)).toThrow('must not be async')
    expect(sync.get('a')).toBe(1)
    await store.invalidateTag('t')
    expect(sync.get('a')).toBeUndefined()
    expect(sync.update('a', (old) => (old === undefined ? 'new' : 'seen'))).toMatchObject({ new: 'new' })
    await store.log('log').append(1)
    expect(() => sync.get('log')).toThrow(expect.objectContaining({ code: 'WRONG_TYPE' }))
  })

  test('what was asked for before, and not awaited, comes first', async () => {
    const store = await opened(kind)
    const earlier = [store.set('a', 'first'), store.set('b', 'first')]
    expect(store.sync!.set('a', 'second')).toMatchObject({ version: 3 })
    expect(store.sync!.get('b')).toBe('first')
    expect(await Promise.all(earlier)).toMatchObject([{ version: 1 }, { version: 2 }])
    expect(await store.get('a')).toBe('second')
  })

  test('an option that a call does not have is refused, before anything is done', async () => {
    const store = await opened(kind)
    const sync = store.sync!
    const wrong = { consistency: 'tiered' } as never
    const calls: Readonly<Record<string, () => unknown>> = {
      has: () => sync.has('a', wrong),
      entry: () => sync.entry('a', wrong),
      getMany: () => sync.getMany(['a'], wrong),
      setMany: () => sync.setMany([['a', 1]], wrong),
      deleteMany: () => sync.deleteMany(['a'], wrong),
      keys: () => sync.keys(wrong),
      entries: () => sync.entries(wrong),
      append: () => sync.log('l').append(1, wrong),
      write: () => sync.blob('b').write(new Uint8Array(1), wrong),
      read: () => sync.blob('b').read(wrong),
    }
    for (const [name, call] of Object.entries(calls)) expect(call).toThrow(`unknown option consistency of ${name}`)
    for (const list of ['ab', { a: 1 }, 5] as never[]) {
      expect(() => sync.getMany(list)).toThrow(TypeError)
      expect(() => sync.setMany(list)).toThrow(TypeError)
      expect(() => sync.deleteMany(list)).toThrow(TypeError)
      expect(() => sync.log('l').appendMany(list)).toThrow(TypeError)
    }
    expect(await store.head()).toBe(0)
  })

  test('what was asked for before is not read before it is committed', async () => {
    const store = await opened(kind)
    const asked = store.set('a', 1)
    expect(store.sync!.get('a')).toBeUndefined()
    await asked
    expect(store.sync!.get('a')).toBe(1)
  })

  test('append logs', async () => {
    const store = await opened(kind)
    const log = store.sync!.log<number>('l')
    expect([log.length(), [...log], store.sync!.has('l')]).toEqual([0, [], false])
    const { version } = log.append(1, { meta: 'm' })
    log.appendMany([2, 3])
    await store.log('l').append(4)
    expect([...log]).toEqual([1, 2, 3, 4])
    expect(log.length()).toBe(4)
    expect(log.reduce((sum, n) => sum + n, 0)).toBe(10)
    expect([...log.elements({ after: version })].map(({ value, at }) => [value, at instanceof Date])).toEqual([
      [2, true],
      [3, true],
      [4, true],
    ])
    expect(await Array.fromAsync(store.log('l'))).toEqual([1, 2, 3, 4])
    expect(store.sync!.entry('l')).toMatchObject({ type: 'log', meta: 'm' })
    const many = Array.from({ length: 1_500 }, (_, i) => i)
    store.sync!.log('many').appendMany(many)
    const reading = store.sync!.log<number>('many')[Symbol.iterator]()
    const read = [reading.next().value]
    // What comes while it is read is for the next one.
    store.sync!.log('many').append('later')
    for (const element of reading) read.push(element)
    expect(read).toEqual(many)
    const replaced = store.sync!.log<number>('many')[Symbol.iterator]()
    replaced.next()
    store.sync!.set('many', 'value')
    expect(() => [...replaced]).toThrow(expect.objectContaining({ code: 'REPLACED' }))
    expect(() => store.sync!.log('many').append(1)).toThrow(expect.objectContaining({ code: 'WRONG_TYPE' }))
    expect(() => [...store.sync!.log('many')]).toThrow(expect.objectContaining({ code: 'WRONG_TYPE' }))
    expect(() => log.append(undefined as never)).toThrow(TypeError)
  })

  test('blobs', async () => {
    const store = await opened(kind)
    const blob = store.sync!.blob('b')
    expect([blob.size(), blob.bytes(), blob.read()]).toEqual([undefined, undefined, undefined])
    const bytes = Uint8Array.from({ length: 1_400_000 }, (_, i) => i * 31 + (i >>> 8))
    const { version, size } = blob.write(bytes, { meta: 'm' })
    expect([size, blob.size()]).toEqual([bytes.length, bytes.length])
    expect(Buffer.compare(blob.bytes()!, bytes)).toBe(0)
    expect(Buffer.compare((await store.blob('b').bytes())!, bytes)).toBe(0)
    expect(Buffer.compare(Buffer.concat([...blob.read()!]), bytes)).toBe(0)
    expect(Buffer.compare(blob.bytes({ start: 300_000, end: 700_000 })!, bytes.subarray(300_000, 700_000))).toBe(0)
    expect(store.sync!.entry('b')).toMatchObject({ type: 'blob', version, meta: 'm' })
    expect(() => blob.write(new Uint8Array(1), { ifVersion: 0 })).toThrow(ConflictError)
    expect(() => blob.bytes({ ifVersion: version + 1 })).toThrow(ConflictError)
    expect(() => blob.write('text' as never)).toThrow(TypeError)
    expect(() => blob.write(new Blob(['x']) as never)).toThrow(TypeError)
    expect(() => store.sync!.get('b')).toThrow(expect.objectContaining({ code: 'WRONG_TYPE' }))
    const reading = blob.read()!
    reading.next()
    expect(blob.write(new ArrayBuffer(0), { ifVersion: version })).toMatchObject({ size: 0 })
    expect(blob.bytes()).toEqual(new Uint8Array(0))
    // Then all listeners have heard of the one before, and sweep waits for what they do.
    await store.set('other', 1)
    await store.sweep()
    // A page of chunks was read before, and more are to come.
    expect(() => [...reading]).toThrow(expect.objectContaining({ code: 'REPLACED' }))
  })

  test('changes, hooks and near memory learn of it in order', async () => {
    const store = await opened(kind)
    const seen: unknown[] = []
    store.writes$.subscribe(({ seq, value }) => seen.push([seq, value]))
    await store.set('a', 1)
    expect(store.peek('a')).toBe(1)
    store.sync!.set('a', 2)
    expect(store.peek('a')).toBe(2)
    await store.set('a', 3)
    expect(seen).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
  })

  test('inside of an update function it is refused, and nothing is written twice', async () => {
    const store = await opened(kind)
    const inside = (): unknown => store.sync!.set('b', 1)
    expect(() => store.sync!.update('a', inside)).toThrow('inside of an update function')
    await expect(store.update('a', inside)).rejects.toThrow('inside of an update function')
    expect(await store.head()).toBe(0)
    expect(store.sync!.set('a', 1)).toMatchObject({ version: 1 })
  })

  test('after close() every call throws', async () => {
    const store = await opened(kind)
    const { sync } = store
    await store.close()
    expect(() => sync!.get('a')).toThrow(ClosedError)
    expect(() => sync!.set('a', 1)).toThrow(ClosedError)
    expect(() => [...sync!.keys()]).toThrow(ClosedError)
  })
})

test('it waits for another process that writes, and gives up as the others do', async () => {
  const file = tempFile()
  await using store = await open({ file, busyTimeoutMs: 5_000 })
  await using impatient = await open({ file, busyTimeoutMs: 0 })
  const locker = await spawnLocker(file)
  expect(() => impatient.sync!.set('a', 0)).toThrow(expect.objectContaining({ code: 'BUSY' }))
  locker.releaseIn(100)
  expect(store.sync!.set('a', 1)).toMatchObject({ version: 1 })
  expect(impatient.sync!.set('a', 2)).toMatchObject({ version: 2 })
})

test('with Redis there are none: it would have to be told first', async () => {
  const server = await startRedis()
  onTestFinished(() => server.close())
  await using store = await open({ redis: server.url })
  expect(store.sync).toBeUndefined()
})
