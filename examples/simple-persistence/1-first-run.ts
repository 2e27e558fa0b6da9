// Simple Persistence for Clojure, its first run.
import { open } from 'tidemark'
import { openRefs } from './system/refs.ts'

await using store = await open({ file: 'database.db' })
await using refs = await openRefs(store)

await refs.execute('trFn', 1, 2)
await refs.execute('trFn', 10, 20)
await refs.execute('trFnSwap')
await refs.execute('trInc')
await refs.execute('trSetS', { a: 'bb', key: new Set(['val1', 'val2']) })
console.log(refs.state)
