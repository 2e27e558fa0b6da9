import { createMemoryBack } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import { createTiered } from '../../src/index.ts'
import { keyOf } from '../support/fleet.ts'

import { Machine, turns } from './support/machine.ts'

describe('flushes', () => {
  test.each([
    ['count', { maxDirty: 10 }, 9, 'x'],
    ['bytes', { maxBytes: 10_000 }, 8, 'x'.repeat(1_000)],
  ])('by %s', async (_by, options, count, value) => {
    const machine = new Machine()
    const { store } = machine.start(options)
    for (let i = 0; i < count; i++) await store.set(['k', i], value)
    await turns()
    expect(await machine.back.log.head()).toBe(0)
    await store.set(['k', count], value)
    await turns()
    expect(await machine.back.log.head()).toBe(count + 1)
  })

  test('by age, which counts from the first write, by a timer', async () => {
    const machine = new Machine()
    const { store } = machine.start({ maxAgeMs: 1_000 })
    await store.set('a', 1)
    await machine.after(600)
    await store.set('b', 1)
    await machine.after(399)
    expect(await machine.back.log.head()).toBe(0)
    await machine.after(1)
    expect(await machine.back.log.head()).toBe(2)
  })

  test('when the journal of one key that is written over and over has grown', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start({ maxBytes: 10_000 })
    for (let i = 0; i < 50; i++) await store.set('hot', 'x'.repeat(1_000))
    await turns()
    expect(tiers.metrics().total.flushes).toBeGreaterThan(2)
    expect(
      (await machine.back.marks.scan({ start: new Uint8Array(), end: undefined }, { after: undefined, limit: 99 }))
        .length,
    ).toBeLessThan(12)
  })

  test('what is written during a flush goes with the next one', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    const flushing = tiers.flush()
    await store.set('a', 2)
    await flushing
    expect(await store.get('a')).toBe(2)
    await tiers.flush()
    const { changes } = await machine.back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ payload }) => payload?.read())).toEqual([1, 2])
  })

  test('metrics: a hundred read-modify-writes are a hundred lookups, one read, a hundred writes, one flush', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    for (let i = 0; i < 100; i++) await store.set('n', ((await store.get<number>('n')) ?? 0) + 1)
    await tiers.flush()
    const { total, keys } = tiers.metrics()
    expect(total).toEqual({ lookups: 100, reads: 1, writes: 100, flushes: 1 })
    expect(keys.get(keyOf('n').id)).toEqual(total)
  })
})

describe('options', () => {
  const back = createMemoryBack()
  test.each([
    [{ acknowledge: 'maybe' }, /acknowledge must be one of memory, front, journal/],
    [{ maxDirty: 0 }, /maxDirty must be/],
    [{ maxBytes: 0.5 }, /maxBytes must be/],
    [{ maxAgeMs: -1 }, /maxAgeMs must be/],
    [{ capacity: 0 }, /capacity must be/],
    [{ leaseMs: 1 }, /leaseMs must be/],
    [{ maxCount: 1 }, /unknown option maxCount of writeBehind/],
    [{ presence: {} }, /presence must be an object with the methods describe, isGone/],
  ])('%o is refused', (writeBehind, message) => {
    expect(() => createTiered({ back, writeBehind: writeBehind as never })).toThrow(message)
  })
})
