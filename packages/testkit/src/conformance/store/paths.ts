import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describePaths(start: StartStore): void {
  describe('a path', () => {
    it('reads inside of a value, and misses in one way only', async () => {
      const { store } = await start()
      await store.set('a', { list: [{ n: 1 }], none: null, off: false })
      expect(await store.getIn('a', ['list', 0, 'n'])).toBe(1)
      expect(await store.getIn('a', [])).toEqual({ list: [{ n: 1 }], none: null, off: false })
      expect([await store.getIn('a', ['none']), await store.getIn('a', ['off'])]).toEqual([null, false])
      for (const path of [
        ['list', 1],
        ['list', 0, 'n', 'deeper'],
        ['none', 'x'],
        ['never'],
        ['toString'],
        ['list', 'length', 'x'],
      ]) {
        expect(await store.getIn('a', path)).toBeUndefined()
        expect(await store.getIn('a', path, { default: 'd' })).toBe('d')
      }
      expect(await store.getIn('b', ['n'], { default: 7 })).toBe(7)
      expect(await store.getIn('a', ['none'], { default: 7 })).toBe(null)
    })

    it('is taken as it is at the call, and so is the value that goes there', async () => {
      const { store } = await start()
      const path = ['a']
      const value = { n: 1 }
      const writing = store.setIn('k', path, value)
      path[0] = 'b'
      value.n = 2
      await writing
      expect(await store.get('k')).toEqual({ a: { n: 1 } })
    })

    it('is refused when it is none', async () => {
      const { store } = await start()
      await store.set('k', { a: 1 })
      for (const wrong of ['ab', [Number.NaN], [undefined], [-1], [{}], undefined]) {
        await expect(store.getIn('k', wrong as never)).rejects.toBeInstanceOf(TypeError)
        await expect(store.setIn('k', wrong as never, 1)).rejects.toBeInstanceOf(TypeError)
        await expect(store.updateIn('k', wrong as never, () => 1)).rejects.toBeInstanceOf(TypeError)
      }
      await expect(
        store.setIn(
          'k',
          Array.from({ length: 501 }, () => 'a'),
          1,
        ),
      ).rejects.toBeInstanceOf(RangeError)
      expect(await store.get('k')).toEqual({ a: 1 })
    })

    it('writes inside of a value, and leaves the rest', async () => {
      const { store } = await start()
      await store.set('a', { list: [{ n: 1 }], other: 1 })
      await store.setIn('a', ['list', 0, 'n'], 2)
      await store.setIn('a', ['list', 1], 'new')
      await store.setIn('a', ['deep', 'er'], true)
      const whole = { list: [{ n: 2 }, 'new'], other: 1, deep: { er: true } }
      expect(await store.get('a')).toEqual(whole)
      expect((await store.getMany(['a'])).get('a')).toEqual(whole)
    })

    it('makes what is absent on its way', async () => {
      const { store } = await start()
      await store.setIn('a', ['list', 0, 'n'], 1)
      expect(await store.get('a')).toEqual({ list: [{ n: 1 }] })
    })

    it('updates inside of a value, with the old and new of the path', async () => {
      const { store } = await start()
      await store.set('a', { visits: 0, other: 1 })
      const result = await store.updateIn<number>('a', ['visits'], (n) => n! + 1)
      expect(result).toMatchObject({ old: 0, new: 1 })
      const made = await store.updateIn<number>('b', ['visits'], (n) => (n ?? 0) + 1)
      expect(made).toMatchObject({ old: undefined, new: 1 })
      expect([await store.get('a'), await store.get('b')]).toEqual([{ visits: 1, other: 1 }, { visits: 1 }])
    })

    it('read first does not make a fragment of the value for who reads the whole', async () => {
      const { store } = await start()
      await store.set('a', { inner: { n: 1 }, outer: 2 })
      expect(await store.getIn('a', ['inner'])).toEqual({ n: 1 })
      expect(await store.get('a')).toEqual({ inner: { n: 1 }, outer: 2 })
      await store.setIn('a', ['inner', 'n'], 5)
      expect(await store.getIn('a', ['inner'])).toEqual({ n: 5 })
      expect(await store.get('a')).toEqual({ inner: { n: 5 }, outer: 2 })
    })

    it('that leads into what holds nothing writes nothing', async () => {
      const { store } = await start()
      await store.set('a', { n: 1, list: [] })
      await expect(store.setIn('a', ['n', 'x'], 1)).rejects.toBeInstanceOf(TypeError)
      await expect(store.setIn('a', ['list', 3], 1)).rejects.toBeInstanceOf(RangeError)
      await store.setIn('a', ['__proto__', 'polluted'], 1).catch(() => undefined)
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined()
      expect(await store.getIn('a', ['n'])).toBe(1)
    })

    it('stands in the change, beside the whole new value', async () => {
      const { store, back } = await start()
      await store.set('a', { n: 1, other: 2 })
      await store.setIn('a', ['n'], 5)
      const [change] = (await back.log.read({ after: 1, limit: 1 })).changes
      expect(change!.path).toEqual(['n'])
      expect(change!.payload!.decode()).toEqual({ n: 5, other: 2 })
    })
  })
}
