// "For that you just re-implement your transaction functions to write to another database, and replay."
import { open } from 'tidemark'
import { openRefs } from './system/refs.ts'

await using store = await open({ file: 'database.db' })
await using refs = await openRefs(store)

const rows = new Map<string, unknown>([
  ['x', 0],
  ['y', 0],
])
const add = (row: string, by: number): unknown => rows.set(row, Number(rows.get(row)) + by)
const last = await refs.journal.replay({
  trFn(_context, x: number, y: number) {
    add('x', x)
    add('y', y)
  },
  trFnSwap() {
    const x = rows.get('x')
    rows.set('x', rows.get('y')).set('y', x)
  },
  trInc() {
    add('x', 1)
    add('y', 1)
  },
  async trSetS(_context, s: unknown) {
    await Promise.resolve()
    rows.set('s', s)
  },
})
console.log(last, rows)

// The journal is data, and readable.
for await (const line of refs.journal.export()) {
  const { number, name, args } = JSON.parse(line)
  console.log(number, name, JSON.stringify(args))
}
