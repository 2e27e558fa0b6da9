import {
  ALL_KEYS,
  type Back,
  compareTuples,
  type DatedKey,
  type Entry,
  type KeyRange,
  prefixRange,
  rangeOf,
  StoreKey,
} from '@tidemark/core'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { commit, deleting, setting } from '../../writes.ts'
import type { StartBack } from './back-suite.ts'

export function describeScans(start: StartBack): void {
  describe('a scan', () => {
    it('returns every key once, in key order, in either direction, whatever the page size', async () => {
      const { back } = await start()
      const keys = [
        ...Array.from({ length: 60 }, (_, i) => ['n', (i * 37) % 60] as const),
        'a',
        'ab',
        'b',
        1,
        -1,
        2.5,
        true,
      ]
      await commit(back, ...keys.map((key) => setting(key, 1)))
      const sorted = keys.map((key) => StoreKey.of(key).tuple).toSorted(compareTuples)
      for (const limit of [1, 2, 7, 66, 67, 68, 1000]) {
        expect(tuples(await scanAll(back, ALL_KEYS, limit, false))).toEqual(sorted)
        expect(tuples(await scanAll(back, ALL_KEYS, limit, true))).toEqual(sorted.toReversed())
      }
    })

    it('keeps to its range', async () => {
      const { back } = await start()
      for (const key of ['user', 'users', 'a', 'z']) await commit(back, setting(key, 1))
      await commit(back, ...[1, 2, 3].map((i) => setting(['user', i], i)))
      const ids = async (range: KeyRange): Promise<unknown[]> => tuples(await scanAll(back, range, 2, false))
      expect(await ids(prefixRange('user'))).toEqual([['user'], ['user', 1], ['user', 2], ['user', 3]])
      expect(await ids(rangeOf({ prefix: ['user'], gt: ['user', 1] }))).toEqual([
        ['user', 2],
        ['user', 3],
      ])
      expect(await ids(rangeOf({ gte: ['user', 2], lt: 'z' }))).toEqual([['user', 2], ['user', 3], ['users']])
      expect(await ids(rangeOf({ gt: 'z' }))).toEqual([])
      expect(await ids({ start: StoreKey.of('z').bytes, end: StoreKey.of('a').bytes })).toEqual([])
    })

    it('goes on after a key that no longer exists, or never did', async () => {
      const { back } = await start()
      await commit(back, ...['a', 'b', 'd'].map((key) => setting(key, 1)))
      await commit(back, deleting('b'))
      const page = (after: string, reverse: boolean): Promise<unknown[]> =>
        back.scan(ALL_KEYS, { after: StoreKey.of(after), limit: 10, reverse }).then(({ entries }) => tuples(entries))
      expect(await page('b', false)).toEqual([['d']])
      expect(await page('c', true)).toEqual([['a']])
    })

    it('gives entries as a read does, and the head of its snapshot', async () => {
      const { back } = await start()
      await commit(back, setting('a', { n: 1 }, { meta: 'm' }), setting('b', 1))
      await commit(back, deleting('b'))
      const { entries, asOf } = await back.scan(ALL_KEYS, { after: undefined, limit: 10, reverse: false })
      expect(asOf).toBe(3)
      expect(entries).toHaveLength(1)
      const { entry } = await back.readOne(StoreKey.of('a'))
      expect(entries[0]).toMatchObject({ version: entry!.version, writtenAt: entry!.writtenAt, expiresAt: undefined })
      expect([entries[0]!.payload.decode(), entries[0]!.meta!.decode()]).toEqual([{ n: 1 }, 'm'])
    })

    it('of keys gives them as a scan of entries does, with their versions and dates', async () => {
      const { back } = await start()
      await commit(back, setting('a', 1), setting('b', { n: 1 }, { meta: 'm' }), setting('c', 1))
      await commit(back, setting('a', 2), deleting('c'))
      for (const reverse of [false, true]) {
        const options = { after: undefined, limit: 10, reverse }
        const { entries, ...page } = await back.scan(ALL_KEYS, options)
        const keys = entries.map(({ key, version, writtenAt }) => ({ key, version, writtenAt }))
        expect(await back.scanKeys(ALL_KEYS, options)).toEqual({ keys, ...page })
        expect(keys).toHaveLength(2)
      }
    })

    it('and a count agree with a sorted list, for any keys, range, direction and page size', async () => {
      const { back } = await start()
      const part = fc.oneof(fc.string({ maxLength: 3 }), fc.integer({ min: -3, max: 3 }), fc.boolean())
      const key = fc.array(part, { minLength: 1, maxLength: 2 })
      const round = fc.record({
        keys: fc.array(key, { maxLength: 15 }),
        low: key,
        high: key,
        limit: fc.integer({ min: 1, max: 5 }),
        reverse: fc.boolean(),
      })
      await fc.assert(
        fc.asyncProperty(round, async ({ keys, low, high, limit, reverse }) => {
          await commit(
            back,
            ...(await scanAll(back, ALL_KEYS, 1000, false)).map(({ key: { tuple } }) => deleting(tuple)),
          )
          await commit(back, ...keys.map((tuple) => setting(tuple, 1)))
          const ids = new Map(keys.map((tuple) => [StoreKey.of(tuple).id, tuple]))
          const expected = [...ids.values()]
            .filter((tuple) => compareTuples(tuple, low) >= 0 && compareTuples(tuple, high) < 0)
            .toSorted(compareTuples)
          const range = rangeOf({ gte: low, lt: high })
          const seen = tuples(await scanAll(back, range, limit, reverse))
          expect(seen).toEqual(reverse ? expected.toReversed() : expected)
          expect(await back.count(range)).toBe(expected.length)
          expect(await keysOf(back, range, limit, reverse)).toEqual(seen)
        }),
        { numRuns: 60 },
      )
    })
  })
}

export async function scanAll(back: Back, range: KeyRange, limit: number, reverse: boolean): Promise<Entry[]> {
  const all: Entry[] = []
  for (;;) {
    const { entries, isLast } = await back.scan(range, { after: all.at(-1)?.key, limit, reverse })
    expect(entries.length).toBeLessThanOrEqual(limit)
    if (!isLast) expect(entries).not.toEqual([])
    all.push(...entries)
    // A scan that goes on from the wrong place would go on for ever.
    expect(all.length).toBeLessThan(20_000)
    if (isLast) return all
  }
}

async function keysOf(back: Back, range: KeyRange, limit: number, reverse: boolean): Promise<(readonly unknown[])[]> {
  const all: DatedKey[] = []
  for (;;) {
    const { keys, isLast } = await back.scanKeys(range, { after: all.at(-1)?.key, limit, reverse })
    expect(keys.length).toBeLessThanOrEqual(limit)
    if (!isLast) expect(keys).not.toEqual([])
    all.push(...keys)
    if (isLast) return tuples(all)
  }
}

function tuples(entries: readonly Pick<Entry, 'key'>[]): (readonly unknown[])[] {
  return entries.map(({ key }) => key.tuple)
}
