import { ALL_KEYS, prefixRange, StoreKey } from '@tidemark/core'
import { describe, expect, test } from 'vitest'
import type { SqliteBack } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'
import { blind, remove, set, setOf } from './support/writes.ts'

async function filled(back: SqliteBack, count: number): Promise<void> {
  await back.commit(blind(...Array.from({ length: count }, (_, i) => setOf(['n', i], i))))
}

const keyOf = (i: number): StoreKey => StoreKey.of(['n', i])

describe('reading by key', () => {
  test('one key, without a promise', async () => {
    const back = openTemp()
    await set(back, 'a', null)
    await set(back, 'b', 1)
    const found = back.readOne(StoreKey.of('a'))
    expect(found).toMatchObject({ asOf: 2, until: Infinity, tier: 'sqlite' })
    expect(found.entry).toMatchObject({ version: 1, expiresAt: undefined, meta: undefined })
    expect(found.entry!.payload.read()).toBeNull()
    expect(back.readOne(StoreKey.of('c'))).toEqual({ entry: undefined, asOf: 2, until: Infinity, tier: 'sqlite' })
  })

  test('a thousand keys are one statement', async () => {
    const statements: unknown[] = []
    const back = openTemp({}, { verbose: (sql) => statements.push(sql) })
    await filled(back, 1000)
    statements.length = 0
    const found = await back.read(Array.from({ length: 1000 }, (_, i) => keyOf(i)))
    expect(statements).toHaveLength(1)
    expect(found.map(({ entry }) => entry?.payload.read())).toEqual(Array.from({ length: 1000 }, (_, i) => i))
    expect(found.every(({ asOf }) => asOf === 1000)).toBe(true)
  })

  test.each([0, 1, 2, 3, 1023, 1024, 1025, 3000])('%i keys, some missing, some twice', async (count) => {
    const back = openTemp()
    await filled(back, 700)
    const wanted = Array.from({ length: count }, (_, i) => (i * 7) % 1400)
    const found = await back.read(wanted.map(keyOf))
    expect(found.map(({ entry }) => entry?.payload.read())).toEqual(wanted.map((i) => (i < 700 ? i : undefined)))
    expect(found.every(({ entry }, i) => entry === undefined || entry.key.id === keyOf(wanted[i]!).id)).toBe(true)
  })

  test('more keys than one statement takes are of one snapshot all the same', async () => {
    const file = tempFile()
    const writer = openTemp({ file })
    let began = 0
    const verbose = (sql?: unknown): void => {
      // Right before the second statement of the read.
      if (String(sql).includes('UNION ALL') && ++began === 2)
        writer.sync.commit(blind(setOf(['n', 0], 2), setOf(['n', 2_000], 2)))
    }
    await writer.commit(blind(setOf(['n', 0], 1), setOf(['n', 2_000], 1)))
    const back = openTemp({ file }, { verbose })
    const read = async (): Promise<unknown[]> => {
      const found = await back.read(Array.from({ length: 2_001 }, (_, i) => keyOf(i)))
      return [found[0], found[2_000]].map((each) => [each!.entry?.payload.read(), each!.asOf])
    }
    expect(await read()).toEqual([
      [1, 2],
      [1, 2],
    ])
    expect([began >= 2, await read()]).toEqual([
      true,
      [
        [2, 4],
        [2, 4],
      ],
    ])
  })
})

describe('scanning', () => {
  const range = prefixRange('n')

  async function scanAll(back: SqliteBack, reverse: boolean, limit: number): Promise<unknown[]> {
    const seen: unknown[] = []
    let after: StoreKey | undefined
    for (;;) {
      const { entries, asOf } = await back.scan(range, { after, limit, reverse })
      expect(asOf).toBe(await back.log.head())
      for (const { key } of entries) seen.push(key.tuple[1])
      if (entries.length < limit) return seen
      after = entries.at(-1)!.key
    }
  }

  test('pages in both directions, without what lies outside the range', async () => {
    const back = openTemp()
    await filled(back, 25)
    await set(back, ['m', 1], 0)
    await set(back, ['o', 1], 0)
    await remove(back, ['n', 3])
    const expected = Array.from({ length: 25 }, (_, i) => i).filter((i) => i !== 3)
    expect(await scanAll(back, false, 10)).toEqual(expected)
    expect(await scanAll(back, true, 10)).toEqual(expected.toReversed())
    expect(await scanAll(back, false, 24)).toEqual(expected)
    expect(await back.count(range)).toBe(24)
    expect(await back.count(ALL_KEYS)).toBe(26)
  })

  test('a start outside the range does not widen it', async () => {
    const back = openTemp()
    await filled(back, 3)
    await set(back, ['m', 1], 0)
    await set(back, ['o', 1], 0)
    const ids = async (after: StoreKey, reverse: boolean): Promise<unknown[]> =>
      (await back.scan(range, { after, limit: 10, reverse })).entries.map(({ key }) => key.tuple[1])
    expect(await ids(StoreKey.of(['a']), false)).toEqual([0, 1, 2])
    expect(await ids(StoreKey.of(['z']), false)).toEqual([])
    expect(await ids(StoreKey.of(['z']), true)).toEqual([2, 1, 0])
    expect(await ids(StoreKey.of(['a']), true)).toEqual([])
  })

  test('a limit that is none is refused', async () => {
    const back = openTemp()
    for (const limit of [0, -1, 1.5, Infinity, Number.NaN]) {
      await expect(back.scan(ALL_KEYS, { after: undefined, limit, reverse: false })).rejects.toThrow(RangeError)
    }
  })

  test('a decision may read from its own store', async () => {
    const back = openTemp()
    await filled(back, 3)
    let inside: Promise<number> | undefined
    await back.commit({
      reads: [keyOf(0)],
      decide: () => {
        expect(back.readOne(keyOf(1)).asOf).toBe(3)
        inside = back.scan(range, { after: undefined, limit: 5, reverse: false }).then(({ entries }) => entries.length)
        return [setOf('x', 1)]
      },
    })
    expect(await inside).toBe(3)
  })
})
