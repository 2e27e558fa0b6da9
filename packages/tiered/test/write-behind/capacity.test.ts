import { expect, test } from 'vitest'

import { Machine, turns } from './support/machine.ts'

test('a burst in one turn waits for the flush, and nothing of it is refused', async () => {
  const machine = new Machine()
  const { store, tiers } = machine.start({ maxDirty: 100, capacity: 4 })
  await Promise.all(Array.from({ length: 700 }, (_, i) => store.set(['k', i], i)))
  await tiers.flush()
  expect(await machine.back.log.head()).toBe(700)
})

test('calls that wait for room keep their order, and commits come after them', async () => {
  const machine = new Machine()
  const { store, tiers } = machine.start({ maxDirty: 1, capacity: 4 })
  const calls = [1, 2, 3, 4, 5, 6].flatMap((i) => [
    store.set('k', i),
    store.set(['other', i], i),
    store.update<number>('k', (n) => n! * 10),
  ])
  await Promise.all(calls)
  await tiers.flush()
  expect([await store.get('k'), await machine.other.get('k')]).toEqual([60, 60])
})

test('what is larger than the capacity has it for itself', async () => {
  const machine = new Machine()
  const { store, tiers } = machine.start({ maxBytes: 1_000, capacity: 1 })
  await store.set('a', 1)
  await store.set('large', 'x'.repeat(5_000))
  await store.set('b', 1)
  await tiers.flush()
  expect(await machine.back.log.head()).toBe(3)
})

test('of a buffer that is full because flushes fail, what is there already may be written again', async () => {
  const machine = new Machine()
  const process = machine.start({ maxDirty: 5, capacity: 2 })
  const { store, tiers } = process
  for (let i = 0; i < 20; i++) process.fail('flush', 'refuse')
  for (let i = 0; i < 10; i++) await store.set(['k', i], i)
  await expect(store.set('more', 1)).rejects.toMatchObject({ code: 'BUFFER_FULL', retryable: true })
  await store.set(['k', 3], 'again')
  process.forgive()
  await tiers.flush()
  await turns()
  expect(await machine.other.get(['k', 3])).toBe('again')
})

test.each([
  ['memory', 100],
  ['journal', 20],
] as const)(
  'level %s: one key that is written over and over takes the room that it needs there',
  async (acknowledge, most) => {
    const machine = new Machine()
    const process = machine.start({ acknowledge, maxBytes: 10_000, capacity: 2 })
    for (let i = 0; i < 200; i++) process.fail('flush', 'refuse')
    let written = 0
    const refusal = await (async () => {
      for (; written < 100; written++) await process.store.set('hot', `${written}`.padStart(1_000))
    })().catch((error: unknown) => error)
    if (written < 100) expect(refusal).toMatchObject({ code: 'BUFFER_FULL' })
    expect(written).toBeLessThanOrEqual(most)
    expect(written).toBeGreaterThan(most / 2)
    process.forgive()
    await process.tiers.flush()
    expect(Number(await machine.other.get('hot'))).toBe(written - 1)
  },
)
