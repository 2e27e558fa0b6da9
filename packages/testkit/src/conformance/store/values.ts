import { ClosedError, CorruptError, Payload, type Store, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

const HOUR = 3_600_000

const CALLS: Readonly<Record<string, (store: Store) => unknown>> = {
  get: (store) => store.get('a'),
  entry: (store) => store.entry('a'),
  has: (store) => store.has('a'),
  set: (store) => store.set('a', 1),
  delete: (store) => store.delete('a'),
  update: (store) => store.update('a', () => 1),
  getMany: (store) => store.getMany(['a']),
  setMany: (store) => store.setMany([['a', 1]]),
  deleteMany: (store) => store.deleteMany(['a']),
  getIn: (store) => store.getIn('a', ['b']),
  setIn: (store) => store.setIn('a', ['b'], 1),
  updateIn: (store) => store.updateIn('a', ['b'], () => 1),
  transaction: (store) => store.transaction(() => 1),
  keys: (store) => store.keys().next(),
  entries: (store) => store.entries().next(),
  clear: (store) => store.clear(),
}

export function describeValues(start: StartStore): void {
  describe('values', () => {
    it('may be asked for with a default, which stands for what is absent and for nothing else', async () => {
      const { store } = await start()
      expect([await store.get('a', { default: 7 }), await store.get('a', { default: null })]).toEqual([7, null])
      await store.set('a', null)
      expect(await store.get('a', { default: 7 })).toBeNull()
      await expect(store.get('a', { defaults: 7 } as never)).rejects.toThrow('unknown option defaults of get')
    })

    it('are absent until they are set, then visible, then replaced, then gone', async () => {
      const { store } = await start()
      expect([await store.get('a'), await store.has('a'), await store.entry('a')]).toEqual([
        undefined,
        false,
        undefined,
      ])
      await store.set('a', 1)
      expect([await store.get('a'), await store.has('a')]).toEqual([1, true])
      await store.set('a', { n: 2 })
      expect(await store.get('a')).toEqual({ n: 2 })
      expect((await store.delete('a')).deleted).toBe(true)
      expect([await store.get('a'), await store.has('a')]).toEqual([undefined, false])
      expect((await store.delete('a')).deleted).toBe(false)
    })

    it.each([null, false, 0, '', [], {}, -0, Number.NaN])('may be %o, which is not absent', async (value) => {
      const { store } = await start()
      await store.set('a', value)
      expect(await store.get('a')).toStrictEqual(value)
      expect([await store.has('a'), (await store.getMany(['a'])).size]).toEqual([true, 1])
    })

    it('come back as what they were', async () => {
      const { store } = await start()
      const value = {
        date: new Date(1e12),
        map: new Map<unknown, unknown>([[1, { deep: true }]]),
        set: new Set(['x']),
        big: 2n ** 70n,
        bytes: new Uint8Array([1, 2, 3]),
        list: [undefined, null],
      }
      await store.set(['many', 'kinds'], value)
      expect(await store.get(['many', 'kinds'])).toStrictEqual(value)
    })

    it('cannot be undefined', async () => {
      const { store } = await start()
      await expect(store.set('a', undefined)).rejects.toBeInstanceOf(TypeError)
      await expect(store.setMany([['a', undefined]])).rejects.toBeInstanceOf(TypeError)
      expect(await store.has('a')).toBe(false)
    })

    it('are what they were when they were handed over', async () => {
      const { store } = await start()
      const value = { list: [1] }
      const written = store.set('a', value)
      value.list.push(2)
      await written
      value.list.push(3)
      expect(await store.get('a')).toEqual({ list: [1] })
    })

    it('cannot be changed by what another reader does with them', async () => {
      const { store } = await start()
      const value = { list: [1], when: new Date(0) }
      await store.set('mixed', value)
      await store.set('plain', { list: [1] })
      for (const key of ['mixed', 'plain']) {
        for (const read of [
          () => store.get<typeof value>(key),
          async () => (await store.entry<typeof value>(key))!.value,
          async () => (await store.getMany<typeof value>([key])).get(key)!,
          async () => (await store.entries<typeof value>({ prefix: key }).next()).value!.value as typeof value,
        ]) {
          const mine = (await read())!
          try {
            mine.list.push(2)
            mine.when.setTime(1)
          } catch {
            // Frozen: as good as a copy.
          }
        }
      }
      expect(await store.get('mixed')).toEqual(value)
      expect(await store.get('plain')).toEqual({ list: [1] })
    })

    it('keep what belongs to their key: parts of other types and other tuples are other keys', async () => {
      const { store } = await start()
      const keys = ['1', 1, 1n, true, ['1', '1'], '1:1', ['user', 42], ['user', '42'], new Uint8Array([1]), new Date(1)]
      for (const [i, key] of keys.entries()) await store.set(key, i)
      for (const [i, key] of keys.entries()) expect(await store.get(key)).toBe(i)
      expect(await store.get(['1'])).toBe(0)
    })

    it('have a version, which grows, dates, and what their writer attached', async () => {
      const { store, clock, isBehind, committed } = await start()
      const first = await store.set('a', 1, { meta: { by: 'me' }, ttlMs: HOUR })
      await committed()
      const entry = (await store.entry('a'))!
      expect(entry).toMatchObject({ key: ['a'], value: 1, meta: { by: 'me' }, type: 'value' })
      expect(first.version).toBe(isBehind ? 0 : entry.version)
      expect(entry.writtenAt.getTime()).toBeLessThanOrEqual(clock.now())
      expect(entry.expiresAt!.getTime()).toBeGreaterThan(clock.now())
      clock.step(-10_000)
      const second = await store.set('a', 2, { meta: undefined })
      await committed()
      const again = (await store.entry('a'))!
      expect(second.version).toBe(isBehind ? 0 : again.version)
      expect(again.version).toBeGreaterThan(entry.version)
      expect(again).toMatchObject({ expiresAt: undefined, meta: undefined })
      expect(again.writtenAt.getTime()).toBeGreaterThanOrEqual(entry.writtenAt.getTime())
    })

    it('have the type, version, dates and key that they have, whatever their writer attached', async () => {
      const { store, committed } = await start()
      const meta = { key: ['b'], value: 2, type: 'blob', version: 99, writtenAt: new Date(0), expiresAt: new Date(1) }
      await store.set('a', 1, { meta })
      await store.setMany([['b', 1, { meta }]])
      await store.log('c').append(1, { meta })
      await committed()
      for (const [key, type] of Object.entries({ a: 'value', b: 'value', c: 'log' })) {
        const entry = (await store.entry(key))!
        expect(entry).toMatchObject({ key: [key], type, expiresAt: undefined, meta })
        expect(entry.version).toBeLessThan(99)
        expect(entry.writtenAt.getTime()).toBeGreaterThan(1)
      }
      expect(await store.get('a')).toBe(1)
    })

    it('end at their time', async () => {
      const { store, clock } = await start()
      await store.set('a', 1, { ttlMs: HOUR })
      await store.set('b', 1, { expiresAt: new Date(Math.ceil(clock.now()) + HOUR) })
      await store.set('c', 1)
      expect((await store.getMany(['a', 'b', 'c'])).size).toBe(3)
      clock.step(HOUR + 1)
      expect([await store.get('a'), await store.has('b'), await store.entry('a')]).toEqual([
        undefined,
        false,
        undefined,
      ])
      expect([...(await store.getMany(['a', 'b', 'c'])).keys()]).toEqual([['c']])
      expect(await Array.fromAsync(store.keys())).toEqual([['c']])
    })

    it('keep their key, whatever a reader does to its parts', async () => {
      const { store } = await start()
      const key = ['t', Uint8Array.of(1), new Date(1)] as const
      await store.set(key, 1)
      const parts = (await store.entry(key))!.key as readonly [string, Uint8Array, Date]
      parts[1][0] = 9
      parts[2].setTime(9)
      expect((await store.entry(key))!.key).toEqual(key)
      expect((await store.getMany([key])).get(key)).toBe(1)
    })

    it('that are damaged say so, and are never taken for others', async () => {
      const { store, back } = await start()
      const payload = Payload.fromBytes(back.codec, new Uint8Array([255, 1, 2, 3]))
      await store.set('good', 1)
      const bad = {
        op: 'set',
        key: StoreKey.of('bad'),
        payload,
        expiresAt: undefined,
        meta: undefined,
        path: undefined,
      } as const
      await back.commit({ reads: [], decide: () => [bad] })
      const many = await store.getMany(['good', 'bad'])
      const entry = await store.entry('bad')
      const listed = await Array.fromAsync(store.entries())
      for (const read of [
        () => store.get('bad'),
        async () => many.get('bad'),
        async () => [...many.values()],
        async () => entry?.value,
        async () => listed.find(({ key }) => key[0] === 'bad')?.value,
      ]) {
        const error: unknown = await read().catch((thrown: unknown) => thrown)
        expect(error).toBeInstanceOf(CorruptError)
        expect(error).toMatchObject({
          code: 'CORRUPT',
          key: StoreKey.of('bad').id,
        })
      }
      expect([many.get('good'), listed.find(({ key }) => key[0] === 'good')?.value]).toEqual([1, 1])
      expect(await store.get('good')).toBe(1)
      await store.set('bad', 'healed')
      expect(await store.get('bad')).toBe('healed')
    })
  })

  describe('closing', () => {
    it('lets writes finish and can be asked for twice', async () => {
      const { store, isBehind } = await start()
      const write = store.set('a', 1)
      await Promise.all([store.close(), store.close()])
      await expect(write).resolves.toMatchObject({ version: isBehind ? 0 : 1 })
    })

    it.each(Object.keys(CALLS))('refuses %s while it is closing, and afterwards', async (name) => {
      const { store } = await start()
      const call = async (): Promise<unknown> => CALLS[name]!(store)
      const closing = store.close()
      await expect(call()).rejects.toBeInstanceOf(ClosedError)
      await closing
      await expect(call()).rejects.toBeInstanceOf(ClosedError)
    })

    it('happens by itself at the end of a block', async () => {
      const { store } = await start()
      {
        await using scoped = store
        await scoped.set('a', 1)
      }
      await expect(store.get('a')).rejects.toBeInstanceOf(ClosedError)
    })
  })
}
