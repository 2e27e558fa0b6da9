// Its second run: nothing is executed, the journal is replayed.
import { open } from 'tidemark'
import { openRefs } from './system/refs.ts'

await using store = await open({ file: 'database.db' })
await using refs = await openRefs(store)
console.log(refs.state)
console.log(refs.recovery.replayed)
