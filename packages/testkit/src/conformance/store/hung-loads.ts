import type { Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { heldLoad } from './held-load.ts'
import type { StartStore } from './store-suite.ts'

/** Short, so that it is soon renewed, and soon given up. */
const leaseMs = 100

export function describeHungLoads(start: StartStore): void {
  describe('who waits for a loader that hangs', () => {
    it('gets what is written meanwhile', async () => {
      const { store } = await start()
      const held = heldLoad<string>()
      const reading = [1, 2].map(() => store.getOrSet('k', held.load, { leaseMs, hardTimeoutMs: Infinity }))
      await held.started
      await store.set('k', 'newer')
      expect(await Promise.all(reading)).toEqual(['newer', 'newer'])
      expect(held.calls).toHaveLength(1)
    })

    it.each<[string, (store: Store) => Promise<unknown>]>([
      ['deleted', (store) => store.delete('k')],
      ['cleared', (store) => store.clear()],
    ])('loads anew, once, when the key is %s meanwhile', async (_what, end) => {
      const { store } = await start()
      const [held, next] = [heldLoad<string>(), heldLoad<string>()]
      next.finish('anew')
      const load: typeof held.load = (context) => (held.calls.length === 0 ? held : next).load(context)
      const reading = [1, 2].map(() => store.getOrSet('k', load, { leaseMs }))
      await held.started
      await end(store)
      expect(await Promise.all(reading)).toEqual(['anew', 'anew'])
      expect(next.calls).toHaveLength(1)
      held.finish('older')
      expect(await store.get('k')).toBe('anew')
    })

    it('loads itself once the lease is given up, with more patience than who called the loader', async () => {
      const { store } = await start()
      const held = heldLoad<string>()
      const first = store.getOrSet('k', held.load, { leaseMs, hardTimeoutMs: 20 })
      const second = store.getOrSet('k', () => 'mine')
      await expect(first).rejects.toMatchObject({ code: 'LOAD_TIMEOUT' })
      expect(await second).toBe('mine')
      expect(held.calls[0]!.signal.aborted).toBe(true)
    })
  })
}
