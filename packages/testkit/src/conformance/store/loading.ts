import { Store } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { heldLoad } from './held-load.ts'
import type { StartStore } from './store-suite.ts'

const HOUR = 3_600_000
const exactly = { jitter: 0 } as const

export function describeLoading(start: StartStore): void {
  describe('getOrSet', () => {
    it('loads what is absent, stores it, and loads no more', async () => {
      const { store, back } = await start()
      let loads = 0
      const load = (): { n: number } => ({ n: ++loads })
      expect(await store.getOrSet(['user', 1], load)).toEqual({ n: 1 })
      expect(await store.getOrSet(['user', 1], load)).toEqual({ n: 1 })
      expect(await store.get(['user', 1])).toEqual({ n: 1 })
      expect([loads, await back.log.head()]).toEqual([1, 1])
    })

    it.each([null, false, 0, ''])('takes a loaded %j for a value', async (value) => {
      const { store } = await start()
      expect(await store.getOrSet('k', () => value)).toBe(value)
      expect(await store.getOrSet('k', () => 'again')).toBe(value)
    })

    it('does not load what is there, whoever wrote it', async () => {
      const { store } = await start()
      await store.set('k', 'set')
      expect(await store.getOrSet('k', () => 'loaded')).toBe('set')
    })

    it('lets twenty callers, through whichever view of the store, share one load', async () => {
      const { store, back, clock } = await start()
      const view = new Store(back, { clock })
      const held = heldLoad<string>()
      const reading = Array.from({ length: 20 }, (_, i) => [store, view][i % 2]!.getOrSet('k', held.load))
      await held.started
      reading.push(store.getOrSet('k', held.load))
      held.finish('v')
      expect(new Set(await Promise.all(reading))).toEqual(new Set(['v']))
      expect(held.calls).toHaveLength(1)
    })

    it('gives nobody a value that another one could change', async () => {
      const { store } = await start()
      const loaded = { list: [1] }
      const first = (await store.getOrSet('k', () => loaded))!
      loaded.list.push(2)
      expect(() => first.list.push(3)).toThrow(TypeError)
      expect(await store.getOrSet('k', () => loaded)).toEqual({ list: [1] })
    })

    it('keeps a value for its time, which is shortened at random', async () => {
      const { store, clock } = await start()
      let loads = 0
      const load = (): number => ++loads
      await store.getOrSet('k', load, { ttlMs: HOUR, ...exactly, meta: 'm' })
      const { expiresAt, writtenAt, meta } = (await store.entry('k'))!
      expect(Math.abs(expiresAt!.getTime() - writtenAt.getTime() - HOUR)).toBeLessThan(60_000)
      expect(meta).toBe('m')
      clock.step(HOUR / 2)
      expect(await store.getOrSet('k', load)).toBe(1)
      clock.step(HOUR / 2 + 1)
      expect(await store.get('k')).toBeUndefined()
      expect(await store.getOrSet('k', load)).toBe(2)
      const ends = new Set<number>()
      for (let i = 0; i < 8; i++) {
        await store.getOrSet(['j', i], load, { ttlMs: HOUR, jitter: 0.5 })
        const entry = (await store.entry(['j', i]))!
        const span = entry.expiresAt!.getTime() - entry.writtenAt.getTime()
        expect(span).toBeLessThanOrEqual(HOUR + 60_000)
        expect(span).toBeGreaterThanOrEqual(HOUR / 2)
        ends.add(span)
      }
      expect(ends.size).toBeGreaterThan(1)
    })

    it('tells the loader its key', async () => {
      const { store } = await start()
      const key = await store.getOrSet(['user', 7], (context) => context.key)
      expect(key).toEqual(['user', 7])
    })

    it('gives the very error that the loader threw to everyone who waited, after one load', async () => {
      const { store, back, clock, errors } = await start()
      const view = new Store(back, { clock })
      const thrown = new Error('the source is down')
      const held = heldLoad()
      const reading = Array.from({ length: 5 }, (_, i) => [store, view][i % 2]!.getOrSet('k', held.load))
      const settled = Promise.allSettled(reading)
      await held.started
      held.fail(thrown)
      for (const result of await settled) {
        expect(result.status === 'rejected' && result.reason === thrown).toBe(true)
      }
      expect([held.calls.length, await back.log.head(), errors.length]).toEqual([1, 0, 0])
      // At once: the lease was given back.
      expect(await store.getOrSet('k', () => 'up again')).toBe('up again')
    })

    it('takes what is thrown at once, and anything that is thrown', async () => {
      const { store } = await start()
      const throwing = (): never => {
        // eslint-disable-next-line no-throw-literal
        throw 'text'
      }
      await expect(store.getOrSet('k', throwing)).rejects.toBe('text')
    })

    it('that loads what cannot be stored fails, and leaves no lease behind', async () => {
      const { store } = await start()
      await expect(store.getOrSet('k', () => ({ f: () => 1 }))).rejects.toMatchObject({ code: 'UNENCODABLE' })
      expect(await store.getOrSet('k', () => 1)).toBe(1)
    })

    it.each([
      ['ttlMs', 0, RangeError],
      ['ttlMs', '1', TypeError],
      ['jitter', 1.5, RangeError],
      ['graceMs', -1, RangeError],
      ['softTimeoutMs', -1, RangeError],
      ['hardTimeoutMs', Number.NaN, RangeError],
      ['refreshAheadFraction', 2, RangeError],
      ['negativeTtlMs', -1, RangeError],
      ['leaseMs', 5, RangeError],
      ['leaseMs', 1000.5, RangeError],
      ['tags', 'a', TypeError],
      ['graceMs', 5, TypeError],
    ] as const)('refuses %s: %o', async (name, value, type) => {
      const { store } = await start()
      let loads = 0
      const error: unknown = await store
        .getOrSet('k', () => ++loads, { [name]: value })
        .catch((thrown: unknown) => thrown)
      expect(error).toBeInstanceOf(type)
      expect((error as Error).message).toContain(name === 'tags' ? 'tags' : name)
      expect(loads).toBe(0)
    })

    it('refuses what is no loader', async () => {
      const { store } = await start()
      await expect(store.getOrSet('k', 5 as never)).rejects.toBeInstanceOf(TypeError)
    })

    it('ends with the store: callers are told, and so is the loader', async () => {
      const { store } = await start()
      const held = heldLoad()
      const reading = store.getOrSet('k', held.load).catch((error: unknown) => error)
      await held.started
      const closing = store.close()
      expect(await reading).toMatchObject({ code: 'CLOSED' })
      expect(held.calls[0]!.signal.aborted).toBe(true)
      await closing
      await expect(store.getOrSet('k', () => 1)).rejects.toMatchObject({ code: 'CLOSED' })
    })
  })

  describe('a loader that finds nothing', () => {
    it('stores nothing, and is asked again', async () => {
      const { store, back } = await start()
      let loads = 0
      const load = (): undefined => void loads++
      expect([await store.getOrSet('k', load), await store.getOrSet('k', load)]).toEqual([undefined, undefined])
      expect([loads, await back.log.head()]).toEqual([2, 0])
    })

    it('is remembered for negativeTtlMs, as absent for everybody', async () => {
      const { store, clock } = await start()
      let loads = 0
      const load = (): undefined => void loads++
      const options = { negativeTtlMs: HOUR, ...exactly }
      for (let i = 0; i < 3; i++) expect(await store.getOrSet('k', load, options)).toBeUndefined()
      expect(loads).toBe(1)
      expect([await store.get('k'), await store.has('k'), await store.entry('k')]).toEqual([
        undefined,
        false,
        undefined,
      ])
      expect((await store.getMany(['k'])).size).toBe(0)
      expect(await store.getIn('k', [], { default: 'none' })).toBe('none')
      expect(await Array.fromAsync(store.keys())).toEqual([])
      expect(await Array.fromAsync(store.entries())).toEqual([])
      expect(await store.transaction(async (tx) => [await tx.has('k'), await tx.get('k')])).toMatchObject({
        value: [false, undefined],
      })
      clock.step(HOUR + 1)
      expect(await store.getOrSet('k', load, options)).toBeUndefined()
      expect(loads).toBe(2)
    })

    it('is forgotten with any write', async () => {
      const { store } = await start()
      const remember = (key: string): Promise<unknown> => store.getOrSet(key, () => undefined, { negativeTtlMs: HOUR })
      for (const key of ['set', 'update', 'conditional', 'deleted']) await remember(key)
      await store.set('set', 1)
      expect(await store.update('update', (old) => [old])).toMatchObject({ old: undefined, new: [undefined] })
      await store.set('conditional', 1, { ifVersion: 0 })
      await store.delete('deleted')
      const load = (): string => 'loaded'
      expect(await store.getOrSet('set', load)).toBe(1)
      expect(await store.getOrSet('update', load)).toEqual([undefined])
      expect(await store.getOrSet('conditional', load)).toBe(1)
      expect(await store.getOrSet('deleted', load)).toBe('loaded')
    })

    it('takes the last value away, its grace included', async () => {
      const { store, clock } = await start()
      const options = { ttlMs: 1000, graceMs: HOUR, ...exactly }
      await store.getOrSet('k', () => 'v', options)
      clock.step(2000)
      expect(await store.getOrSet('k', () => undefined, options)).toBeUndefined()
      const failing = store.getOrSet('k', () => Promise.reject(new Error('down')), options)
      await expect(failing).rejects.toThrow('down')
    })
  })
}
