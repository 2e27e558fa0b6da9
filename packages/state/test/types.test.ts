import { expect, expectTypeOf, test } from 'vitest'
import { type DeepReadonly, prevalent, states, type Transaction } from '../src/index.ts'
import { openTemp } from './support/temp.ts'

test('names, arguments and results of transactions are those of the functions', async () => {
  const { store } = openTemp()
  await using db = await prevalent({
    store,
    name: 'types',
    initial: { count: 0, names: new Set<string>() },
    transactions: {
      add({ state }, by: number) {
        expectTypeOf(state).toEqualTypeOf<{ count: number; names: Set<string> }>()
        state.count += by
        return state.count
      },
      name({ state }: Transaction<{ count: number; names: Set<string> }>, name: string, times?: number) {
        state.names.add(`${name} ${times ?? 1}`)
      },
    },
  })
  expectTypeOf(db.state.count).toEqualTypeOf<number>()
  expectTypeOf(await db.execute('add', 1)).toEqualTypeOf<number>()
  expectTypeOf(await db.execute('name', 'ada')).toEqualTypeOf<void>()
  expectTypeOf(db.state.names).toEqualTypeOf<ReadonlySet<string>>()
  // @ts-expect-error -- readers change nothing
  expect(() => (db.state.count = 5)).toThrow(TypeError)
  // @ts-expect-error -- nor inside
  expect(() => db.state.names.add('x')).toThrow(TypeError)
  // @ts-expect-error -- no such transaction
  await db.execute('remove').catch(() => {})
  // @ts-expect-error -- an argument of another type
  await db.execute('add', '1')
})

test('a transaction that is async does not compile', async () => {
  const { store } = openTemp()
  await using db = await prevalent({
    store,
    name: 'types',
    initial: { count: 0 },
    transactions: {
      // @ts-expect-error -- it could not be replayed
      async add({ state }: Transaction<{ count: number }>, by: number) {
        state.count += by
      },
    },
  })
  await expect(db.execute('add', 1)).rejects.toThrow(/must not be async/)
})

test('what is read is readonly all the way down', () => {
  interface Deep {
    list: { at: Date; tags: Set<{ n: number }> }[]
    pair: [string, { n: number }]
    map: Map<string, { n: number } | undefined>
    some: unknown
  }
  expectTypeOf<DeepReadonly<Deep>>().toEqualTypeOf<{
    readonly list: readonly { readonly at: Date; readonly tags: ReadonlySet<{ readonly n: number }> }[]
    readonly pair: readonly [string, { readonly n: number }]
    readonly map: ReadonlyMap<string, { readonly n: number } | undefined>
    readonly some: unknown
  }>()
})

test('a state has the type of its default', async () => {
  const app = await states(openTemp().store)
  expectTypeOf(app.define('n', 1).value).toEqualTypeOf<number>()
  expectTypeOf(app.define('list', [] as string[]).value).toEqualTypeOf<string[]>()
})
