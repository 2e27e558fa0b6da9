import type { Store } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import type { StartStore } from './store-suite.ts'

/** Each call with an option that does not exist; the type says so too, for those who have types. */
const MISSPELT: Readonly<Record<string, (store: Store, wrong: object) => unknown>> = {
  get: (store, wrong) => store.get('k', wrong),
  entry: (store, wrong) => store.entry('k', wrong),
  has: (store, wrong) => store.has('k', wrong),
  getMany: (store, wrong) => store.getMany(['k'], wrong),
  'getMany of nothing': (store, wrong) => store.getMany([], wrong),
  getIn: (store, wrong) => store.getIn('k', ['a'], wrong),
  set: (store, wrong) => store.set('k', 2, wrong),
  setMany: (store, wrong) => store.setMany([['k', 2]], wrong),
  'an item of setMany': (store, wrong) => store.setMany([['k', 2, wrong]]),
  delete: (store, wrong) => store.delete('k', wrong),
  deleteMany: (store, wrong) => store.deleteMany(['k'], wrong),
  update: (store, wrong) => store.update('k', () => 2, wrong),
  setIn: (store, wrong) => store.setIn('k', [], 2, wrong),
  updateIn: (store, wrong) => store.updateIn('k', [], () => 2, wrong),
  transaction: (store, wrong) => store.transaction((tx) => tx.set('k', 2), wrong),
  'set in a transaction': (store, wrong) => store.transaction((tx) => tx.set('k', 2, wrong)),
  keys: (store, wrong) => store.keys(wrong),
  entries: (store, wrong) => store.entries(wrong),
  clear: (store, wrong) => store.clear(wrong),
  getOrSet: (store, wrong) => store.getOrSet('k', () => 2, wrong),
  invalidateTag: (store, wrong) => store.invalidateTag('t', wrong),
}

export function describeOptions(start: StartStore): void {
  describe('options', () => {
    for (const [name, call] of Object.entries(MISSPELT)) {
      test(`${name} refuses an option that it does not have, and does nothing`, async () => {
        const { store, back, committed } = await start()
        await store.set('k', 1)
        await committed()
        for (const wrong of [
          { ifversion: 999 },
          { ttl: 5 },
          { prefx: 'a' },
          { attempt: 1 },
          { readPolcy: undefined },
        ]) {
          await expect((async () => call(store, wrong))()).rejects.toBeInstanceOf(TypeError)
          await expect((async () => call(store, wrong))()).rejects.toThrow(`unknown option ${Object.keys(wrong)[0]!}`)
        }
        await committed()
        expect(await back.log.head()).toBe(1)
      })
    }

    test('a function of a transaction with a wrong option is not run', async () => {
      const { store } = await start()
      let runs = 0
      const options = { attempt: 1 } as object
      await expect(store.transaction(() => runs++, options)).rejects.toThrow(TypeError)
      expect(runs).toBe(0)
    })

    test.for([
      [[], 'an array'],
      [5000, 'a number'],
      [null, 'null'],
    ] as const)('%s instead of options', async ([wrong]) => {
      const { store, back } = await start()
      await expect(store.set('k', 1, wrong as unknown as object)).rejects.toThrow(TypeError)
      await expect(store.clear(wrong as unknown as object)).rejects.toThrow(TypeError)
      expect(await back.log.head()).toBe(0)
    })

    test.for([
      ['2027', TypeError],
      [new Date(Number.NaN), RangeError],
      [-1, RangeError],
    ] as const)('expiresAt: %s', async ([expiresAt, type]) => {
      const { store } = await start()
      const error: unknown = await store
        .set('k', 1, { expiresAt: expiresAt as Date })
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(type)
      expect(error).toHaveProperty('message', expect.stringContaining('expiresAt must be'))
    })

    test('what listings are given is checked when they are asked for', async () => {
      const { store } = await start()
      expect(() => store.keys({ limit: 1.5 })).toThrow(RangeError)
      expect(() => store.keys({ limit: '1' as unknown as number })).toThrow('option limit')
      expect(() => store.entries({ reverse: 'yes' as unknown as boolean })).toThrow(TypeError)
    })
  })
}
