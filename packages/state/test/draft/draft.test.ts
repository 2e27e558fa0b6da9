import { describe, expect, test } from 'vitest'
import { Owned } from '../../src/draft/owned.ts'
import { Scope } from '../../src/draft/scope.ts'
import { StateHash } from '../../src/draft/state-hash.ts'
import { storable } from '../../src/draft/storable.ts'
import { runTransaction, type Settled } from '../../src/prevalent/transaction.ts'

// oxlint-disable-next-line typescript/no-explicit-any -- states of all kinds
type Change = (transaction: { state: any }) => unknown

/** A state that transactions change, without handing it out in between. */
function stateOf(initial: unknown) {
  const owned = new Owned()
  const root = new Scope(owned).settled(storable(initial, 'initial', 0))
  let settled: Settled = { root, hash: StateHash.of(root) }
  return {
    get root(): unknown {
      return settled.root
    },
    change(change: Change): unknown {
      const circumstances = { number: 1, now: 0, seed: 0 }
      const { result, ...next } = runTransaction(change as never, settled, { owned, args: [], circumstances })
      settled = next
      expect(settled.hash).toEqual(StateHash.of(settled.root))
      return result
    },
    lock: () => owned.lock(settled.root),
  }
}

test('what cannot be stored is found before anything is changed where it is', () => {
  const state = stateOf({ a: { n: 0 }, list: [1], map: new Map([['k', { n: 0 }]]), set: new Set([1]) })
  const change: Change = ({ state: draft }) => {
    draft.a.n += 1
    draft.list.push(2)
    draft.map.get('k').n += 1
    draft.set.add(draft.list.length)
  }
  state.change(change)
  const detached = new Uint8Array(8)
  structuredClone(detached, { transfer: [detached.buffer] })
  const thrower = {
    get x(): never {
      throw new RangeError('getter')
    },
  }
  let reads = 0
  const fickle = {
    get x(): unknown {
      return reads++ === 0 ? 1 : () => {}
    },
  }
  for (const bad of [() => {}, Symbol('s'), new (class A {})(), thrower, new WeakMap(), Promise.resolve()]) {
    const spoil: Change = ({ state: draft }) => {
      change({ state: draft })
      draft.map.set('bad', [{ bad }])
    }
    expect(() => state.change(spoil)).toThrow()
  }
  expect(state.root).toEqual({ a: { n: 1 }, list: [1, 2], map: new Map([['k', { n: 1 }]]), set: new Set([1, 2]) })
  state.change(({ state: draft }) => void (draft.fickle = fickle))
  expect(state.root).toMatchObject({ fickle: { x: 1 } })
})

describe('a draft', () => {
  test('copies what it is given: neither side is changed by the other', () => {
    const given = { list: [{ n: 1 }] }
    const state = stateOf({})
    state.change(({ state: draft }) => void (draft.kept = given))
    given.list[0]!.n = 2
    expect([state.root, Object.isFrozen(given)]).toEqual([{ kept: { list: [{ n: 1 }] } }, false])
  })

  test('makes two of what is put in two places, as decoding does', () => {
    const state = stateOf({ a: { n: 1 } })
    state.change(({ state: draft }) => void (draft.b = draft.a))
    state.change(({ state: draft }) => void (draft.a.n = 2))
    expect(state.root).toEqual({ a: { n: 2 }, b: { n: 1 } })
  })

  test('tells as any object of its kind does', () => {
    const state = stateOf({ list: [3, 1, 2], map: new Map([['a', 1]]), set: new Set([1, 2]), text: 'x' })
    const seen = state.change(({ state: draft }) => {
      delete draft.text
      draft.list.sort()
      draft.map.set('b', 2).delete('a')
      return [
        Array.isArray(draft.list),
        draft.map instanceof Map,
        draft.set instanceof Set,
        Object.keys(draft),
        'text' in draft,
        JSON.stringify(draft.list),
        [...draft.list, ...draft.map, ...draft.set],
        draft.list.map((n: number) => n * 2),
        draft.set.union(new Set([3])),
        draft.map.size,
        Object.entries({ ...draft }).length,
        draft.toString(),
        draft.constructor === Object,
      ]
    })
    expect(seen as unknown).toEqual([
      true,
      true,
      true,
      ['list', 'map', 'set'],
      false,
      '[1,2,3]',
      [1, 2, 3, ['b', 2], 1, 2],
      [2, 4, 6],
      new Set([1, 2, 3]),
      1,
      3,
      '[object Object]',
      true,
    ])
  })
})

describe('a Map or Set of more than 1,024 entries', () => {
  const many = Array.from({ length: 3_000 }, (_, i) => i)
  const initial = () => ({ map: new Map(many.map((i) => [`k${i}`, { i }])), set: new Set(many) })

  test('keeps its order and its methods, and what was handed out stays as it was', () => {
    const state = stateOf(initial())
    state.lock()
    const before = state.root as ReturnType<typeof initial>
    const change: Change = ({ state: draft }) => {
      draft.map.get('k5').i = -5
      draft.map.delete('k0')
      draft.map.set('k0', { i: 0 })
      draft.set.delete(1)
      draft.set.add(1)
    }
    state.change(change)
    state.lock()
    const { map, set } = state.root as ReturnType<typeof initial>
    expect([map instanceof Map, set instanceof Set, map.size, set.size]).toEqual([true, true, 3_000, 3_000])
    expect([[...map.keys()].slice(0, 2), [...map.keys()].at(-1), map.get('k5')]).toEqual([
      ['k1', 'k2'],
      'k0',
      { i: -5 },
    ])
    expect([[...set].slice(0, 2), [...set].at(-1), set.has(1), set.has(-1)]).toEqual([[0, 2], 1, true, false])
    expect([[...before.map.keys()][0], before.map.get('k5'), [...before.set][1]]).toEqual(['k0', { i: 5 }, 1])
    expect(map).toEqual(new Map(map))
    expect(set.union(new Set([-1])).size).toBe(3_001)
    let sum = 0
    map.forEach(({ i }) => (sum += i))
    for (const { i } of map.values()) sum -= i
    expect(sum).toBe(0)
  })

  test('cannot be changed by readers, and throws where native code looks inside', () => {
    const state = stateOf(initial())
    state.lock()
    state.change(({ state: draft }) => void draft.map.set('x', { i: 1 }))
    state.change(({ state: draft }) => void draft.set.add(-1))
    const { map, set } = state.root as ReturnType<typeof initial>
    expect(() => map.set('y', { i: 1 })).toThrow(/outside of a transaction/)
    expect(() => set.clear()).toThrow(/outside of a transaction/)
    expect(() => structuredClone(map)).toThrow()
    expect(() => Map.prototype.get.call(map, 'x')).toThrow(TypeError)
  })

  test('loses nothing when versions part, and when most of it is removed', () => {
    const state = stateOf(initial())
    state.lock()
    state.change(({ state: draft }) => void draft.map.set('first', { i: 1 }))
    state.lock()
    const held = state.root as ReturnType<typeof initial>
    state.change(({ state: draft }) => {
      for (const i of many) if (i !== 7) draft.map.delete(`k${i}`)
      draft.map.set('last', { i: 2 })
    })
    state.change(({ state: draft }) => void draft.map.set('k3', { i: 3 }))
    const { map } = state.root as ReturnType<typeof initial>
    expect([...map.keys()]).toEqual(['k7', 'first', 'last', 'k3'])
    expect([held.map.size, held.map.get('k3'), held.map.has('last')]).toEqual([3_001, { i: 3 }, false])
  })
})

describe('the members of a Set', () => {
  interface Stay {
    readonly at: Date
    nights: number
  }
  const initial = () => ({
    days: new Set([new Date(1), new Date(2)]),
    stays: new Set<Stay>([{ at: new Date(3), nights: 1 }]),
    parts: new Set([Uint8Array.of(1), Uint8Array.of(2)]),
    first: undefined as unknown,
  })
  type Hotel = ReturnType<typeof initial>

  test.each<[string, (state: Hotel) => unknown]>([
    ['a date', ({ days }) => [...days].map((day) => day.setTime(9))],
    ['a date inside of one', ({ stays }) => [...stays].map(({ at }) => at.setTime(9))],
    ['a record', ({ stays }) => stays.forEach((stay) => (stay.nights += 1))],
    ['a record, quietly', ({ stays }) => Reflect.set(stays.values().next().value!, 'nights', 2)],
    ['bytes', ({ parts }) => [...parts].map((part) => (part[0] = 9))],
  ])('cannot be changed: %s', (_what, change) => {
    const state = stateOf(initial())
    state.lock()
    expect(() => state.change(({ state: draft }) => void change(draft as Hotel))).toThrow(
      /a member of .* was changed.*delete it, and add another/,
    )
    const failing: Change = ({ state: draft }) => {
      change(draft as Hotel)
      throw new RangeError('no')
    }
    expect(() => state.change(failing)).toThrow('no')
    expect(state.root).toEqual(initial())
  })

  test('are the same whenever they are met, and can be removed, added again and put elsewhere', () => {
    const state = stateOf(initial())
    state.lock()
    state.change(({ state: draft }) => {
      const { days, stays, parts } = draft as Hotel
      const [first] = days
      expect([[...days][0] === first, days.has(first!), days.has(new Date(1))]).toEqual([true, true, false])
      expect([days.delete(first!), days.delete(first!), days.has(first!)]).toEqual([true, false, false])
      days.add(first!)
      days.add([...days][0]!)
      const [stay] = stays
      draft.first = stay
      stays.delete(stay!)
      const [part] = parts
      part![0] = 7
      parts.delete(part!)
      parts.add(part!)
    })
    expect(state.root).toEqual({
      days: new Set([new Date(2), new Date(1)]),
      stays: new Set(),
      parts: new Set([Uint8Array.of(2), Uint8Array.of(7)]),
      first: { at: new Date(3), nights: 1 },
    })
    expect([...(state.root as Hotel).days].map(Number)).toEqual([2, 1])
    state.change(({ state: draft }) => (draft.first.nights = 4))
    expect((state.root as Hotel).first).toEqual({ at: new Date(3), nights: 4 })
  })
})

test('where a regular expression has found something is the own matter of whoever uses it', () => {
  const state = stateOf({ re: /a/g })
  state.lock()
  const reader = (state.root as { re: RegExp }).re
  reader.lastIndex = 3
  const find: Change = ({ state: draft }) => [draft.re.test('aa'), draft.re.test('aa'), draft.re.test('aa')]
  expect([state.change(find), state.change(find)]).toEqual([
    [true, true, false],
    [true, true, false],
  ])
  expect(reader.lastIndex).toBe(3)
  const used = /b/g
  used.lastIndex = 5
  state.change(({ state: draft }) => (draft.re = used))
  expect((state.root as { re: RegExp }).re.lastIndex).toBe(0)
})
