import { startRedis } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { open, openReader, type OpenOptions, sync, type Tidemark } from '../src/index.ts'
import { internalsOf } from '../src/tidemark.ts'
import { tempFile } from './support/temp.ts'

async function openStore(options: OpenOptions = { file: tempFile() }): Promise<Tidemark> {
  const store = await open(options)
  onTestFinished(() => store.close())
  return store
}

async function contents(store: Tidemark): Promise<unknown[]> {
  return Array.fromAsync(store.entries(), ({ key, value }) => [key, value])
}

test('a replica in memory holds what its source holds, deletions included, and can be read all the while', async () => {
  const source = await openStore()
  await source.setMany(Array.from({ length: 300 }, (_, i) => [['n', i], i] as const))
  const replica = await openStore({})
  await using copying = sync(source, replica, { name: 'replica', batch: 50 })
  await source.delete(['n', 7])
  await source.set(['n', 8], 'eight')
  await copying.caughtUp()
  expect(await replica.get(['n', 8])).toBe('eight')
  expect(await replica.has(['n', 7])).toBe(false)
  expect(await contents(replica)).toEqual(await contents(source))
})

test('two stores that both write hold the same in the end, and neither echoes', async () => {
  const [a, b] = [await openStore(), await openStore()]
  const conflict = { policy: 'lastWriter' } as const
  const there = sync(a, b, { name: 'there', conflict })
  const back = sync(b, a, { name: 'back', conflict })
  await Promise.all(Array.from({ length: 40 }, (_, i) => (i % 2 === 0 ? a : b).set(['k', i % 8], i)))
  for (let round = 0; round < 3; round++) {
    await there.caughtUp()
    await back.caughtUp()
  }
  expect(await contents(a)).toEqual(await contents(b))
  const heads = [await a.head(), await b.head()]
  await there.caughtUp()
  await back.caughtUp()
  expect([await a.head(), await b.head()]).toEqual(heads)
})

test('closing either store ends the sync', async () => {
  const [source, target] = [await openStore(), await openStore()]
  await source.set('k', 1)
  const copying = sync(source, target, { name: 'copy' })
  await copying.caughtUp()
  await source.close()
  await expect(copying.caughtUp()).rejects.toMatchObject({ code: 'CLOSED' })
  expect(await target.get('k')).toBe(1)
})

test('a sync can be listed, and dropped for one by another policy', async () => {
  const [source, target] = [await openStore(), await openStore()]
  await source.set('k', 1)
  const first = sync(source, target, { name: 'copy' })
  await first.caughtUp()
  expect(await target.syncs()).toEqual([
    { name: 'copy', source: source.logId, position: 1, phase: 'following', policy: 'version' },
  ])
  first.events$.subscribe(() => undefined)
  expect(await target.dropSync('copy')).toBe(true)
  await source.set('k', 2)
  await new Promise<void>((resolve) => void first.state$.subscribe({ complete: resolve }))
  expect(first.state.error).toMatchObject({ code: 'SYNC_DROPPED' })
  expect([await target.syncs(), await target.dropSync('copy'), await target.get('k')]).toEqual([[], false, 1])
  await using second = sync(source, target, { name: 'copy', conflict: { policy: 'lastWriter' } })
  await second.caughtUp()
  expect(await target.syncs()).toMatchObject([{ name: 'copy', policy: 'lastWriter' }])
})

test('wrong options are refused at once', async () => {
  const [source, target] = [await openStore(), await openStore()]
  expect(() => sync(source, target, { name: '' })).toThrow(RangeError)
  expect(() => sync(source, target, { name: 'x', conflict: { policy: 'first' } as never })).toThrow(/conflict.policy/)
})

test('a store that cannot be one side of a sync is refused at once', async () => {
  const server = await startRedis()
  onTestFinished(() => server.close())
  const file = tempFile()
  const store = await openStore({ file, redis: server.url, relay: true })
  const reader = await openReader({ redis: server.url, log: store.logId })
  onTestFinished(() => reader.close())
  const memory = await openStore({})
  const options = { name: 'x' }
  const refused = (from: unknown, to: unknown, message: RegExp): void => {
    const start = () => sync(from as Tidemark, to as Tidemark, options)
    expect(start).toThrow(TypeError)
    expect(start).toThrow(message)
  }
  refused(reader, memory, /source .*over Redis alone.* list/)
  refused(memory, reader, /target .*over Redis alone.* written/)
  refused({}, memory, /source .*open\(\)/)
  refused(memory, undefined, /target .*open\(\)/)
  refused(memory, memory, /two stores/)
  refused(store, await openStore({ file }), /two stores/)
})

test('what was closed, or has ended, is kept no longer', async () => {
  const [source, target] = [await openStore(), await openStore()]
  const kept = () => [source, target].map((store) => internalsOf(store).attached.size)
  // They are let go of in the same turn, some promises later.
  const ended = async (): Promise<void> => {
    await new Promise(setImmediate)
    expect(kept()).toEqual([0, 0])
  }
  for (let round = 0; round < 3; round++) {
    const copying = sync(source, target, { name: 'copy' })
    const consumer = await source.consume('seen', { lanes: 1 }, () => undefined)
    expect(kept()).toEqual([2, 1])
    await copying.close()
    await consumer.close()
    await ended()
  }
  const stopped = await source.consume('seen', { lanes: 1, signal: AbortSignal.abort() }, () => undefined)
  await stopped.close()
  await ended()
  const failing = sync(source, target, { name: 'copy', prefix: ['other'] })
  failing.events$.subscribe(() => undefined)
  await expect(failing.caughtUp()).rejects.toMatchObject({ code: 'SYNC_MISMATCH' })
  await ended()
})
