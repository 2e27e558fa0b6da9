import { Payload, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, setting, valueOf } from '../../writes.ts'
import { describeMoments } from './moments.ts'
import { describeWriteBehind } from './write-behind.ts'
import { type OpenTiered, type StartTiered, startTiered, type TestedWritePolicy } from './tiered-suite.ts'

const HOUR = 3_600_000

/** What the policies of tiers promise, whatever the tiers are. */
export function tieredConformance(name: string, open: OpenTiered): void {
  const start: StartTiered = (policies) => startTiered(open, policies)

  describe(`tiers: ${name}`, () => {
    describe('write-through', () => {
      it('leaves the value in every tier', async () => {
        const test = await start()
        const { tiers, version } = await test.store.set('a', 1)
        expect(tiers.every(({ outcome }) => outcome === 'applied')).toBe(true)
        expect([await test.inFronts('a'), await valueOf(test.back, 'a'), version]).toEqual([test.each(1), 1, 1])
        await test.store.set('a', 2)
        expect(await test.inFronts('a')).toEqual(test.each(2))
      })

      it('of a batch leaves all of it in every tier', async () => {
        const test = await start()
        await test.store.setMany(Array.from({ length: 300 }, (_, i) => [['n', i], i]))
        for (const i of [0, 150, 299]) expect(await test.inFronts(['n', i])).toEqual(test.each(i))
      })

      it('of a deletion leaves the value in none', async () => {
        const test = await start()
        await test.store.set('a', 1)
        await test.store.delete('a')
        for (const held of await test.inFronts('a')) expect(held ?? 'absent').toBe('absent')
        expect([await test.store.get('a'), await valueOf(test.back, 'a')]).toEqual([undefined, undefined])
      })
    })

    describe('write-around', () => {
      it('leaves the value in the back tier only, where a read finds it and fills the fronts', async () => {
        const test = await start({ writePolicy: 'write-around' })
        await test.store.set('a', 1)
        expect([await test.inFronts('a'), await valueOf(test.back, 'a')]).toEqual([test.each(undefined), 1])
        expect(await test.store.get('a')).toBe(1)
        await test.untilInFronts('a', test.each(1))
      })

      it('removes from every front what it replaces, before it is acknowledged', async () => {
        const test = await start({ writePolicy: 'write-around' })
        await test.store.set('a', 1)
        await test.store.get('a')
        await test.untilInFronts('a', test.each(1))
        await test.store.set('a', 2)
        expect(await test.inFronts('a')).toEqual(test.each(undefined))
        expect(await test.store.get('a')).toBe(2)
      })
    })

    describeWriteBehind(start)
    describeMoments(start)

    it.each(['write-through', 'write-around'] as const)('lets a single write choose %s', async (writePolicy) => {
      const other: TestedWritePolicy = writePolicy === 'write-through' ? 'write-around' : 'write-through'
      const test = await start({ writePolicy: other })
      const expected = test.each(writePolicy === 'write-through' ? 1 : undefined)
      await test.store.set('a', 1, { writePolicy })
      await test.store.setMany([['b', 1]], { writePolicy })
      await test.store.update('c', () => 1, { writePolicy })
      await test.store.transaction((tx) => tx.set('d', 1), { writePolicy })
      for (const key of ['a', 'b', 'c', 'd']) expect(await test.inFronts(key)).toEqual(expected)
    })

    describe('frontend-only', () => {
      it('never asks the back tier: a miss is a miss', async () => {
        const test = await start({ readPolicy: 'frontend-only', writePolicy: 'write-around' })
        await test.store.set('a', 1)
        const watch = test.watchBack()
        expect([await test.store.get('a'), await test.store.has('a')]).toEqual([undefined, false])
        expect((await test.store.getMany(['a', 'b'])).size).toBe(0)
        expect(watch.asked).toBe(0)
        expect(await test.inFronts('a')).toEqual(test.each(undefined))
      })

      it('finds what a front holds', async () => {
        const test = await start({ readPolicy: 'frontend-only' })
        await test.store.set('a', 1)
        const watch = test.watchBack()
        expect([await test.store.get('a'), watch.asked]).toEqual([1, 0])
      })

      it('decides writes, lists, and reads logs by the truth all the same', async () => {
        const { store } = await start({ readPolicy: 'frontend-only', writePolicy: 'write-around' })
        await store.setMany([
          ['n', 41],
          ['gone', 1],
        ])
        expect(await store.get('n')).toBeUndefined()
        expect(await store.update<number>('n', (n) => n! + 1)).toMatchObject({ old: 41, new: 42 })
        await store.transaction(async (tx) => tx.set('copy', await tx.get('n')))
        expect((await store.delete('gone')).deleted).toBe(true)
        await expect(store.set('n', 0, { ifVersion: 0 })).rejects.toMatchObject({ code: 'CONFLICT' })
        await store.log('log').append('first')
        expect(await Array.fromAsync(store.log('log'))).toEqual(['first'])
        const listed = await Array.fromAsync(store.entries({ prefix: 'copy' }), ({ value }) => value)
        expect([await Array.fromAsync(store.keys()), listed]).toEqual([[['copy'], ['log'], ['n']], [42]])
      })

      it('can be chosen, and left, by a single read', async () => {
        const test = await start({ writePolicy: 'write-around' })
        await test.store.set('a', 1)
        expect(await test.store.get('a', { readPolicy: 'frontend-only' })).toBeUndefined()
        expect(await test.store.get('a', { readPolicy: 'frontend-first' })).toBe(1)
        await test.untilInFronts('a', test.each(1))
        expect(await test.store.get('a', { readPolicy: 'frontend-only' })).toBe(1)
      })
    })

    describe('frontend-first', () => {
      it('prefers the front where the tiers differ, unless asked for the truth', async () => {
        const test = await start()
        await commit(test.back, setting('a', 'back'))
        const { entry } = await test.back.readOne(StoreKey.of('a'))
        // Up to date with this commit, if it follows the log.
        await test.store.get('anything')
        await test.plant('a', { asOf: 1, entry: { ...entry!, payload: Payload.encode(test.back.codec, 'front') } })
        expect(await test.store.get('a')).toBe('front')
        expect(await test.store.get('a', { consistency: 'linearizable' })).toBe('back')
      })

      it('says that a key exists when either tier has it, and lists the keys of the back tier', async () => {
        const test = await start()
        await commit(test.back, setting('below', 1))
        await test.store.get('anything')
        const { entry } = await test.back.readOne(StoreKey.of('below'))
        await test.plant('above', { asOf: 1, entry: { ...entry!, key: StoreKey.of('above') } })
        expect([await test.store.has('below'), await test.store.has('above')]).toEqual([true, true])
        expect(await Array.fromAsync(test.store.keys())).toEqual([['below']])
      })

      it('asks the back tier once, and fills every front with what it found', async () => {
        const test = await start()
        await test.store.setMany([
          ['a', 1],
          ['b', 2],
        ])
        await test.clearFronts()
        expect([await test.store.get('a'), [...(await test.store.getMany(['a', 'b']))].length]).toEqual([1, 2])
        await test.untilInFronts('a', test.each(1))
        await test.untilInFronts('b', test.each(2))
        const watch = test.watchBack()
        expect([await test.store.get('a'), await test.store.get('b'), watch.asked]).toEqual([1, 2, 0])
      })

      it('fills the fronts above with what a front further down held', async () => {
        const test = await start()
        await test.store.set('a', 1)
        for (const front of test.fronts.slice(0, -1)) if ('clear' in front) await front.clear()
        const watch = test.watchBack()
        expect([await test.store.get('a'), watch.asked]).toEqual([1, 0])
        await test.untilInFronts('a', test.each(1))
      })

      it('remembers that a key does not exist, until it does', async () => {
        const test = await start()
        expect(await test.store.get('a')).toBeUndefined()
        await test.untilInFronts('a', test.each('absent'))
        const watch = test.watchBack()
        expect([await test.store.get('a'), await test.store.has('a'), watch.asked]).toEqual([undefined, false, 0])
        await test.store.set('a', 1)
        expect(await test.store.get('a')).toBe(1)
      })

      it('serves many readers of one cold key with one read', async () => {
        const test = await start({ writePolicy: 'write-around' })
        await test.store.set('a', 1)
        const watch = test.watchBack()
        const values = await Promise.all(Array.from({ length: 50 }, () => test.store.get('a')))
        expect([new Set(values), watch.asked]).toEqual([new Set([1]), 1])
      })
    })

    it('keeps nothing in any front longer than the entry exists', async () => {
      const test = await start()
      await test.store.set('a', 1, { ttlMs: HOUR })
      await test.store.set('b', 1, { ttlMs: HOUR, writePolicy: 'write-around' })
      await test.store.get('b')
      await test.untilInFronts('b', test.each(1))
      test.clock.step(HOUR + 1)
      expect([await test.inFronts('a'), await test.inFronts('b')]).toEqual([test.each(undefined), test.each(undefined)])
      expect([await test.store.get('a'), await test.store.has('b')]).toEqual([undefined, false])
    })

    it('updates from the truth, whatever the fronts hold', async () => {
      const test = await start()
      await commit(test.back, setting('n', 41))
      await test.clearFronts()
      expect(await test.store.update<number>('n', (n) => n! + 1)).toMatchObject({ old: 41, new: 42 })
      expect(await test.store.get('n')).toBe(42)
    })

    it('tells of a fill to nobody: it is no write', async () => {
      const test = await start({ writePolicy: 'write-around' })
      await test.store.set('a', 1)
      let told = 0
      test.back.onCommit(() => told++)
      await test.store.get('a')
      await test.untilInFronts('a', test.each(1))
      expect([told, await test.back.log.head()]).toEqual([0, 1])
    })

    it('closes every tier', async () => {
      const test = await start()
      await test.store.close()
      await expect((async () => test.back.readOne(StoreKey.of('a')))()).rejects.toMatchObject({ code: 'CLOSED' })
      for (const front of test.fronts) {
        const call = 'clear' in front ? front.read([StoreKey.of('a')]) : front.look()
        await expect(call).rejects.toMatchObject({ code: 'CLOSED' })
      }
    })
  })
}
