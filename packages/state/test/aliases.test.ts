import { describe, expect, test, vi } from 'vitest'
import { prevalent, type Transaction } from '../src/index.ts'
import { WideMap } from '../src/wide/wide-map.ts'
import { openTemp, tempFile } from './support/temp.ts'

interface Item {
  n: number
}

interface Shop {
  stock: Map<string, Item>
  closing: Map<string, Item> | undefined
  current: { n: number; tags: string[] }
  past: unknown[]
}

const WIDE = 2_000

const shopOf = (items: number) => (): Shop => ({
  stock: new Map(Array.from({ length: items }, (_, i) => [`k${i}`, { n: i }])),
  closing: undefined,
  current: { n: 0, tags: [] },
  past: [],
})

type On = Transaction<Shop>

const transactions = {
  sell({ state }: On, key: string, by: number) {
    const item = state.stock.get(key)!
    item.n -= by
    return item
  },
  put: ({ state }: On, key: string, n: number) => state.stock.set(key, { n }),
  close: ({ state }: On) => void (state.closing = state.stock),
  tag({ state }: On, tag: string) {
    state.current.tags.push(tag)
    state.past.push(state.current)
  },
}

describe.each([
  ['a few', 10],
  ['many', WIDE],
])('what a transaction returns, or puts in a second place, with %s items', (_what, items) => {
  test('is changed in one place only, before and after a restart', async () => {
    const file = tempFile()
    const open = () =>
      prevalent({ store: openTemp({ file }).store, name: 'shop', initial: shopOf(items), transactions, leaseMs: 200 })
    let expected: unknown
    for (let round = 0; round < 3; round++) {
      await using db = await open()
      // A comparison of content: a large Map is another class of object.
      const shown = () => ({ ...db.state, stock: [...db.state.stock], closing: [...(db.state.closing ?? [])] })
      expect([shown(), db.recovery.dropped]).toEqual([expected ?? shown(), []])
      const told = [await db.execute('sell', 'k1', 1), await db.execute('sell', 'k1', 1)]
      expect(told[0]!.n - told[1]!.n).toBe(1)
      await Promise.all([db.execute('close'), db.execute('put', 'k1', 100 + round), db.execute('sell', 'k2', 5)])
      await db.execute('close')
      await db.execute('put', `new ${round}`, 7)
      await Promise.all([db.execute('tag', 'a'), db.execute('tag', 'b'), db.execute('sell', 'k1', 1)])
      const { stock, closing, past } = db.state
      expect([stock.get('k1'), closing!.get('k1'), closing!.has(`new ${round}`)]).toEqual([
        { n: 99 + round },
        { n: 100 + round },
        false,
      ])
      expect(past.map((each) => (each as Shop['current']).tags.length)).toEqual(
        Array.from({ length: 2 * (round + 1) }, (_each, i) => i + 1),
      )
      expected = shown()
      if (round === 1) await db.snapshot()
    }
  })
})

test('a Map that every transaction returns is not walked through for it', async () => {
  const { store } = openTemp()
  await using db = await prevalent({ store, name: 'shop', initial: shopOf(WIDE), transactions })
  await db.execute('put', 'k0', 1)
  const walks = vi.spyOn(WideMap.prototype, 'values')
  for (let i = 0; i < 20; i++) await db.execute('put', `k${i}`, i)
  expect(walks).not.toHaveBeenCalled()
  walks.mockRestore()
})

test('a large Map is one wherever a value can be: arguments, other stores, a Set, a snapshot', async () => {
  const file = tempFile()
  const changes = {
    put: ({ state }: On, key: string, n: number) => void state.stock.set(key, { n }),
    note: ({ state }: On, what: unknown) => void state.past.push(what),
    hold: ({ state }: On) => void state.past.push(new Set([state.stock])),
  }
  const open = () =>
    prevalent({
      store: openTemp({ file }).store,
      name: 'shop',
      initial: shopOf(WIDE),
      transactions: changes,
      leaseMs: 200,
    })
  const { store } = openTemp()
  {
    await using db = await open()
    await db.execute('put', 'k0', 5)
    await store.set('copy', db.state.stock)
    await db.execute('note', db.state.stock)
    await db.execute('hold')
    await db.snapshot()
  }
  await using db = await open()
  const { stock, past } = db.state
  const expected = [...shopOf(WIDE)().stock.set('k0', { n: 5 })]
  const held = [...(past[1] as Set<Shop['stock']>)][0]!
  const copies = [stock, await store.get<Shop['stock']>('copy'), past[0] as Shop['stock'], held]
  for (const copy of copies) expect([...copy!]).toEqual(expected)
})

test('an object that is a member of a Set, and stands elsewhere too, is two, before and after a restart', async () => {
  interface Twins {
    x: { v: number }
    y: unknown
    sets: { s: Set<unknown>; u: Set<unknown> }
    sizes: number[]
  }
  type OnTwins = Transaction<Twins>
  const changes = {
    alias: ({ state }: OnTwins) => void (state.y = state.x),
    both: ({ state }: OnTwins) => void (state.sets.s = new Set([state.x, state.y])),
    add: ({ state }: OnTwins) => void state.sets.s.add(state.x),
    share: ({ state }: OnTwins) => void state.sets.u.add(state.x),
    union: ({ state }: OnTwins) => void (state.sets.s = state.sets.s.union(state.sets.u)),
    same: ({ state }: OnTwins) => void (state.sets.u = state.sets.s),
    count: ({ state: { sets, sizes } }: OnTwins) => sizes.push(sets.s.size, sets.u.size),
  }
  const file = tempFile()
  const open = () =>
    prevalent({
      store: openTemp({ file }).store,
      name: 'twins',
      initial: (): Twins => ({ x: { v: 1 }, y: 0, sets: { s: new Set(), u: new Set() }, sizes: [] }),
      transactions: changes,
      snapshotEvery: 0,
    })
  for (let round = 0; round < 2; round++) {
    await using db = await open()
    await db.execute('alias')
    if (round === 0) await db.snapshot()
    await db.execute('both')
    await db.execute('count')
    for (const name of ['add', 'add', 'share', 'union', 'count', 'same', 'union', 'count'] as const)
      await db.execute(name)
  }
  await using db = await open()
  expect([db.state.sizes, db.recovery.replayed > 0]).toEqual([[2, 0, 5, 1, 10, 5, 2, 5, 10, 6, 20, 10], true])
})

test('a getter of what a transaction puts or returns cannot change the state any more', async () => {
  interface Noted {
    notes: string[]
    map: Map<string, unknown>
  }
  const changes = {
    put({ state }: Transaction<Noted>) {
      state.map.set('x', {
        get count() {
          return state.notes.push('late')
        },
      })
    },
    tell: ({ state }: Transaction<Noted>) => ({
      get late() {
        return state.map.set('late', 1).size
      },
    }),
    see({ state }: Transaction<Noted>) {
      state.notes.push('seen')
      return {
        get seen() {
          return state.notes.length
        },
      }
    },
  }
  const { store } = openTemp()
  const initial: Noted = { notes: [], map: new Map() }
  await using db = await prevalent({ store, name: 'noted', initial, transactions: changes })
  await expect(db.execute('put')).rejects.toThrow(/a getter cannot change the state/)
  await expect(db.execute('tell')).rejects.toThrow(/a getter cannot change the state/)
  expect([db.state, db.number]).toEqual([initial, 0])
  expect(await db.execute('see')).toEqual({ seen: 1 })
})
