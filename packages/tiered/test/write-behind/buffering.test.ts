import { Payload, TidemarkError } from '@tidemark/core'
import { ManualClock } from '@tidemark/testkit'
import { describe, expect, test } from 'vitest'
import { Fleet, keyOf } from '../support/fleet.ts'

import { Machine, turns } from './support/machine.ts'
import type { Process } from './support/process.ts'

describe('a write behind', () => {
  test('is read at once by every call, and committed by the flush, the latest of each key', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    expect(await store.set('a', 1)).toEqual({ version: 0, tiers: [] })
    await store.set('a', { n: 2 })
    await store.setMany([
      ['b', 3],
      ['c', 4, { meta: 'why', ttlMs: 1_000 }],
    ])
    expect(await store.get('a')).toEqual({ n: 2 })
    expect(await store.getIn('a', ['n'])).toBe(2)
    expect([await store.has('b'), await store.has('d')]).toEqual([true, false])
    expect(await store.entry('c')).toMatchObject({ value: 4, version: 0, meta: 'why' })
    expect([...(await store.getMany(['a', 'b', 'c', 'd'])).values()]).toEqual([{ n: 2 }, 3, 4])
    expect([await machine.other.get('a'), await machine.back.log.head()]).toEqual([undefined, 0])
    await tiers.flush()
    const { changes } = await machine.back.log.read({ after: 0, limit: 10 })
    expect(changes.map(({ key, first, last }) => [key.id, first, last])).toEqual([
      [keyOf('a').id, 1, 3],
      [keyOf('b').id, 1, 3],
      [keyOf('c').id, 1, 3],
    ])
    expect(await store.entry('c')).toMatchObject({ value: 4, version: 3, meta: 'why' })
  })

  test('ends when its time is up, flushed or not', async () => {
    const machine = new Machine()
    const { store } = machine.start()
    await store.set('a', 1, { ttlMs: 1_000 })
    await machine.after(999)
    expect(await store.get('a')).toBe(1)
    await machine.after(1)
    expect([await store.get('a'), await store.has('a')]).toEqual([undefined, false])
  })

  test('of one key keeps the order of the calls, also of those that nobody waits for', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await Promise.all([
      store.set('a', 1),
      store.set('a', 2),
      store.update<number>('a', (n = 0) => n * 10),
      store.set('a', 3),
      store.update<number>('a', (n = 0) => n * 10),
      store.set('a', 4),
      store.delete('b'),
      store.set('b', 1),
    ])
    expect([await store.get('a'), await store.get('b')]).toEqual([4, 1])
    await tiers.flush()
    expect([await machine.other.get('a'), await machine.other.get('b')]).toEqual([4, 1])
  })

  test('is chosen by a single write, or not', async () => {
    const fleet = new Fleet()
    const { store, sqlite } = await fleet.open({ near: true })
    expect((await store.set('a', 1, { writePolicy: 'write-behind' })).version).toBe(0)
    expect((await store.set('b', 1)).version).toBe(1)
    // After what waits for the same key.
    expect((await store.set('a', 2)).version).toBe(3)
    expect(sqlite.readOne(keyOf('a')).entry?.payload.read()).toBe(2)
  })

  test('what a key that is too long, or a value that cannot be encoded, is refused with changes nothing', async () => {
    const { store, tiers } = new Machine().start()
    const tooLong = store.set('x'.repeat(5_000), 1)
    const fine = store.set('a', 1)
    await expect(tooLong).rejects.toThrow(RangeError)
    await expect(store.set('b', () => 1)).rejects.toMatchObject({ code: 'UNENCODABLE' })
    await fine
    await tiers.flush()
    expect(tiers.metrics().total).toEqual({ lookups: 0, reads: 0, writes: 1, flushes: 1 })
  })
})

describe('what is not blind meets it', () => {
  test('an update, a transaction and a condition see what is written behind, and come after it', async () => {
    const machine = new Machine()
    const { store } = machine.start()
    await store.set('n', 41)
    expect(await store.update<number>('n', (n) => n! + 1)).toMatchObject({ old: 41, new: 42, version: 2 })
    await store.set('n', 1)
    const { value } = await store.transaction(async (tx) => {
      const n = await tx.get<number>('n')
      tx.set('m', n)
      return n
    })
    expect([value, await machine.other.get('m')]).toEqual([1, 1])
    await store.set('n', 2)
    await expect(store.set('n', 3, { ifVersion: 0 })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 5 })
    expect(await store.set('n', 3, { ifVersion: 5 })).toMatchObject({ version: 6 })
  })

  test('a transaction that writes without reading comes after it, too', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 'older')
    await store.transaction((tx) => tx.set('a', 'newer'))
    await tiers.flush()
    expect([await store.get('a'), await machine.other.get('a')]).toEqual(['newer', 'newer'])
  })

  test('a delete says whether there was something, written behind or not', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await store.delete('a')).toMatchObject({ deleted: true })
    expect(await store.delete('a')).toMatchObject({ deleted: false })
    await store.set('b', 1)
    const { deleted } = await store.deleteMany(['a', 'b'])
    expect([deleted.get('a'), deleted.get('b')]).toEqual([false, true])
    await tiers.flush()
    expect([await store.has('b'), await machine.other.has('b')]).toEqual([false, false])
  })

  test('a listing, a count and a linearizable read find it', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await Array.fromAsync(store.keys())).toEqual([['a']])
    await store.set('b', 2)
    expect(await store.get('b', { consistency: 'linearizable' })).toBe(2)
    await store.set('c', 3)
    expect(await tiers.count({ start: new Uint8Array(), end: undefined })).toBe(3)
  })

  test('clear deletes it, and spares what is written behind meanwhile', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(await store.clear()).toEqual({ deleted: 1 })
    await tiers.flush()
    expect([await store.get('a'), await machine.other.get('a')]).toEqual([undefined, undefined])
    await store.setMany(Array.from({ length: 600 }, (_, i) => [['n', i], i]))
    const [, { deleted }] = await Promise.all([store.set(['z'], 1), store.clear({ prefix: 'n' })])
    expect([deleted, await store.get(['z'])]).toEqual([600, 1])
  })

  test('a tag that is invalidated hides what was written behind before, and not what comes after', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('before', 1, { tags: ['t'] })
    expect(await store.get('before')).toBe(1)
    await store.invalidateTag('t')
    await store.set('after', 1, { tags: ['t'] })
    expect([await store.get('before'), await store.get('after')]).toEqual([undefined, 1])
    await tiers.flush()
    expect([await machine.other.get('before'), await machine.other.get('after')]).toEqual([undefined, 1])
  })

  test('getOrSet takes it, loads nothing, and what it loads never comes after a later write', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 'written')
    const load = (): never => {
      throw new Error('loaded')
    }
    expect([await store.getOrSet('a', load), await machine.back.log.head()]).toEqual(['written', 0])
    const loading = Promise.withResolvers<string>()
    const asked = store.getOrSet('b', () => loading.promise)
    await turns()
    // While it is loaded, here: written through, so that the load is refused as after any write.
    expect((await store.set('b', 'newer')).version).toBeGreaterThan(0)
    loading.resolve('older')
    await asked
    await tiers.flush()
    expect([await store.get('b'), await machine.other.get('b')]).toEqual(['newer', 'newer'])
  })

  test('writers who cannot wait are told to', async () => {
    const machine = new Machine()
    const { store, tiers } = machine.start()
    await store.set('a', 1)
    expect(store.sync!.get('a')).toBe(1)
    expect(() => store.sync!.set('a', 2)).toThrow(TidemarkError)
    await tiers.flush()
    store.sync!.set('a', 2)
    expect(await store.get('a')).toBe(2)
  })
})

describe('the date of a write never decreases when the clock goes back', () => {
  const HOUR = 3_600_000
  const dateOf = async ({ store }: Pick<Process, 'store'>, key: string): Promise<number> =>
    (await store.entry(key))!.writtenAt.getTime()

  test.each(['journal', 'memory'] as const)('from its acknowledgement to its commit (%s)', async (acknowledge) => {
    const clock = new ManualClock()
    // Unlike a back tier in memory, SQLite keeps the date of the last change alone.
    const process = await new Fleet().open({
      clock,
      writePolicy: 'write-behind',
      writeBehind: { maxAgeMs: 86_400_000, acknowledge },
    })
    await process.store.set('a', 1)
    const acknowledged = await dateOf(process, 'a')
    clock.step(-HOUR)
    await process.tiers.flush()
    expect(await dateOf(process, 'a')).toBeGreaterThanOrEqual(acknowledged)
  })

  test.each(['journal', 'memory'] as const)(
    'from a commit of this process to what is buffered (%s)',
    async (acknowledge) => {
      const machine = new Machine()
      const process = machine.start({ acknowledge })
      await process.store.update('a', () => 1)
      const committed = await dateOf(process, 'a')
      machine.clock.step(-HOUR)
      await process.store.set('a', 2)
      const buffered = await dateOf(process, 'a')
      await process.tiers.flush()
      expect([buffered >= committed, (await dateOf(process, 'a')) >= buffered]).toEqual([true, true])
    },
  )

  test.each(['journal', 'memory'] as const)(
    'from a commit of others, whose clock is ahead (%s)',
    async (acknowledge) => {
      const machine = new Machine()
      const process = machine.start({ acknowledge })
      await process.store.set('b', 1)
      const at = machine.clock.now() + HOUR
      await machine.back.commit({
        reads: [],
        decide: () => [{ op: 'set', key: keyOf('a'), payload: Payload.encode(machine.back.codec, 1), ...NOTHING }],
        notBefore: at,
      })
      await process.store.set('a', 2)
      const buffered = await dateOf(process, 'a')
      await process.tiers.flush()
      expect([buffered, await dateOf(process, 'a')]).toEqual([at, at])
    },
  )
})

const NOTHING = { expiresAt: undefined, meta: undefined, path: undefined } as const
