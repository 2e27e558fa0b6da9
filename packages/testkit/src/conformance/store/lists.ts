import type { Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

const NO_LIST: Readonly<Record<string, unknown>> = {
  'an object': { a: 1 },
  'a number': 5,
  'a text': 'ab',
  null: null,
  undefined,
  'a promise of a list': Promise.resolve(['a']),
}

/** Each call that takes a list, given something else; the type says so too, for those who have types. */
const CALLS: Readonly<Record<string, (store: Store, wrong: never) => unknown>> = {
  getMany: (store, wrong) => store.getMany(wrong),
  setMany: (store, wrong) => store.setMany(wrong),
  deleteMany: (store, wrong) => store.deleteMany(wrong),
  appendMany: (store, wrong) => store.log('l').appendMany(wrong),
  'appendMany in a transaction': (store, wrong) => store.transaction((tx) => tx.log('l').appendMany(wrong)),
}

export function describeLists(start: StartStore): void {
  describe('a list', () => {
    for (const [name, call] of Object.entries(CALLS)) {
      it.each(Object.keys(NO_LIST))(
        `that ${name} takes is not %s, which is refused, and nothing is done`,
        async (what) => {
          const { store, back, committed } = await start()
          await store.setMany([
            ['a', 1],
            ['b', 1],
          ])
          await committed()
          const wrong = (async () => call(store, NO_LIST[what] as never))()
          await expect(wrong).rejects.toBeInstanceOf(TypeError)
          await expect(wrong).rejects.toThrow('must be an array or another iterable, such as')
          await committed()
          expect(await back.log.head()).toBe(2)
        },
      )
    }

    it.each(Object.keys(NO_LIST).filter((what) => what !== 'undefined'))(
      'of what a sweep keeps is not %s, which is refused, and nothing is deleted',
      async (what) => {
        const { store, clock } = await start()
        await store.set('ab', 1)
        const wrong = store.sweep({ before: clock.now() + 1_000, keep: NO_LIST[what] as never })
        await expect(wrong).rejects.toBeInstanceOf(TypeError)
        await expect(wrong).rejects.toThrow('option keep')
        expect(await store.has('ab')).toBe(true)
      },
    )

    it('of keys is not bytes, which are one key', async () => {
      const { store } = await start()
      const bytes = new Uint8Array([1, 2])
      await store.setMany([
        [bytes, 'bytes'],
        [1, 'a number'],
      ])
      for (const wrong of [store.getMany(bytes), store.deleteMany(bytes), store.sweep({ keep: bytes })]) {
        await expect(wrong).rejects.toBeInstanceOf(TypeError)
      }
      expect((await store.getMany([bytes])).get(bytes)).toBe('bytes')
      expect(await store.has(1)).toBe(true)
    })

    it('may be anything that can be iterated over', async () => {
      const { store } = await start()
      await store.setMany(
        new Map([
          ['a', 1],
          ['b', 2],
        ]),
      )
      expect((await store.getMany(new Set(['a', 'b']))).size).toBe(2)
      const keys = (function* () {
        yield 'a'
      })()
      expect([...(await store.deleteMany(keys)).deleted]).toEqual([[['a'], true]])
      await store.log('l').appendMany(new Set([1, 2]))
      expect(await Array.fromAsync(store.log('l'))).toEqual([1, 2])
    })

    it('of items holds keys with values', async () => {
      const { store, back } = await start()
      for (const wrong of [['ab'], [5], [{ key: 'a', value: 1 }], [null]]) {
        const refused = store.setMany(wrong as never)
        await expect(refused).rejects.toBeInstanceOf(TypeError)
        await expect(refused).rejects.toThrow('an item of setMany is [key, value, options?]')
      }
      expect(await back.log.head()).toBe(0)
    })

    it('is no text for who has types', async () => {
      const { store } = await start()
      // @ts-expect-error: a text is one key
      await expect(store.getMany('ab')).rejects.toBeInstanceOf(TypeError)
      // @ts-expect-error: a text is one key
      await expect(store.deleteMany('ab')).rejects.toBeInstanceOf(TypeError)
      // @ts-expect-error: a text is one key
      await expect(store.sweep({ keep: 'ab' })).rejects.toBeInstanceOf(TypeError)
      // @ts-expect-error: a text is one element
      await expect(store.log<string>('l').appendMany('ab')).rejects.toBeInstanceOf(TypeError)
    })
  })
}
