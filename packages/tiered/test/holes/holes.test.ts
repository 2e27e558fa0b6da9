import { describe, expect, test } from 'vitest'
import { useRedis } from '../support/fleet.ts'
import { NaiveTiers } from './naive-tiers.ts'
import { OurTiers } from './our-tiers.ts'
import type { TestedTiers } from './tested-tiers.ts'

// The holes of konserve's tiered store that are to stay closed. Each is made to happen twice: to a store of that design, which
// must show it, as a test that it passes would prove nothing; and to ours, which must not.

const redis = useRedis()

interface Hole {
  readonly happens: (tiers: TestedTiers) => Promise<unknown>
  readonly naive: unknown
  readonly ours: unknown
}

const HOLES: Readonly<Record<string, Hole>> = {
  'a fill after the lock is released overwrites a newer write, and brings back what was deleted': {
    async happens(tiers) {
      const read: unknown[] = []
      const [a, b] = [await tiers.process(), await tiers.process()]
      for (const write of [() => a.set('k', 'new'), () => a.delete('k')]) {
        await a.set('k', 'old')
        await tiers.evict()
        const fill = b.hold('fill')
        expect(await b.get('k')).toBe('old')
        await fill.arrived()
        await write()
        fill.release()
        await b.settled()
        read.push(await a.get('k'))
      }
      return read
    },
    naive: ['old', 'old'],
    ours: ['new', undefined],
  },
  'reading a path caches the fragment as the whole': {
    async happens(tiers) {
      const [a, b] = [await tiers.process(), await tiers.process()]
      await a.set('k', { inner: { n: 1 }, outer: 2 }, 'write-around')
      await a.settled()
      expect(await a.getIn('k', ['inner'])).toEqual({ n: 1 })
      await a.settled()
      return b.get('k')
    },
    naive: { n: 1 },
    ours: { inner: { n: 1 }, outer: 2 },
  },
  'an update on a cold front runs its function on nothing': {
    async happens(tiers) {
      const a = await tiers.process()
      await a.set('n', 41)
      await tiers.evict()
      await a.update('n', (n = 0) => n + 1)
      return a.get('n')
    },
    naive: 1,
    ours: 42,
  },
  'a front failure after the write of the back tier leaves the front stale for ever': {
    async happens(tiers) {
      const [a, b] = [await tiers.process(), await tiers.process()]
      await a.set('k', 1)
      expect(await b.get('k')).toBe(1)
      a.cutOff()
      await a.set('k', 2)
      return tiers.inTheEnd(() => b.get('k'), 2)
    },
    naive: 1,
    ours: 2,
  },
  'write-around invalidates in the background': {
    async happens(tiers) {
      const [a, b] = [await tiers.process(), await tiers.process()]
      await a.set('k', 1)
      const invalidation = a.hold('apply')
      let isAcknowledged = false
      const writing = a.set('k', 2, 'write-around').then(() => (isAcknowledged = true))
      await invalidation.arrived()
      await b.settled()
      const isEarly = isAcknowledged
      if (!isEarly) invalidation.release()
      await writing
      const read = await b.get('k')
      invalidation.release()
      return { isEarly, read }
    },
    naive: { isEarly: true, read: 1 },
    ours: { isEarly: false, read: 2 },
  },
  'what one process writes is not invalidated in the others': {
    async happens(tiers) {
      const [a, b] = [await tiers.process('own'), await tiers.process('own')]
      await a.set('k', 1)
      expect(await b.get('k')).toBe(1)
      await a.set('k', 2)
      return b.get('k')
    },
    naive: 1,
    ours: 2,
  },
  'a full sync leaves deleted keys': {
    async happens(tiers) {
      const a = await tiers.process()
      await a.set('gone', 1)
      await a.set('kept', 2)
      await (await tiers.process('none')).delete('gone')
      await a.fullSync()
      return [await tiers.inTheEnd(() => a.get('gone'), undefined), await a.get('kept')]
    },
    naive: [1, 2],
    ours: [undefined, 2],
  },
  'a front that survives serves the data of a deleted store to its successor': {
    async happens(tiers) {
      await (await tiers.process()).set('k', 'of the deleted one')
      const next = await (await tiers.successor()).process()
      return next.get('k')
    },
    naive: 'of the deleted one',
    ours: undefined,
  },
  'updates that read and then write lose increments across processes': {
    async happens(tiers) {
      const processes = [await tiers.process(), await tiers.process()]
      await Promise.all(
        processes.map(async (each) => {
          for (let i = 0; i < 20; i++) await each.update('n', (n = 0) => n + 1)
        }),
      )
      return (await processes[0]!.get('n')) === 40
    },
    naive: false,
    ours: true,
  },
}

describe.each(Object.entries(HOLES))('hole: %s', (_name, { happens, naive, ours }) => {
  test('the naive design has it', async () => {
    expect(await happens(new NaiveTiers())).toEqual(naive)
  })

  test('closed', async () => {
    expect(await happens(new OurTiers(redis.server))).toEqual(ours)
  })
})
