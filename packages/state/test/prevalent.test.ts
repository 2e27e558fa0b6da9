import { expect, test } from 'vitest'
import { prevalent } from '../src/index.ts'
import { openTemp, tempFile } from './support/temp.ts'

const initial = { x: 0, y: 0, s: {} as Record<string, unknown> }
const transactions = {
  add({ state }: { state: typeof initial }, x: number, y: number) {
    state.x += x
    state.y += y
    return state.x
  },
  swap(tx: { state: typeof initial }) {
    const { state } = tx
    ;[state.x, state.y] = [state.y, state.x]
  },
  inc(tx: { state: typeof initial }) {
    tx.state.x++
    tx.state.y++
  },
  setS({ state }: { state: typeof initial }, s: Record<string, unknown>) {
    state.s = s
  },
}

test('two runs come to the same state', async () => {
  const file = tempFile()
  const s = { a: 'bb', key: new Set(['val1', 'val2']) }
  {
    const { store } = openTemp({ file })
    await using db = await prevalent({ store, name: 'db', initial, transactions })
    expect(await db.execute('add', 1, 2)).toBe(1)
    await db.execute('add', 10, 20)
    await db.execute('swap')
    await db.execute('inc')
    await db.execute('setS', s)
    expect(db.state).toEqual({ x: 23, y: 12, s })
  }
  const { store } = openTemp({ file })
  await using db = await prevalent({ store, name: 'db', initial, transactions })
  expect(db.state).toEqual({ x: 23, y: 12, s })
  expect(db.recovery).toEqual({ snapshot: 0, replayed: 5, dropped: [] })
  await Promise.all(Array.from({ length: 100 }, () => db.execute('inc')))
  expect(db.state.x).toBe(123)
  await db.snapshot()
})
