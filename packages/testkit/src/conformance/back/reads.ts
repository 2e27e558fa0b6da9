import { StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBack } from './back-suite.ts'

export function describeReads(start: StartBack): void {
  describe('a read', () => {
    it('answers for each key in its place: also for one that is absent, or asked for twice', async () => {
      const { back } = await start()
      await commit(back, setting('a', 'A'), setting('b', 'B'))
      const found = await back.read(['b', 'none', 'a', 'b'].map((key) => StoreKey.of(key)))
      expect(found.map(({ entry }) => entry?.payload.decode())).toEqual(['B', undefined, 'A', 'B'])
      expect(await back.read([])).toEqual([])
    })

    it('says up to which seq it is complete, for what exists and for what does not', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1))
      await commit(back, setting('b', 1), setting('c', 1))
      await commit(back, deleting('c'))
      const keys = ['a', 'c', 'never there'].map((key) => StoreKey.of(key))
      for (const found of [...(await back.read(keys)), await back.readOne(keys[0]!), await back.readOne(keys[1]!)]) {
        expect(found).toMatchObject({ asOf: 4, tier: back.name, until: Infinity })
      }
    })

    it('says until when an answer may be kept', async () => {
      const { back, clock } = await start()
      const expiresAt = Math.ceil(clock.now() + 1e6)
      await commit(back, setting('a', 1, { expiresAt }))
      expect(await back.readOne(StoreKey.of('a'))).toMatchObject({ until: expiresAt, entry: { expiresAt } })
    })

    it('of one key agrees with a read of many', async () => {
      const { back } = await start()
      await commit(back, setting('a', { deep: [1, null, false, ''] }, { meta: 1 }))
      for (const key of [StoreKey.of('a'), StoreKey.of('b')]) {
        const one = await back.readOne(key)
        const [many] = await back.read([key])
        expect(one).toMatchObject({ asOf: many!.asOf, until: many!.until, tier: many!.tier })
        expect(one.entry?.version).toBe(many!.entry?.version)
        expect(one.entry?.payload.decode()).toEqual(many!.entry?.payload.decode())
        expect(one.entry?.meta?.decode()).toEqual(many!.entry?.meta?.decode())
      }
    })

    it('sees what was committed before it was asked for', async () => {
      const { back } = await start()
      for (let i = 1; i <= 20; i++) {
        const { changes } = await commit(back, setting('a', i))
        const { entry, asOf } = await back.readOne(StoreKey.of('a'))
        expect([entry!.version, asOf]).toEqual([changes[0]!.seq, i])
      }
    })

    it('serves thousands of keys, and values of a megabyte', async () => {
      const { back } = await start()
      const large = new Uint8Array(1 << 20).fill(7)
      const count = 3_000
      await commit(back, setting('large', large), ...Array.from({ length: count }, (_, i) => setting(['n', i], i)))
      const found = await back.read(Array.from({ length: count }, (_, i) => StoreKey.of(['n', i])))
      expect(found.map(({ entry }) => entry!.payload.decode())).toEqual(Array.from({ length: count }, (_, i) => i))
      const { entry } = await back.readOne(StoreKey.of('large'))
      expect(entry!.payload.decode()).toEqual(large)
    })

    it('gives nobody a way to change what another one gets', async () => {
      const { back } = await start()
      await commit(back, setting('a', { list: [1], when: new Date(0) }))
      const key = StoreKey.of('a')
      const { entry } = await back.readOne(key)
      const mine = entry!.payload.decode() as { list: number[]; when: Date }
      mine.list.push(2)
      mine.when.setTime(1)
      const shared = entry!.payload.read() as { list: number[]; when: Date }
      try {
        shared.list.push(3)
        shared.when.setTime(2)
      } catch {
        // Frozen: as good as a copy.
      }
      const [again] = await back.read([key])
      expect(again!.entry!.payload.decode()).toEqual({ list: [1], when: new Date(0) })
      expect(again!.entry!.payload.read()).toEqual({ list: [1], when: new Date(0) })
    })
  })
}
