import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

export function describeLogs(start: StartStore): void {
  describe('a log', () => {
    it('keeps the order of its appends, and has a type and a date', async () => {
      const { store } = await start()
      const log = store.log<{ n: number }>('visits')
      const first = await log.append({ n: 1 })
      const second = await log.append({ n: 2 })
      expect(second.version).toBeGreaterThan(first.version)
      expect(await Array.fromAsync(log)).toEqual([{ n: 1 }, { n: 2 }])
      expect(await log.length()).toBe(2)
      expect(await log.reduce((sum, { n }) => sum + n, 0)).toBe(3)
      const entry = await store.entry('visits')
      expect(entry).toMatchObject({ key: ['visits'], type: 'log' })
      expect(entry!.writtenAt).toBeInstanceOf(Date)
      expect(await store.has('visits')).toBe(true)
    })

    it('is empty before its first append, and nothing is there', async () => {
      const { store } = await start()
      expect(await Array.fromAsync(store.log('visits'))).toEqual([])
      expect(await store.log('visits').length()).toBe(0)
      expect(await store.has('visits')).toBe(false)
    })

    it('keeps null and false as themselves, and refuses undefined', async () => {
      const { store } = await start()
      const log = store.log('l')
      await log.appendMany([null, false, 0, ''])
      expect(await Array.fromAsync(log)).toEqual([null, false, 0, ''])
      await expect(async () => log.append(undefined)).rejects.toThrow(TypeError)
      expect(await log.length()).toBe(4)
    })

    it('takes many elements in one commit, side by side', async () => {
      const { store, back } = await start()
      const log = store.log('l')
      const { version } = await log.appendMany([1, 2, 3])
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes.map(({ first, last }) => [first, last])).toEqual(changes.map(() => [1, version]))
      expect((await log.appendMany([])).version).toBe(version)
      const elements = await Array.fromAsync(log.elements())
      expect(elements.map(({ value }) => value)).toEqual([1, 2, 3])
      const after = elements[1]!.version
      expect((await Array.fromAsync(log.elements({ after }))).map(({ value }) => value)).toEqual([3])
    })

    it('has the version of its beginning: a condition on it is none on what was appended', async () => {
      const { store } = await start()
      await store.log('l').append(1)
      const { version } = (await store.entry('l'))!
      await store.log('l').append(2)
      expect((await store.entry('l'))!.version).toBe(version)
      await store.transaction(async (tx) => {
        tx.set('seen', (await tx.entry('l'))!.version)
        await store.log('l').append(3)
      })
      expect(await store.delete('l', { ifVersion: version })).toMatchObject({ deleted: true })
      await store.log('l').append(4)
      await expect(store.set('l', 'value', { ifVersion: version })).rejects.toMatchObject({ code: 'CONFLICT' })
      expect(await Array.fromAsync(store.log('l'))).toEqual([4])
    })

    it('stands in a listing among values, which are read as if it were not there', async () => {
      const { store } = await start()
      await store.setMany([
        ['a', 1],
        ['z', 2],
      ])
      await store.log('l').append('x')
      await store.blob('b').write(new Uint8Array(3))
      const listed: unknown[] = []
      for await (const { key, type, value } of store.entries()) listed.push([key[0], type, value])
      const all = [
        ['a', 'value', 1],
        ['b', 'blob', undefined],
        ['l', 'log', undefined],
        ['z', 'value', 2],
      ]
      expect(listed).toEqual(all)
      if (store.sync !== undefined) {
        const { sync } = store
        expect([...sync.entries()].map(({ key, type, value }) => [key[0], type, value])).toEqual(all)
      }
      // Who names the key, and takes what is there for a value, is told.
      const entry = (await store.entry('l'))!
      expect(() => entry.value).toThrow(expect.objectContaining({ code: 'WRONG_TYPE' }))
    })

    it('is no value, and a value is no log: both are told apart by a typed error', async () => {
      const { store } = await start()
      await store.log('l').append(1)
      await store.set('v', { n: 1 })
      const wrong = { code: 'WRONG_TYPE', message: expect.stringContaining('store.log(key)') }
      await expect(store.get('l')).rejects.toMatchObject(wrong)
      await expect(store.getIn('l', ['n'])).rejects.toMatchObject(wrong)
      await expect(store.update('l', () => 1)).rejects.toMatchObject(wrong)
      await expect(store.setIn('l', ['n'], 1)).rejects.toMatchObject(wrong)
      await expect(store.getOrSet('l', () => 1)).rejects.toMatchObject(wrong)
      await expect(store.transaction((tx) => tx.get('l'))).rejects.toMatchObject(wrong)
      const many = await store.getMany(['l', 'v'])
      expect(() => many.get('l')).toThrow(expect.objectContaining(wrong))
      expect(many.get('v')).toEqual({ n: 1 })
      const other = { code: 'WRONG_TYPE', message: expect.stringContaining('store.get(key)') }
      await expect(store.log('v').append(1)).rejects.toMatchObject(other)
      await expect(store.log('v').length()).rejects.toMatchObject(other)
      await expect(Array.fromAsync(store.log('v'))).rejects.toMatchObject(other)
      expect(await store.get('v')).toEqual({ n: 1 })
      expect(await Array.fromAsync(store.log('l'))).toEqual([1])
    })

    it('shows no key but its own in listings', async () => {
      const { store } = await start()
      await store.log(['a', 1]).appendMany([1, 2])
      await store.set('b', 1)
      expect(await Array.fromAsync(store.keys())).toEqual([['a', 1], ['b']])
      const types = (await Array.fromAsync(store.entries())).map(({ type }) => type)
      expect(types).toEqual(['log', 'value'])
    })

    it('that is deleted or replaced is gone, and begins anew with the next append', async () => {
      const { store } = await start()
      const log = store.log('l')
      await log.append(1)
      expect(await store.delete('l')).toMatchObject({ deleted: true })
      expect(await Array.fromAsync(log)).toEqual([])
      await log.append(2)
      expect(await Array.fromAsync(log)).toEqual([2])
      await store.set('l', 'value')
      expect(await store.get('l')).toBe('value')
      await store.delete('l')
      await log.append(3)
      expect(await Array.fromAsync(log)).toEqual([3])
    })

    it('expires as a whole, and carries what the first append says', async () => {
      const { store, clock } = await start()
      const log = store.log('l')
      await log.append(1, { ttlMs: 3_600_000, meta: { by: 'me' }, tags: ['t'] })
      await log.append(2)
      const entry = await store.entry('l', { consistency: 'linearizable' })
      expect(entry).toMatchObject({ type: 'log', meta: { by: 'me' } })
      clock.step(3_600_001)
      expect(await Array.fromAsync(log)).toEqual([])
      await log.append(3, { tags: ['t'] })
      expect(await Array.fromAsync(log)).toEqual([3])
      await store.invalidateTag('t')
      expect(await Array.fromAsync(log)).toEqual([])
      await log.append(4)
      expect(await Array.fromAsync(log)).toEqual([4])
    })

    it('is read as of the moment when the reading began', async () => {
      const { store } = await start()
      const log = store.log<number>('l')
      await log.appendMany(Array.from({ length: 1_200 }, (_, i) => i))
      const seen: number[] = []
      for await (const element of log) {
        if (element === 0) await log.appendMany([-1, -2])
        seen.push(element)
      }
      expect(seen).toHaveLength(1_200)
      expect(await log.length()).toBe(1_202)
    })

    it('that ends while it is read says so, unless the reading has got everything', async () => {
      const { store } = await start()
      const log = store.log<number>('l')
      await log.appendMany(Array.from({ length: 1_200 }, (_, i) => i))
      const reading = log[Symbol.asyncIterator]()
      expect(await reading.next()).toMatchObject({ value: 0 })
      await store.delete('l')
      await log.append(-1)
      const rest = Array.fromAsync({ [Symbol.asyncIterator]: () => reading })
      await expect(rest).rejects.toMatchObject({ code: 'REPLACED', retryable: true })
      expect(await Array.fromAsync(log)).toEqual([-1])
    })

    it('gets all of 4 x 25 concurrent appends', async () => {
      const { store } = await start()
      const log = store.log<string>('l')
      const append = async (writer: number): Promise<void> => {
        for (let i = 0; i < 25; i++) await log.append(`${writer}:${i}`)
      }
      await Promise.all([0, 1, 2, 3].map(append))
      const elements = await Array.fromAsync(log)
      expect(elements).toHaveLength(100)
      for (const writer of [0, 1, 2, 3]) {
        const own = elements.filter((element) => element.startsWith(`${writer}:`))
        expect(own).toEqual(Array.from({ length: 25 }, (_, i) => `${writer}:${i}`))
      }
    })
  })
}
