import type { LoadOptions, Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { eventually } from '../../waiting/eventually.ts'
import { heldLoad } from './held-load.ts'
import type { StartStore, StoreUnderTest } from './store-suite.ts'

const TTL = 60_000
const GRACE = 3_600_000
const options: LoadOptions = { ttlMs: TTL, graceMs: GRACE, jitter: 0 }

const down = (): never => {
  throw new Error('down')
}

/** A store that holds a value past its time, within its grace. */
async function startStale(start: StartStore): Promise<StoreUnderTest> {
  const under = await start()
  await under.store.getOrSet('k', () => 'last', { ...options, meta: 'etag' })
  under.clock.step(TTL + 1)
  return under
}

export function describeGrace(start: StartStore): void {
  describe('a value past its time', () => {
    it('is absent for every read but getOrSet', async () => {
      const { store } = await startStale(start)
      expect([await store.get('k'), await store.has('k'), await store.entry('k')]).toEqual([
        undefined,
        false,
        undefined,
      ])
      expect((await store.getMany(['k'])).size).toBe(0)
      expect(await Array.fromAsync(store.keys())).toEqual([])
      expect(await store.update('k', (old) => (old === undefined ? 'made' : 'changed'))).toMatchObject({ new: 'made' })
      expect((await store.entry('k'))!.expiresAt).toBeUndefined()
    })

    it('may be made anew where it must not exist', async () => {
      const { store } = await startStale(start)
      await store.set('k', 'new', { ifVersion: 0 })
      expect(await store.get('k')).toBe('new')
    })

    it('is cleared, and not counted', async () => {
      const { store } = await startStale(start)
      await store.set('a', 1)
      expect(await store.clear()).toEqual({ deleted: 1 })
      await expect(store.getOrSet('k', down, options)).rejects.toThrow('down')
    })

    it('is served while loading fails, until its grace ends, and what the loader threw is told', async () => {
      const { store, clock, errors } = await startStale(start)
      const reading = [store.getOrSet('k', down, options), store.getOrSet('k', down, options)]
      expect(await Promise.all(reading)).toEqual(['last', 'last'])
      expect(errors).toEqual([new Error('down')])
      // Who wants less of it gets less.
      await expect(store.getOrSet('k', down, { ttlMs: TTL })).rejects.toThrow('down')
      await expect(store.getOrSet('k', down, { ttlMs: TTL, graceMs: 1 })).rejects.toThrow('down')
      clock.step(GRACE)
      await expect(store.getOrSet('k', down, options)).rejects.toThrow('down')
    })

    it('stays past its time when it was updated before, and its grace stays too', async () => {
      const { store, clock } = await start()
      await store.getOrSet('k', () => ({ n: 1 }), options)
      await store.setIn('k', ['n'], 2)
      expect(await store.get('k')).toEqual({ n: 2 })
      clock.step(TTL + 1)
      expect(await store.get('k')).toBeUndefined()
      expect(await store.getOrSet('k', down, options)).toEqual({ n: 2 })
    })

    it('is what the loader is told of, with its meta', async () => {
      const { store } = await startStale(start)
      const held = heldLoad<string>()
      const reading = store.getOrSet('k', held.load, options)
      await held.started
      expect(held.calls[0]!.previous).toMatchObject({ value: 'last', meta: 'etag', version: 1 })
      held.finish('next')
      expect(await reading).toBe('next')
      expect(await store.get('k')).toBe('next')
    })

    it.each([0, 10])('is served once loading takes %d ms, and the load goes on', async (softTimeoutMs) => {
      const { store } = await startStale(start)
      const held = heldLoad<string>()
      expect(await store.getOrSet('k', held.load, { ...options, softTimeoutMs })).toBe('last')
      held.finish('next')
      await eventually('the load is stored', async () => (await store.get('k')) === 'next')
      expect(held.calls).toHaveLength(1)
    })

    it('is served at the hard timeout too', async () => {
      const { store } = await startStale(start)
      const held = heldLoad<string>()
      expect(await store.getOrSet('k', held.load, { ...options, hardTimeoutMs: 10 })).toBe('last')
      held.finish('next')
    })

    it('whose load then fails tells that to onError, once', async () => {
      const { store, errors } = await startStale(start)
      const held = heldLoad<string>()
      const soon = { ...options, softTimeoutMs: 0 }
      expect(await Promise.all([store.getOrSet('k', held.load, soon), store.getOrSet('k', held.load, soon)])).toEqual([
        'last',
        'last',
      ])
      await held.started
      held.fail(new Error('down'))
      await eventually('it is told', () => errors.length > 0)
      expect(errors).toEqual([new Error('down')])
    })

    it.each<[string, (store: Store) => Promise<unknown>]>([
      ['it was deleted', (store) => store.delete('k')],
      ['its tag was invalidated', (store) => store.invalidateTag('t')],
    ])('is never served when %s', async (_what, end) => {
      const { store, clock } = await start()
      await store.getOrSet('k', () => 'last', { ...options, tags: ['t'] })
      clock.step(TTL + 1)
      await end(store)
      await expect(store.getOrSet('k', down, options)).rejects.toThrow('down')
      const held = heldLoad()
      const reading = store.getOrSet('k', held.load, { ...options, softTimeoutMs: 0 })
      await held.started
      expect(held.calls[0]!.previous).toBeUndefined()
      held.finish('next')
      expect(await reading).toBe('next')
    })
  })

  describe('a refresh ahead', () => {
    const ahead: LoadOptions = { ttlMs: TTL, jitter: 0, refreshAheadFraction: 0.25 }

    it('is started by a hit in the last part of the time, which does not wait for it', async () => {
      const { store, clock } = await start()
      await store.getOrSet('k', () => 'first', ahead)
      const held = heldLoad<string>()
      clock.step(TTL * 0.7)
      expect(await store.getOrSet('k', held.load, ahead)).toBe('first')
      expect(held.calls).toHaveLength(0)
      clock.step(TTL * 0.1)
      for (let i = 0; i < 5; i++) expect(await store.getOrSet('k', held.load, ahead)).toBe('first')
      await held.started
      expect(held.calls[0]!.previous).toMatchObject({ value: 'first' })
      expect(await store.getOrSet('k', held.load)).toBe('first')
      held.finish('second')
      await eventually('it is stored', async () => (await store.get('k')) === 'second')
      expect(await store.getOrSet('k', held.load, ahead)).toBe('second')
      expect(held.calls).toHaveLength(1)
    })

    it('that fails is told, leaves the value, and is not tried again at every hit', async () => {
      const { store, clock, errors } = await start()
      await store.getOrSet('k', () => 'first', ahead)
      clock.step(TTL * 0.8)
      expect(await store.getOrSet('k', down, ahead)).toBe('first')
      await eventually('it is told', () => errors.length > 0)
      for (let i = 0; i < 5; i++) expect(await store.getOrSet('k', down, ahead)).toBe('first')
      expect(errors).toHaveLength(1)
    })
  })
}
