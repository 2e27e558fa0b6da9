import { ClosedError, type Front, Payload, StoreKey } from '@tidemark/core'
import { describe, expect, it } from 'vitest'
import { change, codec, filling, missing } from '../../writes.ts'
import { HEAD, type StartFront } from './front-suite.ts'

const HOUR = 3_600_000

export function describeRecords(start: StartFront): void {
  describe('records', () => {
    it('are unknown at first, and one answer comes for each key in its place', async () => {
      const test = await start()
      const { front } = test
      expect(await front.read(['a', 'b'].map((key) => StoreKey.of(key)))).toEqual([undefined, undefined])
      expect(await front.read([])).toEqual([])
      await test.install(change(HEAD + 1, 'b', 'B'))
      const found = await front.read(['a', 'b', 'c', 'b'].map((key) => StoreKey.of(key)))
      expect(found.map((each) => each?.entry?.payload.decode())).toEqual([undefined, 'B', undefined, 'B'])
    })

    it('hold what a change installed, completely', async () => {
      const test = await start()
      const { clock } = test
      const expiresAt = Math.ceil(clock.now()) + 10 * HOUR
      const written = change(HEAD + 1, ['user', 1], { n: 1 }, { expiresAt, meta: Payload.encode(codec, 'm') })
      expect(await test.install(written)).toEqual(['installed'])
      const found = await test.read(['user', 1])
      expect(found).toMatchObject({
        asOf: HEAD + 1,
        entry: { version: HEAD + 1, writtenAt: written.at, expiresAt, key: { id: written.key.id } },
      })
      expect([found!.entry!.payload.decode(), found!.entry!.meta!.decode()]).toEqual([{ n: 1 }, 'm'])
    })

    it('name their front, and end in time', async () => {
      const test = await start()
      const { front, clock } = test
      await test.install(change(HEAD + 1, 'a', 1))
      await test.fill(missing('b', HEAD + 1))
      for (const key of ['a', 'b']) {
        const found = (await test.read(key))!
        expect(found.tier).toBe(front.name)
        expect(found.until).toBeGreaterThan(clock.now())
        expect(found.until).toBeLessThan(Infinity)
      }
    })

    it('hold what a fill brought: a value, or that there is none', async () => {
      const test = await start()
      expect(await test.fill(filling('a', { n: 1 }, 7, HEAD), missing('b', HEAD + 3))).toEqual([
        'installed',
        'installed',
      ])
      expect(await test.held('a')).toEqual([7, { n: 1 }])
      expect(await test.held('b')).toEqual([HEAD + 3, 'absent'])
    })

    it('tell stored emptiness from absence', async () => {
      const test = await start()
      const values = [null, false, 0, '']
      for (const [i, value] of values.entries()) await test.install(change(HEAD + 1 + i, ['v', i], value))
      for (const [i, value] of values.entries()) {
        expect((await test.read(['v', i]))?.entry?.payload.decode()).toBe(value)
      }
    })

    it('go when their key is invalidated, and when it is deleted', async () => {
      const test = await start()
      await test.install(change(HEAD + 1, 'a', 1), change(HEAD + 2, 'b', 1), change(HEAD + 3, 'c', 1))
      expect(await test.invalidate(change(HEAD + 4, 'a', 2))).toEqual(['removed'])
      expect(await test.install(change(HEAD + 5, 'b', undefined))).toEqual(['removed'])
      expect(await test.invalidate(change(HEAD + 6, 'c', undefined, { op: 'expire' }))).toEqual(['removed'])
      expect([await test.held('a'), await test.held('b'), await test.held('c')]).toEqual([
        undefined,
        undefined,
        undefined,
      ])
    })

    it('follow the changes of a batch one by one', async () => {
      const test = await start()
      const outcomes = await test.install(
        change(HEAD + 1, 'a', 1),
        change(HEAD + 2, 'b', 1),
        change(HEAD + 3, 'a', 2),
        change(HEAD + 4, 'b', undefined),
        change(HEAD + 5, 'c', undefined),
        change(HEAD + 6, 'c', 1),
      )
      expect(outcomes).toEqual(['installed', 'installed', 'installed', 'removed', 'removed', 'installed'])
      expect([await test.held('a'), await test.held('b'), await test.held('c')]).toEqual([
        [HEAD + 3, 2],
        undefined,
        [HEAD + 6, 1],
      ])
      expect(await test.install()).toEqual([])
    })

    it('end with their entry, and no later than the tier below allows', async () => {
      const test = await start()
      const { clock } = test
      const soon = Math.ceil(clock.now()) + 20_000
      await test.install(change(HEAD + 1, 'a', 1, { expiresAt: soon }))
      await test.fill(filling('b', 1, HEAD, HEAD, { until: soon }), missing('c', HEAD + 1, { until: soon }))
      for (const key of ['a', 'b', 'c']) expect((await test.read(key))!.until).toBeLessThanOrEqual(soon)
      clock.step(20_001)
      for (const key of ['a', 'b', 'c']) expect(await test.held(key)).toBeUndefined()
    })

    it('end by themselves at last', async () => {
      const test = await start()
      const { clock } = test
      await test.install(change(HEAD + 1, 'a', 1))
      await test.fill(filling('b', 1, HEAD, HEAD), missing('c', HEAD + 1))
      clock.step(1000 * HOUR)
      for (const key of ['a', 'b', 'c']) expect(await test.held(key)).toBeUndefined()
    })

    it('are not made of what has ended already, which still replaces what was there', async () => {
      const test = await start()
      const { clock } = test
      const past = Math.floor(clock.now()) - 1000
      await test.install(change(HEAD + 1, 'a', 1))
      await test.install(change(HEAD + 2, 'a', 2, { expiresAt: past }))
      await test.fill(filling('b', 1, HEAD, HEAD, { until: past }))
      expect([await test.held('a'), await test.held('b')]).toEqual([undefined, undefined])
    })

    it('all go at once when the front is cleared, and new ones can come', async () => {
      const test = await start()
      const { front } = test
      await test.install(change(HEAD + 1, 'a', 1))
      await test.fill(missing('b', HEAD + 1))
      await front.clear()
      expect([await test.held('a'), await test.held('b')]).toEqual([undefined, undefined])
      expect(await test.install(change(HEAD + 2, 'a', 2))).toEqual(['installed'])
      expect(await test.fill(filling('b', 1, HEAD + 3, HEAD + 3))).toEqual(['installed'])
      expect([await test.held('a'), await test.held('b')]).toEqual([
        [HEAD + 2, 2],
        [HEAD + 3, 1],
      ])
    })

    it('give no reader a way to change what another one gets', async () => {
      const test = await start()
      await test.install(change(HEAD + 1, 'a', { list: [1] }))
      const mine = (await test.read('a'))!.entry!.payload.decode() as { list: number[] }
      mine.list.push(2)
      try {
        ;((await test.read('a'))!.entry!.payload.read() as { list: number[] }).list.push(3)
      } catch {
        // Frozen: as good as a copy.
      }
      expect((await test.read('a'))!.entry!.payload.read()).toEqual({ list: [1] })
    })

    it('travel in thousands', async () => {
      const test = await start()
      const { front } = test
      const count = 2_500
      const changes = Array.from({ length: count }, (_, i) => change(HEAD + 1 + i, ['n', i], i))
      expect(new Set(await test.install(...changes))).toEqual(new Set(['installed']))
      const found = await front.read(changes.map(({ key }) => key))
      expect(found.map((each) => each?.entry?.payload.decode())).toEqual(changes.map((_, i) => i))
    })
  })

  describe('closing', () => {
    it('is for good, and can be asked for twice', async () => {
      const { front } = await start()
      await Promise.all([front.close(), front.close()])
      const calls: readonly ((front: Front) => Promise<unknown>)[] = [
        (closed) => closed.read([StoreKey.of('a')]),
        (closed) => closed.apply([change(HEAD + 1, 'a', 1)], 'install'),
        (closed) => closed.fill([missing('a', HEAD)]),
        (closed) => closed.clear(),
      ]
      for (const call of calls) await expect(call(front)).rejects.toBeInstanceOf(ClosedError)
    })
  })
}
