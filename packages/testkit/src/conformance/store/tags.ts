import { type Key, Store, StoreKey, Uuid } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import type { StartStore } from './store-suite.ts'

const RESERVED = Uuid.parse('74696465-6d61-726b-8000-000000000000')

export function describeTags(start: StartStore): void {
  describe('a tag', () => {
    it('that is invalidated makes what carries it absent, for every read', async () => {
      const { store } = await start()
      await store.set('a', 1, { tags: ['t', 'u'] })
      await store.setMany([
        ['b', 2, { tags: ['t'] }],
        ['c', 3, { tags: ['other'] }],
        ['d', 4],
      ])
      await store.getOrSet('e', () => 5, { tags: ['t'] })
      const keys: Key[] = ['a', 'b', 'c', 'd', 'e']
      expect((await store.getMany(keys)).size).toBe(5)
      const { version } = await store.invalidateTag('t')
      expect(version).toBe(6)
      expect(await Promise.all(keys.map((key) => store.get(key)))).toEqual([undefined, undefined, 3, 4, undefined])
      expect(await Promise.all(keys.map((key) => store.has(key)))).toEqual([false, false, true, true, false])
      expect([...(await store.getMany(keys)).values()]).toEqual([3, 4])
      expect([await store.entry('a'), await store.getIn('a', [])]).toEqual([undefined, undefined])
      expect(await Array.fromAsync(store.keys())).toEqual([['c'], ['d']])
      expect(await Array.fromAsync(store.entries(), ({ value }) => value)).toEqual([3, 4])
      expect(await store.get('a', { consistency: 'linearizable' })).toBeUndefined()
    })

    it('does not touch what is written with it afterwards', async () => {
      const { store } = await start()
      await store.set('a', 1, { tags: ['t'] })
      await store.invalidateTag('t')
      await store.set('a', 2, { tags: ['t'] })
      expect(await store.get('a')).toBe(2)
      await store.invalidateTag(['t', 'u', 't'])
      expect(await store.get('a')).toBeUndefined()
      await store.set('a', 3)
      expect(await store.get('a')).toBe(3)
      await store.invalidateTag('t')
      expect(await store.get('a')).toBe(3)
    })

    it('is invalidated in one commit with others, as changes of keys that nobody else has', async () => {
      const { store, back } = await start()
      await store.invalidateTag(['t', 'u'])
      await store.invalidateTag([])
      const { changes } = await back.log.read({ after: 0, limit: 10 })
      expect(changes.map(({ first, last, op }) => [first, last, op])).toEqual([
        [1, 2, 'set'],
        [1, 2, 'set'],
      ])
      expect(await Array.fromAsync(store.keys())).toEqual([])
      expect(await Array.fromAsync(store.keys({ reverse: true }))).toEqual([])
      expect(await store.clear()).toEqual({ deleted: 0 })
      expect(await back.log.head()).toBe(2)
    })

    it('stays invalidated after everything was cleared, and for values that were computed before', async () => {
      const { store } = await start()
      await store.set('a', 1, { tags: ['t'] })
      await store.invalidateTag('t')
      await store.clear()
      expect(await store.get('a')).toBeUndefined()
      await store.set('b', 1, { tags: ['t'] })
      expect(await store.get('b')).toBe(1)
    })

    it('never comes back, however long ago it was invalidated and whatever has expired', async () => {
      const { store, back, clock } = await start()
      await store.set('a', 1, { tags: ['t'] })
      await store.set('b', 1, { tags: ['t'], ttlMs: 1000 })
      await store.invalidateTag('t')
      for (const days of [11, 400, 4_000]) {
        clock.step(days * 86_400_000)
        await back.expire(100)
        expect([await store.get('a'), await store.has('a')]).toEqual([undefined, false])
      }
      await store.set('a', 2, { tags: ['t'] })
      expect(await store.get('a')).toBe(2)
    })

    it('counts as absence for conditions, updates and transactions', async () => {
      const { store } = await start()
      for (const key of ['a', 'b', 'c', 'd']) await store.set(key, 1, { tags: ['t'] })
      await store.invalidateTag('t')
      await store.set('a', 2, { ifVersion: 0 })
      await expect(store.set('b', 2, { ifVersion: 2 })).rejects.toMatchObject({ code: 'CONFLICT', currentVersion: 0 })
      const seen: unknown[] = []
      expect(await store.update('c', (old) => (seen.push(old), 2))).toMatchObject({ old: undefined, new: 2 })
      expect(await store.transaction(async (tx) => [await tx.get('d'), await tx.entry('d')])).toMatchObject({
        value: [undefined, undefined],
      })
      expect(seen).toEqual([undefined])
      expect((await store.getMany(['a', 'b', 'c', 'd'])).size).toBe(2)
    })

    it('that is invalidated while a transaction runs is a conflict for who has read what carries it', async () => {
      const { store } = await start()
      await store.set('a', 1, { tags: ['t'] })
      const seen: unknown[] = []
      await store.transaction(async (tx) => {
        seen.push(await tx.get('a'))
        if (seen.length === 1) await store.invalidateTag('t')
        tx.set('copy', seen.at(-1) ?? 'none')
      })
      expect([seen, await store.get('copy')]).toEqual([[1, undefined], 'none'])
    })

    it('stays with the entry in an update, unless it says otherwise', async () => {
      const { store } = await start()
      await store.set('a', { n: 1 }, { tags: ['t'], meta: 'm', ttlMs: 3_600_000 })
      const { expiresAt } = (await store.entry('a'))!
      await store.setIn('a', ['n'], 2)
      expect(await store.entry('a')).toMatchObject({ value: { n: 2 }, meta: 'm', expiresAt })
      await store.update('a', (old) => old, { meta: 'other' })
      await store.invalidateTag('t')
      expect(await store.get('a')).toBeUndefined()
      await store.set('a', 1, { tags: ['t'], meta: 'm' })
      await store.update('a', () => 2, { tags: ['u'] })
      await store.invalidateTag('t')
      expect(await store.entry('a')).toMatchObject({ value: 2, meta: 'm' })
      await store.invalidateTag('u')
      expect(await store.get('a')).toBeUndefined()
      await store.set('b', 1, { tags: ['t'], meta: 'm' })
      await store.update('b', () => 2, { tags: [] })
      await store.invalidateTag('t')
      expect(await store.entry('b')).toMatchObject({ value: 2, meta: 'm' })
    })

    it('is invalidated for every view of the data, also for one that has read the entry before', async () => {
      const { store, back, clock } = await start()
      const view = new Store(back, { clock })
      for (let i = 0; i < 20; i++) {
        await store.set('a', i, { tags: ['t'] })
        expect(await view.get('a')).toBe(i)
        await view.invalidateTag('t')
        expect([await store.get('a'), await view.get('a')]).toEqual([undefined, undefined])
      }
    })

    it.each([
      [['']],
      [['x'.repeat(257)]],
      [Array.from({ length: 65 }, (_, i) => `t${i}`)],
      [[1]],
      [['\ud800']],
      ['t'],
      [null],
    ])('cannot be %j on an entry', async (tags) => {
      const { store, back } = await start()
      const wrong = { tags: tags as string[] }
      const isMisuse = expect.toSatisfy((error) => error instanceof TypeError || error instanceof RangeError)
      for (const call of [
        () => store.set('k', 1, wrong),
        () => store.setMany([['k', 1, wrong]]),
        () => store.update('k', () => 1, wrong),
        () => store.getOrSet('k', () => 1, wrong),
        () => store.transaction((tx) => tx.set('k', 1, wrong)),
      ]) {
        await expect(call()).rejects.toEqual(isMisuse)
      }
      expect(await back.log.head()).toBe(0)
    })

    it('may be any other text, sixty-four of them', async () => {
      const { store } = await start()
      const tags = Array.from({ length: 62 }, (_, i) => String.fromCodePoint(0x1f600 + i).repeat(64))
      await store.set('k', 1, { tags: [...tags, ' ', 'a:b/c', ' '] })
      expect(await store.get('k')).toBe(1)
      await store.invalidateTag(tags[40]!)
      expect(await store.get('k')).toBeUndefined()
      for (const wrong of ['', 'x'.repeat(257), [1] as never]) {
        await expect(store.invalidateTag(wrong)).rejects.toThrow('a tag')
      }
    })

    it('keeps its own keys to itself', async () => {
      const { store, back } = await start()
      await store.invalidateTag('t')
      for (const key of [RESERVED, [RESERVED], [RESERVED, 'tag', 't']] as Key[]) {
        for (const call of [
          () => store.get(key),
          () => store.entry(key),
          () => store.has(key),
          () => store.getMany([key]),
          () => store.getIn(key, []),
          () => store.getOrSet(key, () => 1),
          () => store.set(key, 1),
          () => store.setMany([[key, 1]]),
          () => store.delete(key),
          () => store.deleteMany([key]),
          () => store.update(key, () => 1),
          () => store.setIn(key, [], 1),
          () => store.transaction((tx) => tx.set(key, 1)),
          () => store.transaction((tx) => tx.get(key)),
        ]) {
          await expect(call()).rejects.toThrow('reserved')
        }
      }
      expect(await Array.fromAsync(store.keys({ prefix: [RESERVED] }))).toEqual([])
      expect(await store.clear({ prefix: [RESERVED] })).toEqual({ deleted: 0 })
      expect(await back.log.head()).toBe(1)
      // Those beside it are anybody's.
      const [before, after] = ['7fffffff-0000-4000-8000-000000000000', '00000000-0000-4000-8000-000000000000']
      for (const text of [before, after]) await store.set([Uuid.parse(text!)], 1)
      await store.setMany([
        ['s', 1],
        [[true], 1],
        [[new Date(0)], 1],
      ])
      expect(await Array.fromAsync(store.keys())).toHaveLength(5)
      expect(await Array.fromAsync(store.keys({ reverse: true, limit: 4 }))).toHaveLength(4)
      expect(await store.clear()).toEqual({ deleted: 5 })
      expect((await back.readOne(StoreKey.of([RESERVED, 'tag', 't']))).entry?.version).toBe(1)
    })
  })
}
