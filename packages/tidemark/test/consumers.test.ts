import { eventually } from '@tidemark/testkit'
import { expect, onTestFinished, test } from 'vitest'
import { open, type OpenOptions, type Tidemark } from '../src/index.ts'
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
