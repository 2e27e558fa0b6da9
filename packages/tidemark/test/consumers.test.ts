import { eventually } from '@tidemark/testkit'
import { expect, onTestFinished, test, vi } from 'vitest'
import { open, type OpenOptions, sync, type Tidemark, TidemarkError } from '../src/index.ts'
import { internalsOf } from '../src/tidemark.ts'
import { tempFile } from './support/temp.ts'

async function openStore(options: OpenOptions = {}): Promise<Tidemark> {
  const store = await open({ file: tempFile(), ...options })
  onTestFinished(() => store.close())
  return store
}

test('two processes keep totals of what anybody writes, each change counted once', async () => {
  const file = tempFile()
  const stores = [await openStore({ file }), await openStore({ file })]
  for (const store of stores) {
    await store.consume(
      'totals',
      { prefix: ['sale'], from: 'start', batch: 50, transaction: true },
      async (changes, { tx }) => {
        for (const { op, key, value } of changes) {
          if (op !== 'set') continue
          const total = ['total', key[1] as string]
          tx.set(total, ((await tx.get<number>(total)) ?? 0) + (value as number))
        }
      },
    )
  }
  const shops = ['north', 'south', 'east']
  await Promise.all(Array.from({ length: 120 }, (_, i) => stores[i % 2]!.set(['sale', shops[i % 3]!, i], i)))
  const expected = shops.map((_, shop) =>
    Array.from({ length: 40 }, (_unused, n) => n * 3 + shop).reduce((a, b) => a + b),
  )
  await eventually('all are counted', async () => {
    const totals = await Promise.all(shops.map((shop) => stores[0]!.get(['total', shop])))
    return totals.every((total, i) => total === expected[i])
  })
})

test('closing the store closes its consumers, and another process goes on from there', async () => {
  const file = tempFile()
  const writer = await openStore({ file })
  const first = await open({ file })
  const seen: unknown[] = []
  await first.consume('seen', { from: 'start', lanes: 1 }, ({ value }) => seen.push(value))
  await writer.set('k', 1)
  await eventually('it was handled', () => seen.length === 1)
  await first.close()
  await writer.set('k', 2)
  const second = await openStore({ file })
  await second.consume('seen', { lanes: 1 }, ({ value }) => seen.push(value))
  await eventually('it goes on', () => seen.length === 2)
  expect(seen).toEqual([1, 2])
})

test('what the store decides on is refused as an option, and not passed over', async () => {
  const [store, target] = [await openStore(), await openStore()]
  const wrong = { clock: 1 } as never
  await expect(store.consume('c', wrong, () => {})).rejects.toThrow(/unknown option clock of consume/)
  await expect(store.consume('c', { log: store } as never, () => {})).rejects.toThrow(/unknown option log of consume/)
  await expect(store.consume('c', 5 as never, () => {})).rejects.toThrow(/options of consume must be an object/)
  expect(await store.consumers()).toEqual([])
  const refused: [what: string, call: () => unknown][] = [
    ['follow', () => store.follow(wrong)],
    ['changes', () => store.changes({ ...(wrong as object), onCompacted: 'snapshot' } as never)],
    ['sync', () => sync(store, target, { name: 's', ...(wrong as object) })],
    ['replayParked', () => store.replayParked('c', {}, wrong)],
    ['dropParked', () => store.dropParked('c', {}, wrong)],
  ]
  for (const [what, call] of refused) {
    const thrown = await new Promise((resolve) => resolve(call())).catch((error: unknown) => error)
    expect(thrown).toMatchObject({
      name: 'TypeError',
      message: expect.stringContaining(`unknown option clock of ${what}:`),
    })
  }
  await store.consume('c', { clock: undefined } as never, () => {})
  expect(await store.consumers()).toHaveLength(1)
})

test('a consumer that is being set up while the store closes is waited for, and closed', async () => {
  const file = tempFile()
  const store = await openStore({ file })
  const { marks } = internalsOf(store).tiers
  const write = marks.write.bind(marks)
  const gate = Promise.withResolvers<void>()
  const writes = vi.spyOn(marks, 'write').mockImplementation(async (...args) => {
    await gate.promise
    return write(...args)
  })
  const consuming = store.consume('late', { from: 'start' }, () => {})
  await eventually('it is being registered', () => writes.mock.calls.length === 1)
  let isClosed = false
  const closed = store.close().then(() => (isClosed = true))
  for (let i = 0; i < 20; i++) await new Promise(setImmediate)
  expect(isClosed).toBe(false)
  gate.resolve()
  await expect(consuming).rejects.toMatchObject({ code: 'CLOSED' })
  await closed
  await expect(store.consume('later', {}, () => {})).rejects.toMatchObject({ code: 'CLOSED' })
  // Nothing of it is left behind: whoever runs it next has its lanes at once.
  const next = await openStore({ file })
  const stats = await next.consumerStats('late')
  expect(stats.members).toBe(0)
  expect(stats.lanes.filter(({ isHeld }) => isHeld)).toEqual([])
})

test('a consumer that cannot be closed in good order keeps the store from nothing but its success', async () => {
  const store = await open({ file: tempFile() })
  const consumer = await store.consume('stuck', {}, () => {})
  consumer.events$.subscribe()
  await eventually('it runs', async () => (await store.consumerStats('stuck')).members === 1)
  let isComplete = false
  store.writes$.subscribe({ complete: () => (isComplete = true) })
  vi.spyOn(internalsOf(store).tiers.marks, 'write').mockRejectedValue(new TidemarkError('IO', 'the disk failed'))
  await expect(store.close()).rejects.toMatchObject({ code: 'IO' })
  expect(isComplete).toBe(true)
  await expect(store.get('k')).rejects.toMatchObject({ code: 'CLOSED' })
})

test('dead letters are looked after from a process that does not run the consumer', async () => {
  const file = tempFile()
  const [worker, desk] = [await openStore({ file }), await openStore({ file })]
  let isBroken = true
  const options = { from: 'start', lanes: 2, attempts: 1, onFailure: 'park' } as const
  const consumer = await worker.consume<number>('mail', options, ({ value }) => {
    if (isBroken && value! > 1) throw new Error('no luck')
  })
  consumer.events$.subscribe()
  for (const n of [1, 2, 3, 4]) await worker.set(['mail', n], n)
  await consumer.caughtUp()
  const stats = await desk.consumerStats('mail')
  expect(stats).toMatchObject({ lag: 0, parked: 3, members: 1 })
  expect(new Set(stats.lanes.map(({ owner }) => owner))).toEqual(new Set([worker.origin]))
  isBroken = false
  expect(await desk.replayParked('mail', { key: ['mail', 2] })).toEqual({ replayed: 1, left: 0, waiting: 0 })
  await worker.close()
  expect(await desk.replayParked('mail', { key: ['mail', 3] })).toEqual({ replayed: 0, left: 0, waiting: 1 })
  expect(await desk.dropParked('mail', { key: ['mail', 4] })).toBe(1)
  const parked = await Array.fromAsync(desk.parked<number>('mail'))
  expect(parked.map(({ change, error }) => [change.value, error])).toEqual([[3, 'Error: no luck']])
  await expect(desk.parked('post')[Symbol.asyncIterator]().next()).rejects.toMatchObject({ code: 'CONSUMER_DROPPED' })
})

test('the log is shortened, as far as no consumer needs it', async () => {
  const file = tempFile()
  const store = await openStore({ file, compaction: { maxChanges: 10 } })
  let held = true
  const consumer = await store.consume('slow', { from: 'start', lanes: 1, batch: 100 }, async (changes, { signal }) => {
    while (held && !signal.aborted) await new Promise((resolve) => setImmediate(resolve))
    expect(changes.length).toBeGreaterThan(0)
  })
  for (let i = 0; i < 50; i++) await store.set(['k', i], i)
  expect((await store.compactor!.compactNow()).floor).toBe(0)
  expect(await store.consumers()).toEqual([{ name: 'slow', seq: 0 }])
  held = false
  await eventually('all are handled', async () => (await consumer.stats()).lag === 0)
  expect((await store.compactor!.compactNow()).floor).toBe(40)

  // Of this process, subscribers might still be shown what the shared reader holds.
  const other = await openStore({ file })
  const steps: string[] = []
  for await (const step of other.changes({ from: 'start', onCompacted: 'snapshot' })) {
    steps.push(step.kind)
    if (step.kind === 'ready') break
  }
  expect(steps).toEqual(['restart', 'snapshot', 'ready'])
  await expect(other.changes({ from: 'start' })[Symbol.asyncIterator]().next()).rejects.toMatchObject({ floor: 40 })
  expect(await store.dropConsumer('slow')).toBe(true)
  expect(await store.consumers()).toEqual([])
  expect(await store.dropConsumer('slow')).toBe(false)
})

test('wrong options of compaction are refused at once', async () => {
  await expect(open({ compaction: { maxChange: 1 } as never })).rejects.toThrow(/maxChange/)
  await expect(open({ compaction: { maxChanges: -1 } })).rejects.toThrow(/maxChanges/)
})
