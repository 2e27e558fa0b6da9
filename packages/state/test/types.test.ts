import { expectTypeOf, test } from 'vitest'
import { prevalent, states, type Transaction } from '../src/index.ts'
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
  // @ts-expect-error -- no such transaction
  await db.execute('remove').catch(() => {})
  // @ts-expect-error -- an argument of another type
  await db.execute('add', '1')
})

test('a state has the type of its default', async () => {
  const app = await states(openTemp().store)
  expectTypeOf(app.define('n', 1).value).toEqualTypeOf<number>()
  expectTypeOf(app.define('list', [] as string[]).value).toEqualTypeOf<string[]>()
})
