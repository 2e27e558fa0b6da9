import type { Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { heldLoad } from './held-load.ts'
import type { StartStore } from './store-suite.ts'

/** What somebody else does while a loader runs, and what is there afterwards. */
const WRITES: Readonly<Record<string, readonly [write: (store: Store) => Promise<unknown>, then: unknown]>> = {
  'a set': [(store) => store.set('k', 'newer'), 'newer'],
  'an update': [(store) => store.update('k', () => 'newer'), 'newer'],
  'a batch': [(store) => store.setMany([['k', 'newer']]), 'newer'],
  'a transaction': [(store) => store.transaction((tx) => tx.set('k', 'newer')), 'newer'],
  'a set and a delete': [async (store) => (await store.set('k', 'newer'), store.delete('k')), undefined],
  'a delete of what does not exist': [(store) => store.delete('k'), undefined],
  'a batch of deletes': [(store) => store.deleteMany(['k']), undefined],
  'a clear of what does not exist': [(store) => store.clear(), undefined],
  'a clear of its prefix': [(store) => store.clear({ prefix: 'k' }), undefined],
  'a set and a clear': [async (store) => (await store.set('k', 'newer'), store.clear()), undefined],
}

export function describeOvertaking(start: StartStore): void {
  describe('a load that is overtaken', () => {
    it.each(Object.keys(WRITES))('by %s does not undo it', async (name) => {
      const { store } = await start()
      const [write, expected] = WRITES[name]!
      const held = heldLoad<string>()
      const reading = store.getOrSet('k', held.load)
      await held.started
      await write(store)
      held.finish('older')
      expect(await reading).toBe(expected ?? 'older')
      expect(await store.get('k')).toBe(expected)
      expect(await store.getOrSet('k', () => 'loaded anew')).toBe(expected ?? 'loaded anew')
    })

    it('is not, by a clear of another prefix', async () => {
      const { store } = await start()
      const held = heldLoad<string>()
      const reading = store.getOrSet(['k', 1], held.load)
      await held.started
      await store.clear({ prefix: ['k', 2] })
      held.finish('loaded')
      expect(await reading).toBe('loaded')
      expect(await store.get(['k', 1])).toBe('loaded')
    })

    it('by the invalidation of its tag is not stored', async () => {
      const { store, back } = await start()
      const held = heldLoad<string>()
      const reading = store.getOrSet('k', held.load, { tags: ['other', 't'] })
      await held.started
      await store.invalidateTag('t')
      held.finish('older')
      expect(await reading).toBe('older')
      expect([await store.get('k'), await back.log.head()]).toEqual([undefined, 1])
      expect(await store.getOrSet('k', () => 'newer', { tags: ['t'] })).toBe('newer')
      expect(await store.get('k')).toBe('newer')
    })

    it('in the background by the invalidation of its tag is not stored either', async () => {
      const { store, clock } = await start()
      const options = { ttlMs: 60_000, jitter: 0, refreshAheadFraction: 0.5, tags: ['t'] }
      await store.getOrSet('k', () => 'first', options)
      clock.step(40_000)
      const held = heldLoad<string>()
      expect(await store.getOrSet('k', held.load, options)).toBe('first')
      await held.started
      await store.invalidateTag('t')
      // Not content with a refresh that began before the invalidation.
      const reading = store.getOrSet('k', () => 'newer', options)
      held.finish('older')
      expect([await reading, await store.get('k')]).toEqual(['newer', 'newer'])
    })

    it('is loaded anew for who came after the write', async () => {
      const { store } = await start()
      const old = heldLoad<string>()
      const before = store.getOrSet('k', old.load)
      await old.started
      await store.delete('k')
      // Joins what is under way, and must not be content with it.
      const after = [store.getOrSet('k', () => 'newer'), store.getOrSet('k', () => 'newer')]
      old.finish('older')
      expect(await before).toBe('older')
      expect(await Promise.all(after)).toEqual(['newer', 'newer'])
      expect(await store.get('k')).toBe('newer')
    })

    it('and fails leaves what was written', async () => {
      const { store } = await start()
      const held = heldLoad()
      const reading = store.getOrSet('k', held.load)
      await held.started
      await store.set('k', 'newer')
      held.fail(new Error('down'))
      expect(await reading).toBe('newer')
    })

    it('after its caller has given up does not undo a write either', async () => {
      const { store } = await start()
      const held = heldLoad<string>()
      const reading = store.getOrSet('k', held.load, { hardTimeoutMs: 20 })
      await expect(reading).rejects.toMatchObject({ code: 'LOAD_TIMEOUT', key: 'k', retryable: true })
      await store.set('k', 'newer')
      held.finish('older')
      expect(await store.getOrSet('k', () => 'loaded')).toBe('newer')
      expect((await store.entry('k'))!.version).toBe(1)
    })

    it('by nothing is stored, though its caller has given up', async () => {
      const { store } = await start()
      const held = heldLoad<string>()
      await expect(store.getOrSet('k', held.load, { hardTimeoutMs: 20 })).rejects.toMatchObject({
        code: 'LOAD_TIMEOUT',
      })
      const next = store.getOrSet('k', held.load)
      held.finish('late')
      expect(await next).toBe('late')
      expect([await store.get('k'), held.calls.length]).toEqual(['late', 1])
    })
  })
}
